"""From the rows of one file to examples, each with the line it begins at."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from yeonma.data.columns import Column, cell_of, columns_of, names_in
from yeonma.data.labels import Labels
from yeonma.data.lines import BadRow
from yeonma.data.readers import scan
from yeonma.data.shape import Manner, Shape
from yeonma.errors import DataError, nearest
from yeonma.records import Example, Rejected


class Item(NamedTuple):
    """An example, the line it begins at, the group it belongs to, and how many of its tags are stray."""

    line: int
    example: Example
    group: str = ""
    stray: int = 0


def examples(
    path: Path,
    split: str,
    shape: Shape,
    labels: Labels,
    columns: Mapping[str, str],
    *,
    manner: Manner | None = None,
    group: str = "",
    suffix: str = "",
    blind: bool = False,
) -> Iterator[Item | Rejected]:
    """The examples of a file in order, and in their place the rows that are wrong.

    The first whole row settles the columns. An example's id is its id column's, made unique, or `<split>-<line>`; its
    group is what stands in the column `group`, if one is named. With `blind` nobody looks at the gold answers.
    Raises: DataError when the file cannot be read on or lacks a column; ConfigError for an unknown role in `columns`.
    """
    manner = manner or Manner()
    roles: dict[str, Column] = {}
    own_id: Column = ""
    ids = _Ids(split)
    for row in scan(path, suffix):
        if isinstance(row, Rejected):
            yield row
            continue
        if not roles:
            came = names_in(row.values)
            roles = columns_of(shape, came, columns, path, gold_needed=labels.required)
            own_id = roles.pop("id", "")
            roles = {role: column for role, column in roles.items() if not (blind and role in shape.gold)}
            if group and group not in came:
                raise DataError(f"there is no column {group!r} to group by.{nearest(group, came)}", path, row.line)
        try:
            cells = {role: cell_of(row.values, column) for role, column in roles.items()}
            texts, gold, stray = shape.read(cells, labels, manner)
        except BadRow as bad:
            yield Rejected(str(path), row.line, bad.message, row.values)
        except DataError as error:
            raise DataError(error.message, path, row.line) from error
        else:
            example = Example(ids.of(row.line, cell_of(row.values, own_id) if own_id else None), texts, gold)
            yield Item(row.line, example, str(cell_of(row.values, group)) if group else "", stray)


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
