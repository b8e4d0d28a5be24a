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
from yeonma.data.readers import encoding_of
from yeonma.errors import DataError
from yeonma.records import Example, Rejected

LISTED = 5
"""So many lines are named of everything that is found."""


@dataclass(slots=True)
class Places:
    """How often something was met, and the first lines of it."""

    count: int = 0
    lines: list[int] = field(default_factory=list)

    def add(self, line: int) -> None:
        """It was met at `line`."""
        self.count += 1
        if len(self.lines) < LISTED:
            self.lines.append(line)


@dataclass(slots=True)
class Text:
    """A distinct text of a split: where it first stands, how often, and with which labels."""

    line: int
    times: int = 0
    golds: set[object] = field(default_factory=set)


class Tally:
    """One file as it is read. `too_long` says whether a text exceeds the limit, or is None where nobody asked.

    found   what was met: "blank", "repeated", "two_labels", "not_nfc", "unlabelled", "too_long"
    wrong   reason → the rows it holds for
    labels  label → its rows
    texts   the distinct texts that are not blank
    broken  why the file could not be read to its end
    """

    def __init__(self, split: str, path: Path, too_long: Callable[[str], bool] | None) -> None:
        self.split, self.path = split, path
        self.found: dict[str, Places] = defaultdict(Places)
        self.wrong: dict[str, Places] = defaultdict(Places)
        self.labels: dict[str, Places] = defaultdict(Places)
        self.texts: dict[tuple[str, ...], Text] = {}
        self.broken: DataError | None = None
        self._too_long = too_long
        self._lengths = array("L")

    def read(self, items: Iterable[tuple[int, Example] | Rejected]) -> None:
        """Count all of them, or as many as can be read."""
        try:
            for item in items:
                if isinstance(item, Rejected):
                    self.wrong[item.reason].add(item.line)
                else:
                    self._count(*item)
        except DataError as error:
            self.broken = error

    def _count(self, line: int, example: Example) -> None:
        self._lengths.append(sum(map(len, example.texts)))
        if example.gold is None:
            self.found["unlabelled"].add(line)
        elif isinstance(example.gold, str):
            self.labels[example.gold].add(line)
        if not all(map(str.strip, example.texts)):
            self.found["blank"].add(line)
        else:
            self._compare(line, example)
        if not all(unicodedata.is_normalized("NFC", text) for text in example.texts):
            self.found["not_nfc"].add(line)
        if self._too_long and any(map(self._too_long, example.texts)):
            self.found["too_long"].add(line)

    def _compare(self, line: int, example: Example) -> None:
        """Look for the text among the earlier ones."""
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
