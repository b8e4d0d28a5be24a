"""yeonma export: what a run has learned, for others to use."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def export(
    run: Annotated[Path, typer.Argument(help="A run folder or a model folder.", metavar="RUN")],
    to: Annotated[str, typer.Option(help="vectors: the tuned word vectors.")] = "vectors",
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="A folder, or a file.", metavar="DIR|FILE", show_default="RUN/vectors"),
    ] = None,
    format_: Annotated[str, typer.Option("--format", help="folder | word2vec | word2vec-binary | glove")] = "folder",
) -> None:
    """Write the tuned word vectors of a run; words that training never met are as they were."""
    from yeonma import api
    from yeonma.cli.screen import bars

    with bars() as progress:
        typer.echo(api.export(run, output, to=to, format=format_, progress=progress))
