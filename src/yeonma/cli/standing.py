"""How a comparison stands, while it runs: a table that lives, or a line for each run that ends."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import typer

from yeonma.cli.verdict import number

if TYPE_CHECKING:
    from yeonma.comparing import Row, Standing, Study

REDRAW = 1.0  # seconds


class LiveTable:
    """The rules, then a table that lives; where there is no terminal, a line for each run that ends."""

    def __init__(self, workers: int, quiet: bool) -> None:
        self.workers, self.quiet = workers, quiet
        self.standing: Standing | None = None
        self.drawn, self.told = 0.0, 0
        self.live: Any = None

    def show(self, study: Study) -> None:
        """Draw how things are, at most once a second."""
        from yeonma.comparing import Standing

        if self.quiet:
            return
        if self.standing is None:
            self.standing = Standing(study)
            typer.echo(f"{study.folder}\n" + "\n".join(study.lines()) + "\n", err=True)
        if time.monotonic() - self.drawn > REDRAW:
            self.drawn = time.monotonic()
            self._draw(self.standing)

    def _draw(self, standing: Standing) -> None:
        from rich.console import Console
        from rich.live import Live

        rows, (done, total) = standing.look(), standing.done()
        console = Console(stderr=True, highlight=False)
        foot = f"{done} of {total} runs, {time_left(standing.seconds_left(self.workers))}"
        if console.is_terminal:
            if self.live is None:
                self.live = Live(console=console, auto_refresh=False, transient=True)
                self.live.start()
            self.live.update(table(rows, standing.study, foot), refresh=True)
        elif done > self.told:
            typer.echo(foot, err=True)
        self.told = done

    def close(self) -> None:
        """Take the table off the screen; the verdict follows."""
        if self.live is not None:
            self.live.stop()


def table(rows: Sequence[Row], study: Study, foot: str) -> Any:
    """The cells as a rich table."""
    from rich.table import Table

    made = Table(caption=foot, caption_justify="left", box=None, pad_edge=False)
    made.add_column("cell", overflow="fold")
    for name in ("trials", "best on validation", "rate", "final runs", "test", "failed", ""):
        made.add_column(name, justify="right")
    for row in rows:
        mean = sum(row.scores) / len(row.scores) if row.scores else None
        made.add_row(
            row.cell,
            f"{row.trials}/{study.rules.trials}",
            number(row.best),
            "" if row.rate is None else f"{row.rate:.2g}",
            f"{row.finals}/{study.rules.seeds}",
            number(mean),
            str(row.failed or ""),
            f"{row.running} running" if row.running else "",
        )
    return made


def time_left(seconds: float | None) -> str:
    """The time left in words."""
    if seconds is None:
        return "time left not known yet"
    (minutes, rest), hours = divmod(int(seconds), 60), int(seconds // 3600)
    return f"about {hours} h {minutes % 60:02d} min left" if hours else f"about {minutes} min {rest:02d} s left"
