"""A path as a picture shows it: stopped where it leaves, with the step at which it arrived."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from yeonma.optim.surfaces import Surface

Floats = NDArray[np.float64]
NEAR = 0.01  # of the picture's width: so close to the minimum counts as arrived


@dataclass(frozen=True, eq=False)
class Walk:
    """A path inside the box of its surface.

    points   (n, 2), the start first; where the path leaves the box, the last point lies on the edge
    left     the step in which it left; None where it stayed
    arrived  the step from which on it is near the minimum and stays there; None where it does not, or there is none
    longest  the length of its longest step
    """

    points: Floats
    left: int | None
    arrived: int | None
    longest: float


def width(surface: Surface) -> float:
    """Of the picture, in the surface's units."""
    return surface.box[1] - surface.box[0]


def walk(path: Floats, surface: Surface) -> Walk:
    """A path of `trace` as the picture of its surface shows it."""
    left_edge, right, low, high = surface.box
    x, y = path.T
    inside = (x >= left_edge) & (x <= right) & (y >= low) & (y <= high)
    left = None if inside.all() else int(np.argmin(inside))
    kept = path[: left + 1] if left else path
    longest = float(np.hypot(*np.diff(kept, axis=0).T).max())
    points = np.vstack([kept[:-1], _at_the_edge(kept[-2], kept[-1], surface)]) if left else kept
    return Walk(points, left, None if left else _arrival(points, surface), longest)


def visible(taken: Walk, surface: Surface) -> Floats:
    """The points of a walk without those too near the one before to be seen."""
    apart, kept = width(surface) / 400, [taken.points[0]]
    for point in taken.points[1:]:
        if np.hypot(*(point - kept[-1])) > apart:
            kept.append(point)
    return np.array(kept)


def _at_the_edge(last: Floats, beyond: Floats, surface: Surface) -> Floats:
    """Where the way from the last point inside to the first one outside meets the edge."""
    step = np.nan_to_num(beyond - last)
    low, high = np.reshape(surface.box, (2, 2)).T
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(step > 0, (high - last) / step, np.where(step < 0, (low - last) / step, np.inf))
    return last + step * min(1.0, float(share.min()))


def _arrival(points: Floats, surface: Surface) -> int | None:
    if surface.minimum is None:
        return None
    away = np.hypot(*(points - surface.minimum).T) > NEAR * width(surface)
    first = int(np.flatnonzero(away)[-1]) + 1 if away.any() else 0
    return first if first < len(points) else None
