"""The ground of a surface: bands between contour lines, one geometry for figures and for the page."""

from __future__ import annotations

from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from yeonma.optim.surfaces import Surface

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.path import Path

Floats = NDArray[np.float64]
Ring = Floats  # (n, 2), its last point the first again; outer ones turn left, holes turn right
BANDS, GRID = 10, 121
DEEP, HIGH = np.array([0.74, 0.81, 0.88]), np.array([0.985, 0.988, 0.992])


@cache
def bands(surface: Surface, fineness: int) -> tuple[tuple[Ring, ...], ...]:
    """The rings of each band, the deepest first; they miss their curves by at most 1/fineness of the width."""
    from contourpy import FillType, contour_generator

    left, right, low, high = surface.box
    x = np.linspace(left, right, GRID)
    y = np.linspace(low, high, max(2, round(GRID * (high - low) / (right - left))))
    heights = np.asarray(surface.value(*np.meshgrid(x, y)), float)
    drawn: Any = contour_generator(x, y, heights, fill_type=FillType.OuterOffset)
    found = []
    for lower, upper in pairwise(_levels(heights)):
        shapes, edges = drawn.filled(lower, upper)
        rings = [shape[a:b] for shape, cuts in zip(shapes, edges, strict=True) for a, b in pairwise(cuts)]
        smooth = (simplified(ring, (right - left) / fineness) for ring in rings)
        found.append(tuple(ring for ring in smooth if len(ring) > 3))
    return tuple(found)


def _levels(heights: Floats) -> Floats:
    """Where one band ends and the next begins: quantiles of the heights, denser in the depth."""
    return np.unique(np.quantile(heights, np.linspace(0, 1, BANDS + 1) ** 1.4))


def simplified(line: Floats, tolerance: float) -> Floats:
    """The line with fewer points, nowhere further away than the tolerance (Ramer 1972; Douglas & Peucker 1973)."""
    if len(line) < 3:
        return line
    chord, from_start = line[-1] - line[0], line - line[0]
    length = np.hypot(*chord)
    across = np.abs(chord[0] * from_start[:, 1] - chord[1] * from_start[:, 0])
    away = across / length if length else np.hypot(*from_start.T)
    furthest = int(np.argmax(away))
    if away[furthest] <= tolerance:
        return line[[0, -1]]
    return np.vstack([simplified(line[: furthest + 1], tolerance)[:-1], simplified(line[furthest:], tolerance)])


def shades(count: int) -> list[str]:
    """The colours of the bands, the deepest first."""
    mixed = [DEEP + (HIGH - DEEP) * share for share in np.linspace(0, 1, count)]
    return ["#" + "".join(f"{round(255 * part):02x}" for part in each) for each in mixed]


def draw_ground(ax: Axes, surface: Surface, fineness: int = 400) -> None:
    """Bands with pale edges, no ticks, equal scales."""
    from matplotlib.patches import PathPatch

    found = bands(surface, fineness)
    for rings, shade in zip(found, shades(len(found)), strict=True):
        band = PathPatch(_path(rings), facecolor=shade, edgecolor="#ffffff", linewidth=0.4, zorder=0)
        ax.add_artist(band)  # not add_patch: the limits are known, and finding them again costs more than drawing
    ax.set_aspect("equal")
    ax.set(xlim=surface.box[:2], ylim=surface.box[2:], xticks=[], yticks=[])


def _path(rings: tuple[Ring, ...]) -> Path:
    from matplotlib.path import Path

    codes = [[Path.MOVETO, *[Path.LINETO] * (len(ring) - 2), Path.CLOSEPOLY] for ring in rings]
    return Path(np.vstack(rings), np.concatenate(codes))
