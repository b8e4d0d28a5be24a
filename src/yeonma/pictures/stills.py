"""All rules on one surface, a panel each and one for all together, with the learning rates that were chosen."""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil
from typing import TYPE_CHECKING, Any

import numpy as np

from yeonma.optim.surfaces import Surface
from yeonma.pictures.ground import draw_ground
from yeonma.pictures.layout import FOOT, HEAD, MARGIN, footnote, headline, mark_ends, sheet
from yeonma.pictures.style import SYMBOLS, Look, colour, marker
from yeonma.pictures.tuning import LIMIT, RATES, STEPS, Chosen
from yeonma.pictures.walks import visible
from yeonma.pictures.words import Both, say

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH, COLUMNS, WORDS = 15.0, 5, 0.78  # inches; panels in a row; inches of words around a panel


def still(surface: Surface, paths: Mapping[str, Chosen], look: Look) -> Figure:
    """Every rule's path on the surface."""
    rows = ceil((len(paths) + 1) / COLUMNS)
    left, right, low, high = surface.box
    panel = (WIDTH - 2 * MARGIN) / COLUMNS * 0.95 * (high - low) / (right - left)
    figure = sheet(WIDTH, rows * (panel + WORDS) - WORDS + HEAD + FOOT + 0.35)
    figure.subplots_adjust(wspace=0.06, hspace=WORDS / panel, bottom=(FOOT + 0.3) / figure.get_figheight())
    axes = list(figure.subplots(rows, COLUMNS, squeeze=False).flat)
    for ax in axes:
        draw_ground(ax, surface)
    for ax, path in zip(axes, paths.values(), strict=False):
        _panel(ax, path, look, paths)
    _together(axes[len(paths)], paths, look)
    for ax in axes[len(paths) + 1 :]:
        ax.remove()
    headline(figure, say(surface.name), look, surface.title)
    footnote(figure, choice(surface), look)
    return figure


def choice(surface: Surface) -> Both:
    """How the learning rates were chosen, in one sentence."""
    return say(
        "choice", criterion=say("by_distance" if surface.minimum else "by_height"), rates=len(RATES),
        low=f"{RATES[0]:g}", high=f"{RATES[-1]:g}", steps=STEPS, limit=f"{LIMIT:.0%}",
    )  # fmt: skip


def outcome(path: Chosen) -> Both:
    """What became of a path."""
    if path.walk.left is not None:
        return say("left", step=path.walk.left)
    if path.walk.arrived is not None:
        return say("arrived", step=path.walk.arrived)
    return say("on_the_way" if path.surface.minimum else "stays", steps=STEPS)


def twin(path: Chosen, paths: Mapping[str, Chosen]) -> Chosen | None:
    """An earlier rule with the very same path: without batches SGD is GD."""
    for other in paths.values():
        if other is path:
            return None
        if np.array_equal(other.walk.points, path.walk.points):
            return other
    return None


def _panel(ax: Axes, path: Chosen, look: Look, paths: Mapping[str, Chosen]) -> None:
    _draw(ax, path, 1.2, 2.0)
    mark_ends(ax, path.surface)
    ax.set_title(path.rule.title, loc="left", fontsize=12, fontweight="bold", pad=4)
    ax.set_title(f"α = {path.rate:g}", loc="right", fontsize=9.5, family=SYMBOLS, pad=4)
    same = twin(path, paths)
    said = say("same", other=same.rule.title) if same else outcome(path)
    ax.set_xlabel("\n".join(look.lines(said)), fontsize=8.5, labelpad=3, linespacing=1.25)


def _together(ax: Axes, paths: Mapping[str, Chosen], look: Look) -> None:
    for path in sorted(paths.values(), key=lambda path: -_length(path)):  # a wild path covers no calm one
        _draw(ax, path, 2.2 if path.rule.full_batch else 1.1, 0)
        ax.plot(*path.walk.points[-1], marker(path.rule.name), color=colour(path.rule.name), markersize=5)
    mark_ends(ax, path.surface)
    ax.set_xlabel("\n".join(look.lines(say("marks"))), fontsize=8.5, labelpad=3, linespacing=1.25)
    ax.set_title(" · ".join(look.lines(say("together"))), loc="left", fontsize=11, pad=4)


def _length(path: Chosen) -> float:
    return float(np.hypot(*np.diff(path.walk.points, axis=0).T).sum())


def _draw(ax: Axes, path: Chosen, width: float, dot: float) -> None:
    x, y = visible(path.walk, path.surface).T
    style: Any = {"linewidth": width, "solid_joinstyle": "round", "marker": "o" if dot else "", "markersize": dot}
    ax.plot(x, y, color=colour(path.rule.name), **style)
