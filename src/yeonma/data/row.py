"""One row of a file, and the limits it must keep to."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

MOST_COLUMNS = 1_000

SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
"""Where JSON may hold half a surrogate pair, which no file in UTF-8 can hold."""


class Row(NamedTuple):
    """A row's values by column name, and the line it begins at (for Parquet and .json: its number; both from 1)."""

    line: int
    values: dict[str, Any]


def refuse_constant(name: str) -> None:
    """NaN and Infinity, which Python reads in JSON and nothing else does.

    Raises: ValueError.
    """
    raise ValueError(f"{name} is not JSON")
