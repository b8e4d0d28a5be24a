"""What is to be read: a named data set or the user's files, with columns, labels and manner settled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from yeonma.data.catalog import Entry, catalog, entry
from yeonma.data.fetch import find
from yeonma.data.labels import LabelNames
from yeonma.data.places import present
from yeonma.data.shape import Manner, Shape
from yeonma.data.shapes import shape_of
from yeonma.errors import ConfigError

SPLITS = ("train", "valid", "test")


@dataclass(frozen=True, slots=True)
class Asked:
    """What a caller says of the rows; what is None or empty is left to the catalog, or to what is usual."""

    task: str = "single"
    columns: Mapping[str, str] | None = None
    labels: LabelNames | None = None
    scale: tuple[float, float] | None = None
    first: int | None = None
    join: str | None = None
    group: str | None = None

    def manner(self, known: Manner) -> Manner:
        """`known` with what was asked for in its place.

        Raises: ConfigError for a scale without room, for labels where there are none, for a first ending not 0 or 1.
        """
        shape = shape_of(self.task)
        if self.scale and not float(self.scale[0]) < float(self.scale[1]):
            raise ConfigError(f"scale must be the lowest and the highest number of the labels; came {self.scale}.")
        if self.first not in (None, 0, 1):
            raise ConfigError(f"first must be 0 or 1, what the label holds for the first ending; came {self.first}.")
        if self.scale and shape.answer != "label":
            raise ConfigError(f"scale is for labels that are numbers; the task {self.task!r} has none.")
        if self.labels and (self.scale or known.scale or not shape.closed):
            why = "the labels are numbers" if shape.closed else f"the task {self.task!r} has none"
            raise ConfigError(f"labels must be left out: {why}.")
        scale = (float(self.scale[0]), float(self.scale[1])) if self.scale else None
        asked = {"scale": scale, "first": self.first, "join": self.join}
        return replace(known, **{key: value for key, value in asked.items() if value is not None})  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class Source:
    """What to read and how. `files` holds paths or, where `entry` is a named data set, the names of its split files."""

    name: str
    files: Mapping[str, str]
    shape: Shape
    columns: Mapping[str, str]
    labels: LabelNames | None
    manner: Manner
    group: str = ""
    entry: Entry | None = None

    def path(self, split: str) -> Path:
        """The file of a split.

        Raises: DataError when a named data set's is not on this machine.
        """
        return find(self.entry, self.files[split]) if self.entry else Path(self.files[split])

    @property
    def metric(self) -> str:
        """The score that compares models: the catalog's, unless a number is asked for where that has labels."""
        if self.entry and (self.entry.scale is None) == (self.manner.scale is None):
            return self.entry.metric
        return "pearson" if self.manner.scale else self.shape.metric

    @property
    def lone(self) -> str | None:
        """The scored split of a data set that is cut by group while that alone is on this machine, where this is so."""
        if self.entry is None or not self.entry.cut_alone:
            return None
        there = [split for split, file in self.files.items() if present(self.entry.name, file)]
        return "test" if there == ["test"] else None


def source_of(name: str | None, files: Mapping[str, str | Path | None], asked: Asked) -> Source:
    """The source that a name or files mean; what is asked for wins over the catalog.

    Raises: ConfigError for both or neither, an unknown task or one that is not the data set's; DataError for the name.
    """
    shape = shape_of(asked.task)
    given = {split: str(path) for split, path in files.items() if path is not None}
    if name is not None and not given:
        return _named(entry(name), shape, asked)
    if name is None and given:
        first, manner = Path(next(iter(given.values()))).name, asked.manner(Manner())
        return Source(first, given, shape, asked.columns or {}, asked.labels or None, manner, asked.group or "")
    raise ConfigError("data must have a name or files (train = FILE), and not both.")


def _named(known: Entry, shape: Shape, asked: Asked) -> Source:
    if known.task != asked.task:
        advice = f"Set task = {known.task!r}"
        raise ConfigError(f"{known.name} has rows of the task {known.task!r}; came {asked.task!r}. {advice}.")
    files = {"train": "train", "valid": known.valid_split, "test": known.score_split}
    on_hand = {split: file for split, file in files.items() if file}
    manner = asked.manner(known.manner)
    labels = None if manner.scale else meanings(asked.labels, known.labels)
    columns = {**known.columns, **(asked.columns or {})}
    return Source(known.name, on_hand, shape, columns, labels, manner, asked.group or known.group, known)


def meanings(labels: LabelNames | None, known: Mapping[str, str]) -> LabelNames | None:
    """What cells mean in a named data set; names alone (a model's labels, say) take their cells from the catalog."""
    if not labels or isinstance(labels, Mapping):
        return labels or known or None
    return {cell: name for name in labels for cell in (name, *(c for c, meant in known.items() if meant == name))}


def is_name(source: str | Path) -> bool:
    """Whether this means a named data set and not a file.

    Raises: DataError for what is neither, naming the nearest known name.
    """
    path = Path(source)
    if str(source) in catalog():
        return True
    if path.suffix or len(path.parts) != 1 or path.exists():
        return False
    return bool(entry(str(source)))
