"""All pictures of the rules, written into one folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from yeonma.files import disk_errors, write_text
from yeonma.optim.surfaces import SURFACES
from yeonma.pictures.batches import gd_and_sgd
from yeonma.pictures.forms import deck_and_torch
from yeonma.pictures.lookahead import momentum_and_nag
from yeonma.pictures.page import page
from yeonma.pictures.stills import still
from yeonma.pictures.style import Look, hangul_font, write_figure
from yeonma.pictures.tree import family
from yeonma.pictures.tuning import Choices, tune_all
from yeonma.records import Progress, silent

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Draw = Callable[[Look], "Figure"]
PAGE = "optimizers.html"


def figures(chosen: Choices) -> dict[str, Draw]:
    """File name → what draws it."""
    drawn: dict[str, Draw] = {
        "family": family,
        "gd-and-sgd": gd_and_sgd,
        "momentum-and-nag": momentum_and_nag,
        "deck-and-torch": deck_and_torch,
    }
    for name, surface in SURFACES.items():
        drawn[name] = lambda look, surface=surface: still(surface, chosen[surface.name], look)  # type: ignore[misc]
    return drawn


def write_pictures(folder: Path, progress: Progress = silent) -> list[Path]:
    """Write every picture as SVG and PNG, and the page with the animation; what was written, in that order.

    Says through `progress` when no installed font has Korean letters.
    Raises: DiskError.
    """
    with disk_errors(folder):  # before the rates are looked for, which takes seconds
        folder.mkdir(parents=True, exist_ok=True)
    chosen = tune_all(progress)
    drawn = figures(chosen)
    written: list[Path] = []
    for done, (name, draw) in enumerate(drawn.items(), start=1):
        written += write_figure(draw, folder, name)
        progress("pictures", done, len(drawn), "pictures")
    write_text(folder / PAGE, page(chosen, progress))
    if hangul_font() is None:
        progress("No installed font has Korean letters, so the PNG files speak English alone.", 0, None, "")
    return [*written, folder / PAGE]
