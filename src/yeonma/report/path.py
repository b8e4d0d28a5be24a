"""The way the weights took, drawn in the plane of its own principal components, and how far each layer went."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from yeonma.report.cka import depth
from yeonma.run import Run

if TYPE_CHECKING:
    import polars as pl


_ROUNDING = 1e-12  # of the greatest number: what float64 leaves of no difference


class Plane(NamedTuple):
    """Points in a plane: run, step, x, y; and the share of the points' variance that each of the two axes shows."""

    points: pl.DataFrame
    shares: tuple[float, float]


def principal_axes(points: np.ndarray) -> tuple[np.ndarray, tuple[float, float]] | None:
    """The two directions (2, d) in which points (n, d) vary most, and their shares of the variance.

    The greatest number of each direction is positive, so that the same points give the same picture.
    Returns: None where the points do not vary, or are not finite.
    """
    if not np.isfinite(points).all() or np.ptp(points, axis=0).max() <= _ROUNDING * np.abs(points).max():
        return None
    _, lengths, axes = np.linalg.svd(points - points.mean(axis=0), full_matrices=False)
    axes, variances = axes[:2], lengths**2 / (lengths**2).sum()
    greatest = np.take_along_axis(axes, np.abs(axes).argmax(axis=1)[:, None], 1)
    return np.where(greatest < 0, -axes, axes), (float(variances[0]), float(variances[1]))


def plane(runs: Mapping[str, Run]) -> Plane | None:
    """The weights' path in the plane of its principal components (Li et al. 2018, arXiv 1712.09913, section 7).

    Points are the sketches of all trained weights at a probe, one after the other. The axes are the principal
    components of all runs' points together; the origin is the last point of the first run. Several runs share a plane
    where they train the same weights, as seeds and optimizers on one model do.

    What it can show: that a path is smooth, jumps or turns back, and whether runs part. The shape proves nothing by
    itself: the principal components of a random walk are cosines too (Antognini & Sohl-Dickstein 2018, arXiv
    1806.08805). Distances are those of the sketch: the squared length of a weight's move has a relative standard error
    of at most √(2/256) = 9 %, the sum over several weights less.

    runs  by the names that the column `run` gets
    Returns: None where runs differ in their weights, or there are fewer than two points or no move.
    Raises: RunError for a broken file.
    """
    import polars as pl

    paths = {name: _path(run) for name, run in runs.items()}
    trained = {(_sizes(runs[name]), frozenset(sketches)) for name, path in paths.items() for _, sketches in path}
    if len(trained) != 1:
        return None
    ((_, weights),) = trained
    order = sorted(weights)
    steps = [(name, step) for name, path in paths.items() for step, _ in path]
    points = np.array(
        [np.concatenate([each[weight] for weight in order]) for path in paths.values() for _, each in path], float
    )
    if (found := principal_axes(points)) is None:
        return None
    axes, shares = found
    end = max(row for row, (name, _) in enumerate(steps) if name == steps[0][0])
    x, y = axes @ (points - points[end]).T
    names, numbers = zip(*steps, strict=True)
    return Plane(pl.DataFrame({"run": names, "step": numbers, "x": x, "y": y}), shares)


def _path(run: Run) -> list[tuple[int, dict[str, np.ndarray]]]:
    """The steps at which the path was recorded, and the sketch (256,) of each weight; steps that are not finite go."""
    found = []
    for step, tensors in run.probes():
        sketches = {name: each for name, each in tensors.items() if name.startswith("path.")}
        if sketches and all(np.isfinite(each).all() for each in sketches.values()):
            found.append((step, sketches))
    return found


def _sizes(run: Run) -> tuple[tuple[str, int], ...]:
    """How many numbers each trained group has: sketches of weights of different sizes cannot be compared."""
    groups = run.read("groups.json").get("groups", [])
    return tuple((group["name"], group["weights"]) for group in groups if group["first_epoch"] is not None)


def norms(run: Run) -> pl.DataFrame:
    """How long each layer's gradient and last step were: step, layer, gradient, update; layers from the bottom up.

    gradient  the norm of the gradient that the step used
    update    that of the step itself, from the sketches: a relative standard error of at most 9 % of its square
    Either is null where it was not recorded or is not finite.
    Raises: RunError for a broken file.
    """
    import polars as pl

    found: dict[tuple[int, str], dict[str, float]] = {}
    for step, tensors in run.probes():
        for name, value in tensors.items():
            kind, _, layer = name.partition(".")
            if kind in ("grad_norm", "update_norm") and np.isfinite(value).all():
                found.setdefault((step, layer), {})[kind] = float(value[0])
    keys = sorted(found, key=lambda key: (key[0], depth(key[1])))
    rows = [(*key, found[key].get("grad_norm"), found[key].get("update_norm")) for key in keys]
    schema: dict[str, Any] = {"step": pl.Int64, "layer": pl.String, "gradient": pl.Float64, "update": pl.Float64}
    return pl.DataFrame(rows, schema=schema, orient="row")
