"""yeonma compare: a grid of settings by equal rules, with statistics."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from yeonma.comparing import Row, Standing, Study

REDRAW = 1.0  # seconds


def compare(
    config: Annotated[
        Path | None, typer.Argument(help="The config under all cells; `yeonma init` writes one.", show_default=False)
    ] = None,
    preset: Annotated[str | None, typer.Option(help="Settings that come with yeonma, instead.")] = None,
    data: Annotated[str | None, typer.Option(help="A data set of the catalog, or a file.", metavar="NAME|FILE")] = None,
    task: Annotated[str | None, typer.Option(help="Left out: the data set's own.")] = None,
    encoder: Annotated[str | None, typer.Option(help="The encoder of all cells.")] = None,
    encoder_path: Annotated[
        str | None, typer.Option(help="The transformer of all cells.", metavar="DIR|hub:NAME")
    ] = None,
    optimizers: Annotated[str | None, typer.Option(help="all, or names.", metavar="A,B")] = None,
    encoders: Annotated[
        str | None, typer.Option(help="Kinds; a folder or hub:NAME is a transformer.", metavar="A,B")
    ] = None,
    vectors: Annotated[str | None, typer.Option(help="Word vectors; none: without.", metavar="A,B")] = None,
    freeze: Annotated[str | None, typer.Option(help="E.g. none,embeddings.", metavar="A,B")] = None,
    tokenizers: Annotated[str | None, typer.Option(help="Tokenizers.", metavar="A,B")] = None,
    grid: Annotated[
        list[str] | None, typer.Option(help="Values of any setting. May be repeated.", metavar="KEY=A,B")
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set", help="A setting of all cells, e.g. --set encoder.dim=50. May be repeated.", metavar="KEY=VALUE"
        ),
    ] = None,
    seeds: Annotated[int, typer.Option(help="Final runs of a cell.", min=1)] = 5,
    tune: Annotated[int, typer.Option(help="Tuning trials of a cell.", min=0)] = 16,
    tune_also: Annotated[
        list[str] | None,
        typer.Option(
            help="Search this too. SPACE: LOW..HIGH, log:LOW..HIGH or A,B. May be repeated.", metavar="KEY[=SPACE]"
        ),
    ] = None,
    learning_rates: Annotated[
        str | None, typer.Option(help="Where the rate is searched.", metavar="SPACE", show_default="log:1e-5..10")
    ] = None,
    budget_examples: Annotated[
        int | None, typer.Option(help="Training examples of every run.", min=1, show_default="the config's epochs")
    ] = None,
    budget_seconds: Annotated[float | None, typer.Option(help="CPU seconds of every run's steps, instead.")] = None,
    evaluations: Annotated[int, typer.Option(help="How often a run is scored on validation data.", min=1)] = 10,
    target: Annotated[
        float | None,
        typer.Option(help="The validation score whose time is taken.", show_default="0.99 x the best cell's"),
    ] = None,
    workers: Annotated[int, typer.Option(help="Processes on this machine, which share its threads.", min=1)] = 1,
    storage: Annotated[
        str | None,
        typer.Option(
            help="Tell the trials to this Optuna storage.", metavar="URL|FILE", show_default="a journal in -o"
        ),
    ] = None,
    stale: Annotated[
        float, typer.Option(help="Seconds without a sign after which another machine's run is taken over.", min=1)
    ] = 120,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="The study folder; alone: go on there.",
            metavar="DIR",
            show_default="a new one in runs/",
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object on stdout at the end, and draw nothing.")
    ] = False,
) -> None:
    """Compare settings fairly: equal budgets, tuned learning rates, fresh seeds, paired tests.

    Every combination of the values is a cell. The rules are printed before anything runs. Finished runs are never made
    again: the same command, or -o DIR alone, goes on, also from several machines that share the folder.
    """
    from yeonma import studies
    from yeonma.cli.screen import print_json, stop_on_signal

    lists = {
        "optimizers": optimizers, "encoders": encoders, "vectors": vectors, "freeze": freeze, "tokenizers": tokenizers
    }  # fmt: skip
    choices: dict[str, Any] = {
        "preset": preset, "data": data, "task": task, "encoder": encoder, "encoder_path": encoder_path
    }  # fmt: skip
    given = {name: value for name, value in choices.items() if value is not None}
    if set_:
        given["overrides"] = _overrides(set_)
    screen = Screen(workers, quiet=as_json)
    with stop_on_signal() as stop:
        try:
            found = studies.compare(
                config, output=output or _new_folder(), grid=_grid(grid or ()), seeds=seeds, tune=tune,
                tune_also=tune_also or (), learning_rates=learning_rates, budget_examples=budget_examples,
                budget_seconds=budget_seconds, evaluations=evaluations, target=target, workers=workers,
                storage=storage, stale=stale, stop=stop, show=screen.show, **_split(lists), **given,
            )  # fmt: skip
        finally:
            screen.close()
    if as_json:
        print_json({"study": str(found.folder), **found.results})
    else:
        typer.echo("\n".join(verdict_lines(found.results)))
        typer.echo(f"\nEverything stands in {found.folder}/results.json.", err=True)


def _new_folder() -> Path:
    """runs/compare-1, or the next free number."""
    number = 1
    while (folder := Path("runs") / f"compare-{number}").exists():
        number += 1
    return folder


def _overrides(assignments: Sequence[str]) -> dict[str, Any]:
    from yeonma.config import set_value

    tree: dict[str, Any] = {}
    for assignment in assignments:
        set_value(tree, assignment)
    return tree


def _split(lists: Mapping[str, str | None]) -> dict[str, list[str]]:
    return {name: [one for one in text.split(",") if one] for name, text in lists.items() if text}


def _grid(assignments: Sequence[str]) -> dict[str, list[Any]]:
    """The values of `--grid KEY=A,B`."""
    from yeonma.comparing.grid import split
    from yeonma.errors import ConfigError

    found: dict[str, list[Any]] = {}
    for assignment in assignments:
        key, equals, text = assignment.partition("=")
        if not equals or not key.strip() or key.strip() in found:
            raise ConfigError(f"--grid takes KEY=A,B, each key once. It got {assignment!r}.")
        found[key.strip()] = split(text)
    return found


class Screen:
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
            _number(row.best),
            "" if row.rate is None else f"{row.rate:.2g}",
            f"{row.finals}/{study.rules.seeds}",
            _number(mean),
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


def verdict_lines(found: Mapping[str, Any]) -> Iterator[str]:
    """The results as text: the leaderboard, then what it goes by."""
    cells = found["cells"]
    width = max(4, *(len(cell["name"]) for cell in cells))
    yield f"test {found['metric'] or 'score'}, mean of the seeds"
    yield (
        f"{'cell':<{width}}  group  {'mean ± sd':<17}{'95 % interval':<18}{'to best':>8}{'p':>8}{'p runs':>8}"
        f"{'target':>8}{'steps':>9}{'seconds':>9}{'CPU':>9}  verdict"
    )
    for cell in cells:
        row = f"{_scores(cell)}{_tests(cell)}{_costs(cell)}  {_words(cell)}"
        yield f"{cell['name']:<{width}}  {cell['group']:<5}  {row}"
    if majority := found["majority"]:
        yield f"{'majority':<{width}}         {majority['accuracy']:.4f} accuracy"
    yield ""
    yield from _legend(found)


def _scores(cell: Mapping[str, Any]) -> str:
    test = cell["test"]
    if not test:
        return f"{'–':<35}"
    spread = f"{_number(test['mean'])} ± {_number(test['sd'])}"
    between = f"{_number(test['low'])} … {_number(test['high'])}"
    return f"{spread:<17}{between:<18}"


def _tests(cell: Mapping[str, Any]) -> str:
    row = cell["against_best"] or {}
    difference = "" if row.get("difference") is None else f"{row['difference']:+.4f}"
    return f"{difference:>8}{_p(row.get('p_holm')):>8}{_p(row.get('p_these_runs')):>8}"


def _costs(cell: Mapping[str, Any]) -> str:
    target, spent = cell["to_target"], sum(cell["cpu_seconds"][kind] for kind in ("tuning", "final"))
    if not target:
        return f"{'':>26}{spent:>8,.0f}s"
    steps = "∞" if target["steps"] is None else f"{target['steps']:,.0f}"
    seconds = "∞" if target["seconds"] is None else f"{target['seconds']:,.2f}"
    reached = f"{target['reached']}/{target['of']}"
    return f"{reached:>8}{steps:>9}{seconds:>9}{spent:>8,.0f}s"


def _words(cell: Mapping[str, Any]) -> str:
    failed = {
        f"{count} of the {kind} {state}"
        for kind, counts in (("trials", cell["failed_trials"]), ("final runs", cell["failed_runs"]))
        for state, count in counts.items()
    }
    return "; ".join([cell["verdict"], *sorted(failed)])


def _legend(found: Mapping[str, Any]) -> Iterator[str]:
    target = _number(found["target"])
    yield "group    cells that share a letter: no difference between them shown (paired t over seeds, Holm over"
    yield "         all pairs)"
    yield f"to best  difference to {found['best'] or 'the best'}, the best by validation scores"
    yield "p        paired t-test over seeds against it, with Holm's correction; p runs: permutation test over test"
    yield "         examples, for these runs: it says nothing of other seeds"
    yield f"target   final runs that reached a validation score of {target}; steps and CPU seconds to it are medians,"
    yield "         ∞ where a median run never did"
    yield "CPU      seconds of the processor for all trials and runs of the cell"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}"


def _p(value: float | None) -> str:
    return "" if value is None else "<.001" if value < 0.001 else f"{value:.3f}"
