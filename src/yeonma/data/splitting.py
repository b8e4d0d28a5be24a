"""Splitting a part off the examples: label by label, or whole groups."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from yeonma.errors import ConfigError, DataError
from yeonma.records import Example

Examples = tuple[Example, ...]


def split_off(
    examples: Sequence[Example], fraction: float, seed: int, groups: Mapping[str, str] | None = None
) -> tuple[Examples, Examples]:
    """(the rest, the part): the part is `fraction` of the examples; both keep their order.

    Without groups it is that fraction of the examples of every label, rounded: a label's only example stays in the
    rest, and examples whose gold is no label (a number, spans, None) count as those of one label. With groups (id →
    group, say the title of an article) every group stands in one of the two, and the part has as near as it can that
    fraction of all examples.
    A pure function of its arguments.
    Raises: ConfigError for a fraction outside 0 … 1 or a negative seed, DataError when one of the two would be empty.
    """
    if not 0 < fraction < 1:
        raise ConfigError(f"valid_fraction must lie between 0 and 1; came {fraction}.")
    if seed < 0:
        raise ConfigError(f"seed must not be negative; came {seed}.")
    taken = _by_label(examples, fraction, seed) if groups is None else _by_group(examples, fraction, seed, groups)
    if not taken.any():
        few = f"{len(examples)} training rows" + ("" if groups is None else " in so few groups")
        raise DataError(f"{few} are too few to split {fraction:g} of them off. Give valid = FILE.")
    return (
        tuple(e for e, away in zip(examples, taken, strict=True) if not away),
        tuple(e for e, away in zip(examples, taken, strict=True) if away),
    )


def _draws(count: int, seed: int) -> np.ndarray:
    """Random numbers; the raw stream, unlike shuffles made from it, is promised to stay the same in later numpys."""
    return np.random.PCG64(seed).random_raw(count)


def _by_label(examples: Sequence[Example], fraction: float, seed: int) -> np.ndarray:
    rows_of: dict[str, list[int]] = defaultdict(list)
    for row, example in enumerate(examples):
        rows_of[example.gold if isinstance(example.gold, str) else ""].append(row)
    draws = _draws(len(examples), seed)
    taken = np.zeros(len(examples), dtype=bool)
    for rows in map(np.asarray, rows_of.values()):
        taken[rows[np.argsort(draws[rows])[: min(round(len(rows) * fraction), len(rows) - 1)]]] = True
    return taken


def _by_group(examples: Sequence[Example], fraction: float, seed: int, groups: Mapping[str, str]) -> np.ndarray:
    """Groups in a drawn order, each taken if that brings the part nearer to its size; the last one drawn never is."""
    rows_of: dict[str, list[int]] = defaultdict(list)
    for row, example in enumerate(examples):
        rows_of[groups[example.id]].append(row)
    drawn = [list(rows_of.values())[i] for i in np.argsort(_draws(len(rows_of), seed))]
    taken = np.zeros(len(examples), dtype=bool)
    wanted, count = fraction * len(examples), 0
    for rows in drawn[:-1]:
        if count + len(rows) / 2 <= wanted:
            taken[rows] = True
            count += len(rows)
    return taken
