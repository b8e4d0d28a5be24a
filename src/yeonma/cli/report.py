"""yeonma report: write the page of a run again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def report(
    run: Annotated[Path, typer.Argument(help="A run folder.", metavar="RUN")],
) -> None:
    """Write RUN/report/index.html: scores, learning curves, coverage, settings."""
    from yeonma.report import write_page
    from yeonma.run import Run

    typer.echo(write_page(Run.open(run)))
