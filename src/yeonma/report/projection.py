"""One map of a word table before and after fine-tuning: both ends projected into the plane together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from yeonma.errors import ConfigError, MissingExtra, nearest
from yeonma.neighbours import unit_rows
from yeonma.report.drift import Drift
from yeonma.report.path import principal_axes

if TYPE_CHECKING:
    import polars as pl

SEED = 0
Shares = tuple[float, float]


class Map(NamedTuple):
    """Words at both ends: word, x_before, y_before, x_after, y_after, moved (‖after − before‖ in the table).

    rows    (n,) where the words stand in the table
    shares  the share of variance that each axis of "pca" shows; None for the other methods, whose axes mean nothing
    """

    points: pl.DataFrame
    rows: np.ndarray
    shares: Shares | None


def project(drift: Drift, method: str = "pca", count: int = 1000) -> Map | None:
    """Draw at most `count` words at both ends in one plane, in the order of the table.

    Half of the words are those that moved most, the others the first of the table, which are the most frequent; where
    fewer moved there are more of the others. Rows that stand for no word are left out.

    Rows are scaled to length 1 first: neighbours are told by cosines, and of such rows ‖a − b‖² = 2 − 2 cos(a, b), so
    what is near on the map is near by cosine; and length, which goes with how frequent a word is (Schakel & Wilson
    2015, arXiv 1508.02297), would take the first axis for itself. So a word that only grew longer stays on the map,
    while `moved` tells of it. A row that was never touched is one point at both ends, and is projected once.

    method  "pca"; "tsne" (van der Maaten & Hinton 2008) or "umap" (McInnes et al. 2018, arXiv 1802.03426), which
            keep neighbours together but not distances; both begin from "pca" and have a fixed seed
    Returns: None where there is nothing to draw: fewer than 3 words, width 1, or all in one direction.
    Raises: ConfigError for another method; MissingExtra where its library is not installed.
    """
    import polars as pl

    if method not in METHODS:
        raise ConfigError(f"A map must be made by a method that exists, not {method!r}.{nearest(method, METHODS)}")
    rows = chosen(drift, count)
    if len(rows) < 3 or drift.before.shape[1] < 2:
        return None
    before, touched = (table[rows] for table in (drift.before, drift.touched))
    ends = np.vstack([before, drift.after[rows[touched]]]).astype(np.float64)
    if (found := METHODS[method](unit_rows(ends))) is None:
        return None
    places, shares = found
    first, last = places[: len(rows)], places[: len(rows)].copy()
    last[touched] = places[len(rows) :]
    words = [drift.words[row] for row in rows.tolist()]
    columns = {"x_before": first[:, 0], "y_before": first[:, 1], "x_after": last[:, 0], "y_after": last[:, 1]}
    return Map(pl.DataFrame({"word": words, **columns, "moved": drift.distance[rows]}), rows, shares)


def chosen(drift: Drift, count: int) -> np.ndarray:
    """The rows of at most `count` words: those that moved most for half of them, then the first of the table."""
    moved = drift.furthest(count // 2)
    others = np.setdiff1d(np.flatnonzero(drift.comparable), moved)
    return np.sort(np.concatenate([moved, others[: count - len(moved)]]))


def _pca(points: np.ndarray) -> tuple[np.ndarray, Shares | None] | None:
    """Points (n, d) in the plane in which they vary most, (n, 2), around their mean."""
    if (found := principal_axes(points)) is None:
        return None
    axes, shares = found
    return (points - points.mean(axis=0)) @ axes.T, shares


def _tsne(points: np.ndarray) -> tuple[np.ndarray, Shares | None] | None:
    manifold = _library("sklearn.manifold", "scikit-learn", "A map by t-SNE")
    if (start := _pca(points)) is None:
        return None
    init = start[0] / start[0][:, 0].std() * 1e-4  # the scale that Kobak & Berens 2019 advise, sklearn's own
    perplexity = min(30.0, (len(points) - 1) / 3)
    fitted = manifold.TSNE(perplexity=perplexity, init=init.astype(np.float32), random_state=SEED, n_jobs=1)
    return fitted.fit_transform(points.astype(np.float32)).astype(np.float64), None


def _umap(points: np.ndarray) -> tuple[np.ndarray, Shares | None] | None:
    umap = _library("umap", "umap-learn", "A map by UMAP")
    if (start := _pca(points)) is None:
        return None
    size = min(15, len(points) - 1)
    fitted = umap.UMAP(n_neighbors=size, init=start[0].astype(np.float32), random_state=SEED, n_jobs=1)
    return fitted.fit_transform(points.astype(np.float32)).astype(np.float64), None


METHODS: Mapping[str, Callable[[np.ndarray], tuple[np.ndarray, Shares | None] | None]] = {
    "pca": _pca,
    "tsne": _tsne,
    "umap": _umap,
}


def _library(module: str, package: str, purpose: str) -> ModuleType:
    try:
        return import_module(module)
    except ImportError as error:
        raise MissingExtra(package, "maps", purpose) from error
