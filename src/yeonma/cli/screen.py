"""What a person watches: progress bars on stderr, plain lines where there is no terminal."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import typer

from yeonma.records import Progress

APPEARS_AFTER = 2.0  # seconds


class Bars:
    """One bar for each kind of work, shown once it has taken two seconds: share done, speed in its unit, time left."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (
            TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f}%"),
            TextColumn("{task.fields[speed]}"), TextColumn("{task.fields[note]}"), TimeRemainingColumn(),
        )  # fmt: skip
        self.console = Console(stderr=True, highlight=False)
        self.progress = Progress(*columns, console=self.console, transient=not self.console.is_terminal)
        self.tasks: dict[str, Any] = {}
        self.began: dict[str, float] = {}

    def show(self, what: str, done: int, total: int | None, unit: str, note: str = "") -> None:
        """A `Progress`: a call without a unit is a remark, printed as a line."""
        if not unit:
            self.line(what)
            return
        now = time.monotonic()
        elapsed = now - self.began.setdefault(what, now)
        if elapsed < APPEARS_AFTER and what not in self.tasks:
            return
        speed = f"{done / elapsed:,.0f} {unit}/s" if elapsed else ""
        if what not in self.tasks:
            self.progress.start()
            self.tasks[what] = self.progress.add_task(what, total=total, speed=speed, note=note)
        self.progress.update(self.tasks[what], completed=done, total=total, speed=speed, note=note)

    def line(self, text: str) -> None:
        """A line above the bars, never wrapped: a log is read by programs too."""
        self.console.print(text, soft_wrap=True)

    def close(self) -> None:
        """Leave the finished bars on the screen."""
        if self.tasks:
            self.progress.stop()


@contextmanager
def bars() -> Iterator[Progress]:
    """A `Progress` that draws on stderr."""
    screen = Bars()
    try:
        yield screen.show
    finally:
        screen.close()


@contextmanager
def stop_on_signal() -> Iterator[Callable[[], bool]]:
    """While inside, Ctrl-C and SIGTERM only raise a flag: the loop saves and ends. A second one ends at once."""
    asked: list[int] = []

    def ask(number: int, frame: FrameType | None) -> None:
        if asked:
            raise KeyboardInterrupt
        asked.append(number)
        typer.echo("stopping after this batch and saving; once more to stop at once", err=True)

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: bool(asked)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def print_json(value: Any) -> None:
    """One JSON object on stdout."""
    typer.echo(json.dumps(value, ensure_ascii=False, allow_nan=False))


def score_lines(scores: dict[str, Any]) -> list[str]:
    """Scores as a small table, the majority class beside them."""
    from yeonma.tasks.scores.names import NAMES, baseline, classes, figures

    lines = [f"{'examples':<26}{scores['n']:>9,}"]
    lines += [f"{NAMES[name]:<26}{value:>9.4f}" for name, value in figures(scores).items()]
    if majority := baseline(scores):
        lines.append(f"{'majority class':<26}{majority[1]:>9.4f}   {majority[0]!r}")
    if rows := classes(scores):
        lines += ["", f"{'class':<16} precision  recall      F1    gold"]
    for label, row in rows.items():
        shares = f"{row['precision']:>9.4f} {row['recall']:>7.4f} {row['f1']:>7.4f}"
        lines.append(f"{label:<16} {shares} {row['support']:>7,}")
    return lines
