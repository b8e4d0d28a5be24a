"""Splitting a validation part off the training examples."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from yeonma.errors import ConfigError, DataError
from yeonma.records import Example

Examples = tuple[Example, ...]


def split_off(examples: Sequence[Example], fraction: float, seed: int) -> tuple[Examples, Examples]:
    """(the rest, the part): the part is `fraction` of the examples of every label, rounded; both keep their order.

    A pure function of its arguments. A label's only example stays in the rest; examples whose gold is no label (a
    number, spans, None) count as those of one label.
    Raises: ConfigError for a fraction outside 0 … 1 or a negative seed, DataError when one of the two would be empty.
    """
    if not 0 < fraction < 1:
        raise ConfigError(f"valid_fraction must lie between 0 and 1; came {fraction}.")
    if seed < 0:
        raise ConfigError(f"seed must not be negative; came {seed}.")
    rows_of: dict[str, list[int]] = defaultdict(list)
    for row, example in enumerate(examples):
        rows_of[example.gold if isinstance(example.gold, str) else ""].append(row)
    # The raw stream, unlike shuffles made from it, is promised to stay the same in later versions of numpy.
    draws = np.random.PCG64(seed).random_raw(len(examples))
    taken = np.zeros(len(examples), dtype=bool)
    for rows in map(np.asarray, rows_of.values()):
        taken[rows[np.argsort(draws[rows])[: min(round(len(rows) * fraction), len(rows) - 1)]]] = True
    if not taken.any():
        raise DataError(
            f"{len(examples)} training rows are too few to split {fraction:g} of them off. Give valid = FILE."
        )
    return (
        tuple(e for e, away in zip(examples, taken, strict=True) if not away),
        tuple(e for e, away in zip(examples, taken, strict=True) if away),
    )
