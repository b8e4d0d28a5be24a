"""From the rows of one file to examples, each with the line it begins at."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from yeonma.data.labels import Labels
from yeonma.data.lines import BadRow
from yeonma.data.readers import scan
from yeonma.data.shapes import Shape, columns_of
from yeonma.records import Example, Rejected


def examples(
    path: Path, split: str, shape: Shape, labels: Labels, columns: Mapping[str, str], *, suffix: str = ""
) -> Iterator[tuple[int, Example] | Rejected]:
    """The examples of a file in order, and in their place the rows that are wrong.

    The first whole row settles the columns. An example's id is its id column's, made unique, or `<split>-<line>`.
    Raises: DataError when the file cannot be read on or lacks a column; ConfigError for an unknown role in `columns`.
    """
    roles: dict[str, str] = {}
    own_id = ""
    ids = _Ids(split)
    for row in scan(path, suffix):
        if isinstance(row, Rejected):
            yield row
            continue
        if not roles:
            roles = columns_of(shape, list(row.values), columns, path, gold_needed=labels.required)
            own_id = roles.pop("id", "")
        try:
            texts, gold = shape.read({role: row.values.get(column) for role, column in roles.items()}, labels)
        except BadRow as bad:
            yield Rejected(str(path), row.line, bad.message, row.values)
        else:
            yield row.line, Example(ids.of(row.line, row.values.get(own_id) if own_id else None), texts, gold)


class _Ids:
    """Gives every example of a split an id of its own."""

    def __init__(self, split: str) -> None:
        self._split = split
        self._seen: set[str] = set()
        self._times: Counter[str] = Counter()

    def of(self, line: int, own: Any) -> str:
        """The row's own id, followed by -2, -3, … where it came before."""
        wanted = str(own) if isinstance(own, str | int) and str(own).strip() else f"{self._split}-{line}"
        given = wanted
        while given in self._seen:
            self._times[wanted] += 1
            given = f"{wanted}-{self._times[wanted] + 1}"
        self._seen.add(given)
        return given
