"""yeonma report: one page about runs or a comparison."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def report(
    folders: Annotated[
        list[Path], typer.Argument(help="Run folders, folders of runs, or one comparison.", metavar="RUN|DIR...")
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="The HTML file. Left out: FOLDER/report/index.html; of several folders report.html."
        ),
    ] = None,
    pictures: Annotated[
        Path | None, typer.Option(help="Write every picture as SVG and PNG into this folder, too.", metavar="DIR")
    ] = None,
    map_: Annotated[
        str, typer.Option("--map", help="How words are projected: pca | tsne | umap.", metavar="METHOD")
    ] = "pca",
    explain: Annotated[
        int, typer.Option(help="How many wrong and right answers of each run are explained by their words.", min=0)
    ] = 3,
) -> None:
    """Write one self-contained page: scores, curves, what fine-tuning did to the embedding, errors worth reading.

    Of a comparison: who is better, and whether that is shown. Korean and English, light and dark, no network.
    """
    from yeonma.cli.screen import bars
    from yeonma.report import Report

    for folder in folders:
        _brought_up_to_date(folder)
    with bars() as progress:
        path = Report(*folders).write(output, pictures=pictures, map=map_, explain=explain, progress=progress)
    typer.echo(path)


def _brought_up_to_date(folder: Path) -> None:
    """Gather the results of a comparison anew where its runs say more: its last process was killed."""
    known, ended = folder / "results.json", [*folder.glob("cells/*/*/result.json")]
    if not (folder / "study.toml").is_file() or not ended:
        return
    if not known.exists() or max(each.stat().st_mtime for each in ended) > known.stat().st_mtime:
        from yeonma.comparing import Comparison

        Comparison(folder).save()
