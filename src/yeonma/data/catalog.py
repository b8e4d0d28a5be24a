"""The named data sets, as catalog.toml describes them."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from yeonma.data.places import present
from yeonma.data.shape import Manner
from yeonma.errors import DataError, nearest


@dataclass(frozen=True, slots=True)
class Entry:
    """A named data set.

    description  what it is, in a line
    columns      role → column; a role left out is found by the usual names
    labels       cell → label name, in the order of the labels
    metric       the score it is compared by
    splits       the split files there are: "train", "validation", "test", or with more behind one of these names
    score_split  the one of them that is scored, and so is a Dataset's "test"
    urls         split → the owner's file; a split without one has to be fetched by hand
    sha256       split → the hash of that file, where it was checked
    scale, first, wording, join, tags   as in Manner
    threshold    the number from which on an example counts as positive, for an F1 beside the correlations
    group        the column whose equal cells must not come apart where a part is split off; "" for none
    cut_alone    whether the scored split is cut by group into train and test while it alone is on this machine
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
    scale: tuple[float, float] | None = None
    threshold: float | None = None
    first: int = 1
    wording: Mapping[str, str] = field(default_factory=dict)
    join: str = " "
    tags: tuple[str, ...] = ()
    group: str = ""
    cut_alone: bool = False

    @property
    def manner(self) -> Manner:
        """How its rows are written."""
        return Manner(self.scale, self.first, self.wording, self.join, self.tags)

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
        facts = {
            "task": self.task,
            "columns": _pairs(self.columns),
            "labels": _pairs(self.labels),
            "scale": f"{self.scale[0]:g} to {self.scale[1]:g}" if self.scale else "",
            "wording": _pairs(self.wording),
            "kept whole": f"rows of one {self.group}" if self.group else "",
            "scored by": f"{self.metric} on the {self.score_split} split",
            "licence": self.licence,
            "home": self.home,
        }
        facts = {fact: value for fact, value in facts.items() if value}
        facts |= {split: str(present(self.name, split) or "not on this machine") for split in self.splits}
        width = max(map(len, facts)) + 2
        lines = [f"{self.name}: {self.description}", "", *(f"{fact:<{width}}{value}" for fact, value in facts.items())]
        return "\n".join([*lines, "", *(f"- {note}" for note in self.notes)]).rstrip()


def _pairs(pairs: Mapping[str, str]) -> str:
    return ", ".join(f"{key} = {value}" for key, value in pairs.items())


@cache
def _entries() -> dict[str, Entry]:
    tables = tomllib.loads((Path(__file__).parent / "catalog.toml").read_text(encoding="utf-8"))
    return {name: _entry(name, table) for name, table in tables.items()}


def _entry(name: str, table: Mapping[str, Any]) -> Entry:
    values: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in table.items()}
    if scale := table.get("scale"):
        values["scale"] = (float(scale[0]), float(scale[1]))
    return Entry(name=name, **values)


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
