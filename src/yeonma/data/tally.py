"""Counting what the data doctor looks for while the rows of one file go by."""

from __future__ import annotations

import unicodedata
from array import array
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from yeonma.data.checkup import Lengths, SplitCheckup
from yeonma.data.examples import Item
from yeonma.data.readers import encoding_of
from yeonma.data.shape import Shape, Texts, label_names
from yeonma.errors import DataError
from yeonma.records import Rejected

LISTED = 5
"""So many lines are named of everything that is found."""


@dataclass(slots=True)
class Places:
    """How often something was met, and the first lines of it."""

    count: int = 0
    lines: list[int] = field(default_factory=list)

    def add(self, line: int, times: int = 1) -> None:
        """It was met at `line`, once or more often."""
        self.count += times
        if len(self.lines) < LISTED and line not in self.lines:
            self.lines.append(line)


@dataclass(slots=True)
class Text:
    """The distinct texts of a row of a split: where they first stand, how often, and with which gold answers."""

    line: int
    times: int = 0
    golds: set[object] = field(default_factory=set)


class Tally:
    """One file as it is read. `too_long` says whether texts exceed the limit, or is None where nobody asked.

    found   what was met: "blank", "repeated", "two_labels", "not_nfc", "unlabelled", "too_long", "stray"
    wrong   reason → the rows it holds for
    labels  label (or the number of an ending) → its rows, or the spans that have it
    texts   the distinct texts that are not blank
    broken  why the file could not be read to its end
    """

    def __init__(self, split: str, path: Path, shape: Shape, too_long: Callable[[Texts], bool] | None) -> None:
        self.split, self.path, self.shape = split, path, shape
        self.found: dict[str, Places] = defaultdict(Places)
        self.wrong: dict[str, Places] = defaultdict(Places)
        self.labels: dict[str, Places] = defaultdict(Places)
        self.texts: dict[tuple[str, ...], Text] = {}
        self.broken: DataError | None = None
        self._too_long = too_long
        self._lengths = array("L")

    def read(self, items: Iterable[Item | Rejected]) -> None:
        """Count all of them, or as many as can be read."""
        try:
            for item in items:
                if isinstance(item, Rejected):
                    self.wrong[item.reason].add(item.line)
                else:
                    self._count(item)
        except DataError as error:
            self.broken = error

    def _count(self, item: Item) -> None:
        line, example = item.line, item.example
        self._lengths.append(sum(map(len, example.texts)))
        if example.gold is None:
            self.found["unlabelled"].add(line)
        for name in label_names(example.gold):
            self.labels[name].add(line)
        if item.stray:
            self.found["stray"].add(line, item.stray)
        if not all(map(str.strip, example.texts)):
            self.found["blank"].add(line)
        else:
            self._compare(item)
        if not all(unicodedata.is_normalized("NFC", text) for text in example.texts):
            self.found["not_nfc"].add(line)
        if self._too_long and self._too_long(example.texts):
            self.found["too_long"].add(line)

    def _compare(self, item: Item) -> None:
        """Look for the texts among the earlier ones."""
        line, example = item.line, item.example
        text = self.texts.setdefault(example.texts, Text(line))
        text.times += 1
        if text.times > 1:
            self.found["repeated"].add(line)
        if example.gold is not None and example.gold not in text.golds:
            text.golds.add(example.gold)
            if len(text.golds) == 2:
                self.found["two_labels"].add(line)

    def overlap(self, earlier: Tally) -> Places:
        """The rows of this split whose text also stands in another, by the line of each such text's first row."""
        places = Places()
        for texts, text in self.texts.items():
            if texts in earlier.texts:
                places.add(text.line)
                places.count += text.times - 1
        return places

    def result(self) -> SplitCheckup:
        """The file in numbers."""
        wrong = sum(places.count for places in self.wrong.values())
        return SplitCheckup(
            split=self.split,
            file=str(self.path),
            encoding=self._encoding(),
            rows=len(self._lengths) + wrong,
            wrong=wrong,
            labels=dict(sorted(Counter({name: places.count for name, places in self.labels.items()}).items())),
            **{kind: self.found[kind].count for kind in ("unlabelled", "blank", "repeated", "two_labels", "not_nfc")},
            too_long=self.found["too_long"].count if self._too_long else None,
            lengths=_lengths(self._lengths),
        )

    def _encoding(self) -> str:
        try:
            return encoding_of(self.path)
        except (DataError, OSError):
            return "unknown"


def _lengths(lengths: array[int]) -> Lengths | None:
    if not lengths:
        return None
    values = np.asarray(lengths)
    median, p95 = np.percentile(values, [50, 95])
    return Lengths(int(values.min()), float(median), float(p95), int(values.max()))
