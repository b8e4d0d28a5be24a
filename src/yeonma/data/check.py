"""The data doctor: reads files to their end and reports all that is wrong or worth knowing before training on them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import NamedTuple

from yeonma.data.catalog import entry
from yeonma.data.checkup import SEVERITIES, Checkup, Finding
from yeonma.data.examples import Item, examples
from yeonma.data.fetch import find
from yeonma.data.labels import LabelNames, Labels
from yeonma.data.lines import Encoding
from yeonma.data.places import present
from yeonma.data.shape import Manner, Shape, Texts
from yeonma.data.shapes import shape_of
from yeonma.data.sources import SPLITS, Asked, is_name, meanings
from yeonma.data.tally import Places, Tally
from yeonma.errors import ConfigError
from yeonma.records import Progress, Rejected, silent

MOST_REASONS = 20
"""So many different reasons are told apart for the wrong rows of a file."""

WINDOWED = ("answer", "set of spans")
"""The gold answers that are looked for in every part of a long text, so that nothing is cut."""

_SPLIT_WORDS = {"train": "train", "training": "train", "valid": "valid", "validation": "valid", "val": "valid"}
_SPLIT_WORDS |= {"dev": "valid", "test": "test"}

_FOUND = {
    "two_labels": ("warning", "texts with more than one {answer}: {n}"),
    "stray": ("warning", "tags that continue an entity none began (broken BIO, or IOB1), read as its beginning: {n}"),
    "blank": ("warning", "blank texts (they are kept; a model can only guess at them): {n}"),
    "too_long": ("warning", "rows of more than max_length = {limit} tokens, which will be {cut}: {n} ({share:.1%})"),
    "repeated": ("note", "rows that repeat the text of an earlier row: {n}"),
    "not_nfc": ("note", "texts not in Unicode's form NFC (Hangul may be taken apart): {n}"),
    "unlabelled": ("note", "rows without {an_answer} (name its column with columns.{role} if there is one): {n}"),
}
"""What a Tally may have found → how grave it is, and in words."""


class _File(NamedTuple):
    split: str
    path: Path
    shape: Shape
    columns: Mapping[str, str]
    labels: LabelNames | None
    manner: Manner


def check(
    sources: str | Path | Sequence[str | Path],
    *,
    columns: Mapping[str, str] | None = None,
    labels: LabelNames | None = None,
    task: str = "single",
    scale: tuple[float, float] | None = None,
    first: int | None = None,
    join: str | None = None,
    lengths: Callable[[str], int] | None = None,
    max_length: int | None = None,
    progress: Progress = silent,
) -> Checkup:
    """Examine files, or the files of named data sets, without stopping at what is wrong with them.

    A file's split is told by its name (`ratings_train.txt` is train); others are the next of train, valid and test.
    lengths, max_length  a text's number of tokens, and how many a model reads: how many texts would be cut
    columns, labels, task, scale, first, join as in `load`; a named data set brings its own task.
    Raises: ConfigError for settings that do not fit, DataError for a data set that is unknown or not on this machine.
    """
    sources = [sources] if isinstance(sources, str | Path) else sources
    if not sources:
        raise ConfigError("there must be something to check: files, or the name of a data set.")
    if (lengths is None) != (max_length is None):
        raise ConfigError("lengths and max_length must be given together.")
    asked = Asked(task, columns, labels, scale, first, join)
    files = _settled([file for source in sources for file in _files(source, asked)])
    tallies = [_tally(file, lengths, max_length, progress) for file in files]
    overlaps = {(b.split, a.split): b.overlap(a) for a, b in combinations(tallies, 2)}
    findings = [finding for tally in tallies for finding in _about(tally, max_length)]
    findings += _across(tallies)
    findings += [_overlap(tallies, pair, places) for pair, places in overlaps.items() if places.count]
    return Checkup(
        tuple(tally.result() for tally in tallies),
        {f"{later} in {earlier}": places.count for (later, earlier), places in overlaps.items()},
        tuple(sorted(findings, key=lambda finding: SEVERITIES.index(finding.severity))),
    )


def _files(source: str | Path, asked: Asked) -> Iterator[_File]:
    if not is_name(source):
        words = re.findall("[a-z]+", Path(source).stem.lower())
        split = next((_SPLIT_WORDS[word] for word in words if word in _SPLIT_WORDS), "")
        manner = asked.manner(Manner())
        yield _File(split, Path(source), shape_of(asked.task), asked.columns or {}, asked.labels, manner)
        return
    known = entry(str(source))
    manner = replace(asked, task=known.task).manner(known.manner)
    labels = None if manner.scale else meanings(asked.labels, known.labels)
    columns = {**known.columns, **(asked.columns or {})}
    on_hand = [split for split in known.splits if present(known.name, split)]
    for split in on_hand or known.splits[:1]:
        yield _File(split, find(known, split), shape_of(known.task), columns, labels, manner)


def _settled(files: Sequence[_File]) -> list[_File]:
    """Every file with a split of its own, train first: what names did not tell is told by the order."""
    free = [split for split in SPLITS if split not in {file.split for file in files}]
    told = [file if file.split else file._replace(split=free.pop(0) if free else file.path.stem) for file in files]
    claimed = [file.split for file in told]
    own = [file._replace(split=str(file.path)) if claimed.count(file.split) > 1 else file for file in told]
    order = ("train", "valid", "validation", "test")
    return sorted(own, key=lambda file: order.index(file.split) if file.split in order else len(order))


def _tally(file: _File, lengths: Callable[[str], int] | None, max_length: int | None, progress: Progress) -> Tally:
    tally = Tally(file.split, file.path, file.shape, _too_long(file.shape, lengths, max_length))
    read = Labels(file.labels, required=False)
    items = examples(file.path, file.split, file.shape, read, file.columns, manner=file.manner)
    tally.read(_shown(items, f"checking {file.path.name}", progress))
    return tally


def _too_long(
    shape: Shape, lengths: Callable[[str], int] | None, max_length: int | None
) -> Callable[[Texts], bool] | None:
    if lengths is None or max_length is None:
        return None
    return lambda texts: any(sum(map(lengths, row)) > max_length for row in shape.rows(texts))


def _shown(items: Iterable[Item | Rejected], what: str, progress: Progress) -> Iterator[Item | Rejected]:
    for done, item in enumerate(items):
        if done % 1_000 == 0:
            progress(what, done, None, "rows")
        yield item


def _about(tally: Tally, max_length: int | None) -> Iterator[Finding]:
    """What one file by itself shows."""
    file = str(tally.path)
    if tally.broken:
        yield Finding("error", file, tally.broken.line, f"cannot be read on: {tally.broken.message}")
    for reason, places in list(tally.wrong.items())[:MOST_REASONS]:
        yield _finding("error", tally, places, reason if places.count == 1 else f"{reason} In {places.count:,} rows")
    if rest := list(tally.wrong.values())[MOST_REASONS:]:
        count = sum(places.count for places in rest)
        yield Finding("error", file, rest[0].lines[0], f"more wrong rows for other reasons: {count:,}", count)
    result = tally.result()
    for kind, (severity, words) in _FOUND.items():
        if (places := tally.found[kind]).count:
            share = places.count / result.rows
            if kind == "unlabelled" and (tally.labels or tally.split == "train"):
                severity = "error"
            if kind == "too_long" and tally.shape.answer in WINDOWED:
                severity = "note"
            facts = {"n": f"{places.count:,}", "share": share, "limit": max_length, **_words(tally.shape)}
            yield _finding(severity, tally, places, words.format(**facts))
    if result.encoding in (Encoding.CP949, Encoding.UTF8_BOM):
        yield Finding("note", file, None, f"is written in {result.encoding}; it is read so, and UTF-8 is safer")


def _words(shape: Shape) -> dict[str, str]:
    """What a shape's findings are called."""
    return {
        "answer": shape.answer,
        "an_answer": f"{'an' if shape.answer[0] in 'aeiou' else 'a'} {shape.answer}",
        "role": " or columns.".join(roles[-1] for roles in shape.needed),
        "cut": "read in several windows" if shape.answer in WINDOWED else "cut",
    }


