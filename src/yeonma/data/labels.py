"""From the cell of a label column to a label's name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from yeonma.data.lines import BadRow
from yeonma.errors import nearest

LabelNames = Mapping[str, str] | Sequence[str]
"""Cell → name in the order of the labels (`{"0": "negative", "1": "positive"}`), or the names if cells hold those."""

WITHHELD = "-1"
"""How GLUE writes a label it keeps to itself; an ordinary label where the known labels name it, or none are known."""


class Labels:
    """Reads label cells; `names` are the labels in order where they are known beforehand, else None.

    labels    what cells mean; None takes every cell as a name (1 and 1.0 become "1", True becomes "true")
    required  whether a missing or withheld label is a bad row; if not, it reads as None
    """

    def __init__(self, labels: LabelNames | None = None, *, required: bool = True) -> None:
        meanings = labels if isinstance(labels, Mapping) else {name: name for name in labels or ()}
        self.names = tuple(dict.fromkeys(meanings.values())) if labels else None
        self.required = required
        self._meanings = {name: name for name in self.names or ()} | {
            str(cell): name for cell, name in meanings.items()
        }
        self._read: dict[Any, str] = {}

    def read(self, cell: Any) -> str | None:
        """The name of a cell's label.

        Raises: BadRow (without a place) for a label that is missing, unknown or of no fitting type.
        """
        plain = type(cell) in (str, int)  # True equals 1 as a key and must not be taken for it
        if plain and (known := self._read.get(cell)):
            return known
        written = _written(cell)
        if written == "" or (self.names and written == WITHHELD and written not in self._meanings):
            if self.required:
                raise BadRow("the label is withheld (-1)." if written else "the label is missing.")
            return None
        name = self._meanings.get(written) if self.names else written
        if name is None:
            raise BadRow(f"label {written!r} is not a known one.{nearest(written, self._meanings)}")
        if plain:
            self._read[cell] = name
        return name


def _written(cell: Any) -> str:
    """A cell as text, "" where it is missing."""
    if cell is None or cell != cell:  # NaN is how tables of numbers write nothing
        return ""
    if isinstance(cell, bool):
        return str(cell).lower()
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    if isinstance(cell, str | int):
        return str(cell).strip()
    part = f" Name a part of it with a dot: label = 'COLUMN.{next(iter(cell), '')}'." if isinstance(cell, dict) else ""
    raise BadRow(f"a label must be a word or a whole number; came {type(cell).__name__} {str(cell)[:40]!r}.{part}")
