"""yeonma compare: a grid of settings by equal rules, with statistics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer


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
    seeds: Annotated[int | None, typer.Option(help="Final runs of a cell.", min=1, show_default="5")] = None,
    tune: Annotated[int | None, typer.Option(help="Tuning trials of a cell.", min=0, show_default="16")] = None,
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
    evaluations: Annotated[
        int | None, typer.Option(help="How often a run is scored on validation data.", min=1, show_default="10")
    ] = None,
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
    again: -o DIR alone goes on there, also from several machines that share the folder.
    """
    from yeonma import studies
    from yeonma.cli.screen import print_json, stop_on_signal
    from yeonma.cli.standing import LiveTable
    from yeonma.cli.verdict import verdict_lines

    lists = {
        "optimizers": optimizers, "encoders": encoders, "vectors": vectors, "freeze": freeze, "tokenizers": tokenizers
    }  # fmt: skip
    choices: dict[str, Any] = {
        "preset": preset, "data": data, "task": task, "encoder": encoder, "encoder_path": encoder_path
    }  # fmt: skip
    given = {name: value for name, value in choices.items() if value is not None}
    if set_:
        given["overrides"] = _overrides(set_)
    live = LiveTable(workers, quiet=as_json)
    with stop_on_signal() as stop:
        try:
            found = studies.compare(
                config, output=output or _new_folder(), grid=_grid(grid or ()), seeds=seeds, tune=tune,
                tune_also=tune_also or (), learning_rates=learning_rates, budget_examples=budget_examples,
                budget_seconds=budget_seconds, evaluations=evaluations, target=target, workers=workers,
                storage=storage, stale=stale, stop=stop, show=live.show, **_split(lists), **given,
            )  # fmt: skip
        finally:
            live.close()
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
    return {name: [one.strip() for one in text.split(",") if one.strip()] for name, text in lists.items() if text}


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