def _finding(severity: str, tally: Tally, places: Places, message: str) -> Finding:
    lines = ", ".join(map(str, places.lines)) + (", …" if places.count > len(places.lines) else "")
    where = f" (lines {lines})" if places.count > 1 else ""
    return Finding(severity, str(tally.path), places.lines[0], message.rstrip(".") + where, places.count)


def _across(tallies: Sequence[Tally]) -> Iterator[Finding]:
    """What the labels of the other splits show beside those of train."""
    train = next((tally for tally in tallies if tally.split == "train"), None)
    if train is None or not train.labels or not train.shape.closed:
        return
    if len(train.labels) == 1 and train.shape.answer == "label":
        yield Finding(
            "error", str(train.path), None, f"all rows have the label {next(iter(train.labels))!r}; two are needed"
        )
    for tally in tallies:
        for label in sorted(tally.labels.keys() - train.labels.keys()):
            yield _finding("error", tally, tally.labels[label], f"label {label!r} does not come in train")
        missing = sorted(train.labels.keys() - tally.labels.keys()) if tally.labels else []
        if missing:
            yield Finding("warning", str(tally.path), None, f"no row has the label {', '.join(map(repr, missing))}")


def _overlap(tallies: Sequence[Tally], pair: tuple[str, str], places: Places) -> Finding:
    later = next(tally for tally in tallies if tally.split == pair[0])
    return _finding("warning", later, places, f"rows whose text also stands in {pair[1]}: {places.count:,}")
