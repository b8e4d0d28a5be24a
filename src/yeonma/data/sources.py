"""What is to be read: a named data set or the user's files, with columns and labels settled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from yeonma.data.catalog import Entry, catalog, entry
from yeonma.data.fetch import find
from yeonma.data.labels import LabelNames
from yeonma.data.shapes import Shape, shape_of
from yeonma.errors import ConfigError

SPLITS = ("train", "valid", "test")


@dataclass(frozen=True, slots=True)
class Source:
    """What to read and how. `files` holds paths or, where `entry` is a named data set, the names of its split files."""

    name: str
    files: Mapping[str, str]
    shape: Shape
    columns: Mapping[str, str]
    labels: LabelNames | None
    entry: Entry | None = None

    def path(self, split: str) -> Path:
        """The file of a split.

        Raises: DataError when a named data set's is not on this machine.
        """
        return find(self.entry, self.files[split]) if self.entry else Path(self.files[split])


def source_of(
    name: str | None,
    files: Mapping[str, str | Path | None],
    *,
    columns: Mapping[str, str] | None,
    labels: LabelNames | None,
    task: str,
) -> Source:
    """The source that a name or files mean; columns and labels that are given win over the catalog's.

    Raises: ConfigError for both or neither, an unknown task or one that is not the data set's; DataError for the name.
    """
    shape = shape_of(task)
    given = {split: str(path) for split, path in files.items() if path is not None}
    if name is not None and not given:
        return _named(entry(name), shape, columns or {}, labels, task)
    if name is None and given:
        return Source(Path(next(iter(given.values()))).name, given, shape, columns or {}, labels)
    raise ConfigError("data must have a name or files (train = FILE), and not both.")


def _named(known: Entry, shape: Shape, columns: Mapping[str, str], labels: LabelNames | None, task: str) -> Source:
    if known.task != task:
        advice = f"Set task = {known.task!r}"
        raise ConfigError(f"{known.name} has rows of the task {known.task!r}; came {task!r}. {advice}.")
    files = {"train": "train", "valid": known.valid_split, "test": known.score_split}
    on_hand = {split: file for split, file in files.items() if file}
    return Source(known.name, on_hand, shape, {**known.columns, **columns}, _meanings(labels, known.labels), known)


def _meanings(labels: LabelNames | None, known: Mapping[str, str]) -> LabelNames | None:
    """What cells mean in a named data set; names alone (a model's labels, say) take their cells from the catalog."""
    if labels is None or isinstance(labels, Mapping):
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
