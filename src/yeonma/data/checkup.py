"""What the data doctor reports: numbers by split and findings, as a table for people or a dict for programs."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

SEVERITIES = ("error", "warning", "note")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing worth knowing: an "error" stops training, a "warning" may spoil a score, a "note" is good to know.

    line   where it is first met (for Parquet: the row), or None where it is about the whole file
    count  how many rows or texts it is about
    """

    severity: str
    file: str
    line: int | None
    message: str
    count: int = 1


@dataclass(frozen=True, slots=True)
class Lengths:
    """The lengths of a split's texts in characters."""

    shortest: int
    median: float
    p95: float
    longest: int


@dataclass(frozen=True, slots=True)
class SplitCheckup:
    """One file in numbers.

    rows         rows that were read, the wrong ones among them
    wrong        rows that cannot be used
    labels       rows by label or by the number of the right ending; spans by label
    unlabelled   usable rows without a gold answer
    blank        rows whose text is empty or blanks
    repeated     rows whose text stands in an earlier row of the file; blank ones do not count
    two_labels   texts that carry more than one gold answer
    not_nfc      rows whose text is not in Unicode's form NFC
    too_long     rows longer than max_length, or None where it was not asked
    """

    split: str
    file: str
    encoding: str
    rows: int
    wrong: int
    labels: Mapping[str, int]
    unlabelled: int
    blank: int
    repeated: int
    two_labels: int
    not_nfc: int
    too_long: int | None
    lengths: Lengths | None


@dataclass(frozen=True, slots=True)
class Checkup:
    """The whole report. `overlaps` maps "test in train" to the rows of test whose text also stands in train."""

    splits: tuple[SplitCheckup, ...]
    overlaps: Mapping[str, int]
    findings: tuple[Finding, ...]

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The findings that stop training."""
        return tuple(finding for finding in self.findings if finding.severity == "error")

    def count(self, severity: str) -> int:
        """How many findings have this severity."""
        return sum(finding.severity == severity for finding in self.findings)

    def to_dict(self) -> dict[str, Any]:
        """All of it as plain values, for JSON."""
        return {**{f"{severity}s": self.count(severity) for severity in SEVERITIES}, **asdict(self)}

    def to_text(self) -> str:
        """All of it for people: a table of the splits, their labels, the overlaps, then the findings."""
        overlaps = "\n".join(f"texts of {pair}: {count:,}" for pair, count in self.overlaps.items())
        total = ", ".join(_number(self.count(severity), severity) for severity in SEVERITIES)
        parts = [_split_table(self.splits), _label_table(self.splits), overlaps, _finding_list(self.findings), total]
        return "\n\n".join(part for part in parts if part)


def _split_table(splits: Sequence[SplitCheckup]) -> str:
    head = ["split", "rows", "wrong", "blank", "repeated", "shortest", "median", "95 %", "longest", "encoding", "file"]
    return _table([head, *(_split_row(split) for split in splits)], left={0, 9, 10})


def _split_row(split: SplitCheckup) -> list[str]:
    lengths = split.lengths
    measured = [lengths.shortest, lengths.median, lengths.p95, lengths.longest] if lengths else ["–"] * 4
    counts = [split.rows, split.wrong, split.blank, split.repeated, *measured]
    return [split.split, *(c if isinstance(c, str) else f"{c:,.0f}" for c in counts), split.encoding, split.file]


def _label_table(splits: Sequence[SplitCheckup]) -> str:
    names = list(dict.fromkeys(name for split in splits for name in split.labels))
    cells = [[_share(split, name) for split in splits] for name in names]
    if any(split.unlabelled for split in splits):
        names.append("(no label)")
        cells.append([f"{split.unlabelled:,}" for split in splits])
    if not names:
        return ""
    shown = [[name, *row] for name, row in zip(names, cells, strict=True)]
    return _table([["label", *(split.split for split in splits)], *shown], left={0})


def _share(split: SplitCheckup, name: str) -> str:
    count = split.labels.get(name, 0)
    return f"{count:,} ({count / max(1, sum(split.labels.values())):6.1%})"


def _finding_list(findings: Sequence[Finding]) -> str:
    place = "{0.file}" + ":{0.line}"
    return "\n".join(
        f"{finding.severity:<8} {place.format(finding) if finding.line else finding.file}: {finding.message}"
        for finding in findings
    )


def _number(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"


def _table(rows: Sequence[Sequence[str]], left: set[int]) -> str:
    """Columns two blanks apart, numbers to the right; Hangul is two columns wide on a terminal."""
    widths = [max(map(_width, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        blanks = [" " * (width - _width(cell)) for cell, width in zip(row, widths, strict=True)]
        cells = [c + b if i in left else b + c for i, (c, b) in enumerate(zip(row, blanks, strict=True))]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)
