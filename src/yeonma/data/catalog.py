"""The named data sets, as catalog.toml describes them."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from yeonma.data.places import present
from yeonma.errors import DataError, nearest


@dataclass(frozen=True, slots=True)
class Entry:
    """A named data set.

    description  what it is, in a line
    columns      role → column
    labels       cell → label name, in the order of the labels
    metric       the score it is compared by: "accuracy", "macro_f1" or "mcc"
    splits       the split files there are, of "train", "validation" and "test"
    score_split  the one of them that is scored, and so is a Dataset's "test"
    urls         split → the owner's file; a split without one has to be fetched by hand
    sha256       split → the hash of that file, where it was checked
    """

    name: str
    task: str
    description: str
    columns: Mapping[str, str]
    labels: Mapping[str, str]
    metric: str
    splits: tuple[str, ...]
    score_split: str
    licence: str
    home: str
    notes: tuple[str, ...] = ()
    urls: Mapping[str, str] = field(default_factory=dict)
    sha256: Mapping[str, str] = field(default_factory=dict)

    @property
    def valid_split(self) -> str | None:
        """The split file to choose models by, or None where a part of train has to serve."""
        return "validation" if "validation" in self.splits and self.score_split != "validation" else None

    def to_dict(self) -> dict[str, Any]:
        """All of it as plain values for JSON, and under "files" where each split lies, None where it does not."""
        found = {split: present(self.name, split) for split in self.splits}
        return {**asdict(self), "files": {split: path and str(path) for split, path in found.items()}}

    def to_text(self) -> str:
        """All of it for people."""
        labels = ", ".join(f"{cell} = {name}" for cell, name in self.labels.items())
        facts = {
            "task": self.task,
            "columns": ", ".join(f"{role} = {column}" for role, column in self.columns.items()),
            "labels": labels,
            "scored by": f"{self.metric} on the {self.score_split} split",
            "licence": self.licence,
            "home": self.home,
        }
        facts |= {split: str(present(self.name, split) or "not on this machine") for split in self.splits}
        lines = [f"{self.name}: {self.description}", "", *(f"{fact:<11}{value}" for fact, value in facts.items())]
        return "\n".join([*lines, "", *(f"- {note}" for note in self.notes)]).rstrip()


@cache
def _entries() -> dict[str, Entry]:
    tables = tomllib.loads((Path(__file__).parent / "catalog.toml").read_text(encoding="utf-8"))
    return {name: _entry(name, table) for name, table in tables.items()}


def _entry(name: str, table: dict[str, object]) -> Entry:
    return Entry(name=name, **{key: tuple(v) if isinstance(v, list) else v for key, v in table.items()})  # type: ignore[arg-type]


def catalog() -> dict[str, Entry]:
    """All named data sets by name, in the order of the file."""
    return dict(_entries())


def entry(name: str) -> Entry:
    """The named data set.

    Raises: DataError, naming the nearest known name.
    """
    if name not in _entries():
        raise DataError(f"There is no data set called {name!r}.{nearest(name, _entries())}")
    return _entries()[name]
