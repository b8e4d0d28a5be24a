"""yeonma evaluate: score a model on a split."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def evaluate(
    run: Annotated[Path, typer.Argument(help="A run folder or a model folder.", metavar="RUN")],
    data: Annotated[
        str | None,
        typer.Option(help="A data set of the catalog, or a file. Left out: the run's own.", metavar="NAME|FILE"),
    ] = None,
    split: Annotated[str, typer.Option(help="train | valid | test")] = "test",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")] = False,
) -> None:
    """Score a model by its task's scores, by class or type of entity too, and the majority class beside them."""
    from yeonma import api
    from yeonma.cli.screen import bars, print_json, score_lines

    with bars() as progress:
        result = api.evaluate(run, data, split=split, progress=progress)
    if as_json:
        print_json(result)
        return
    typer.echo(f"{result['data']} : {result['split']}")
    typer.echo("\n".join(score_lines(result["scores"])))
