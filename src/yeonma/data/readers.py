"""Rows with their line numbers from files of every format: one at a time, in bounded memory but for .json."""

from __future__ import annotations

import csv
import difflib
import json
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from pathlib import Path

from yeonma.data.conll import Conll, is_conll
from yeonma.data.documents import json_rows
from yeonma.data.lines import BadRow, Lines, recognise
from yeonma.data.row import MOST_COLUMNS, SURROGATE, Row, refuse_constant
from yeonma.errors import DataError
from yeonma.records import Rejected

_PARQUET_BATCH = 4_096
_LABEL = "__label__"

_CONVERT = {
    ".pkl": "A pickle can run code when it is read; write the rows as .parquet or .jsonl",
    ".npy": "An array has no columns; write the rows as .parquet or .jsonl",
    ".xlsx": "Save the sheet as CSV UTF-8 (.csv)",
    ".gz": "Unpack it first",
}
_CONVERT |= {".pickle": _CONVERT[".pkl"], ".npz": _CONVERT[".npy"], ".xls": _CONVERT[".xlsx"], ".zip": _CONVERT[".gz"]}


def rows(path: Path | str) -> Iterator[Row]:
    """The rows of a file.

    Raises: DataError at the first row or file that is wrong.
    """
    for item in scan(path):
        if isinstance(item, Rejected):
            raise BadRow(item.reason, item.file, item.line)
        yield item


def scan(path: Path | str, suffix: str = "") -> Iterator[Row | Rejected]:
    """The rows of a file, and in their place the rows that are wrong; `suffix` stands for the file's own if given.

    Blank lines between rows are no rows. Cells of .csv, .tsv and .txt files are strings. A .conll or .bio file holds
    columns of tags, and so does a .tsv or .txt whose first line begins with `## ` or `-DOCSTART-`: a row is a sentence.
    Raises: DataError when the file cannot be read on: it is missing, empty, a header alone, of an unknown suffix, or
    has an open quote or an endless line.
    """
    path = Path(path)
    suffix = (suffix or path.suffix).lower()
    _must_be_readable(path, suffix)
    found = False
    try:
        for item in WHOLE_FORMATS[suffix](path) if suffix in WHOLE_FORMATS else _text(path, TEXT_FORMATS[suffix]):
            found = True
            yield item
    except OSError as error:
        raise DataError(f"could not be read: {error.strerror or error}.", path) from error
    if not found:
        raise DataError("must hold rows; it holds a header alone.", path, 1)


def _must_be_readable(path: Path, suffix: str) -> None:
    known = SUFFIXES
    if path.is_dir():
        inside = ", ".join(sorted(p.name for p in path.iterdir() if p.suffix.lower() in known)[:8])
        raise DataError(f"must be a file; it is a folder. Name a file in it: {inside or 'none fits'}.", path)
    if suffix not in known:
        advice = f" {_CONVERT[suffix]}." if suffix in _CONVERT else ""
        raise DataError(f"must end in one of {' '.join(known)}; it ends in {suffix or 'nothing'!r}.{advice}", path)
    if not path.is_file():
        beside = [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
        close = difflib.get_close_matches(path.name, beside, n=1)
        where = "" if path.is_absolute() else f" Paths begin at the current folder, {Path.cwd()}."
        raise DataError("there is no such file." + (f" Did you mean {close[0]!r}?" if close else where), path)


def _text(path: Path, parse: Callable[[str, Lines], Iterator[Row]]) -> Iterator[Row | Rejected]:
    """Run a parser over a text file. Parsers are maps and filters, not generators: they must outlive a BadRow."""
    with Lines(path) as lines:
        first = next(lines, None)
        if first is None:
            raise DataError("must hold a header and rows; it is empty.", path, 1)
        if "\r" in first:
            raise DataError("lines must end in a line feed; these end in a carriage return. Save it again.", path, 1)
        parser = parse(first, lines)
        while True:
            try:
                yield next(parser)
            except StopIteration:
                return
            except BadRow as bad:
                yield Rejected(str(path), bad.line or lines.number, bad.message)


def _checked_columns(names: list[str], path: Path) -> list[str]:
    """The column names of a file, if they can be told apart."""
    if not any(name.strip() for name in names):
        raise DataError("the first line must name the columns; it is blank.", path, 1)
    if len(names) > MOST_COLUMNS:
        raise DataError(f"must have at most {MOST_COLUMNS:,} columns; there are {len(names):,}.", path, 1)
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise DataError(f"column names must differ; {twice[0]!r} comes {names.count(twice[0])} times.", path, 1)
    return names


def _named(columns: list[str], cells: list[str], line: int, path: Path) -> Row:
    if len(cells) != len(columns):
        reason = f"must have {len(columns)} cells, as the header has; there are {len(cells)}."
        raise BadRow(reason, path, line)
    return Row(line, dict(zip(columns, cells, strict=True)))


def _tsv(first: str, lines: Lines) -> Iterator[Row]:
    """Tab separated values, or columns of tags. A quote is an ordinary character, as in NSMC's own files."""
    if is_conll(first):
        return Conll(first, lines)
    columns = _checked_columns(first.split("\t"), lines.path)
    filled: Iterable[str] = lines if len(columns) == 1 else filter(None, lines)
    return map(lambda line: _named(columns, line.split("\t"), lines.number, lines.path), filled)


class _Csv(Iterator[Row]):
    """Comma separated values in Python's strict dialect: quotes may hold commas and line ends, and must close."""

    def __init__(self, first: str, lines: Lines) -> None:
        self._lines = lines
        self._reader = csv.reader(map(lambda line: line + "\n", chain([first], lines)), strict=True)
        self._columns = _checked_columns(self._cells(1), lines.path)

    def __next__(self) -> Row:
        while True:
            start = self._lines.number + 1
            if cells := self._cells(start):
                return _named(self._columns, cells, start, self._lines.path)

    def _cells(self, start: int) -> list[str]:
        try:
            return next(self._reader)
        except csv.Error as error:
            too_long = "limit" in str(error)
            advice = "Write long texts as .jsonl" if too_long else "Double every quote that stands inside quotes"
            # Over several lines a quote did not close where it should, and where the next row begins is unknown.
            if self._lines.number > start or "unexpected end" in str(error):
                reason = f"a quote that opens here does not close as it should ({error}). {advice}."
                raise DataError(reason, self._lines.path, start) from error
            raise BadRow(f"must be CSV: {error}. {advice}.", self._lines.path, start) from error


def _jsonl(first: str, lines: Lines) -> Iterator[Row]:
    """One JSON object a line."""
    return map(lambda line: _json_row(line, lines), filter(str.strip, chain([first], lines)))


def _json_row(line: str, lines: Lines) -> Row:
    try:
        values = json.loads(line, parse_constant=refuse_constant)
        if SURROGATE.search(line):
            json.dumps(values, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise BadRow(f"must be a JSON object: {error}.", lines.path, lines.number) from error
    if not isinstance(values, dict):
        raise BadRow(f"must be a JSON object; came a {type(values).__name__}.", lines.path, lines.number)
    if len(values) > MOST_COLUMNS:
        reason = f"must have at most {MOST_COLUMNS:,} columns; there are {len(values):,}."
        raise BadRow(reason, lines.path, lines.number)
    return Row(lines.number, values)


def _txt(first: str, lines: Lines) -> Iterator[Row]:
    """FastText's `__label__x text`, a tab separated table (NSMC's own files), or columns of tags (KMOU's)."""
    if is_conll(first):
        return Conll(first, lines)
    if "\t" in first and not first.startswith(_LABEL):
        return _tsv(first, lines)
    if not first.startswith(_LABEL):
        reason = f"must begin with {_LABEL} (fastText) or be a table with tabs and a header; came {first[:40]!r}."
        raise DataError(f"a .txt file {reason}", lines.path, 1)
    return map(lambda line: _fasttext_row(line, lines), filter(str.strip, chain([first], lines)))


def _fasttext_row(line: str, lines: Lines) -> Row:
    label, *rest = line.split(maxsplit=1)
    text = rest[0] if rest else ""
    if not label.startswith(_LABEL):
        raise BadRow(f"must begin with {_LABEL}; came {line[:40]!r}.", lines.path, lines.number)
    if text.startswith(_LABEL):
        raise BadRow(f"must have one label; a second follows: {text[:40]!r}.", lines.path, lines.number)
    return Row(lines.number, {"label": label.removeprefix(_LABEL), "text": text})


def _parquet(path: Path) -> Iterator[Row | Rejected]:
    """Parquet, a batch of rows in memory at a time."""
    import pyarrow
    import pyarrow.parquet

    done = 0
    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            _checked_columns(file.schema_arrow.names, path)
            for batch in file.iter_batches(_PARQUET_BATCH):
                yield from map(Row, range(done + 1, done + 1 + batch.num_rows), batch.to_pylist())
                done += batch.num_rows
    except (pyarrow.ArrowException, OSError, ValueError) as error:
        raise DataError(f"is not a whole Parquet file: {error}. Write it again.", path, done + 1) from error


def encoding_of(path: Path) -> str:
    """How a file is written: an Encoding, or "Parquet".

    Raises: DataError for UTF-16 and UTF-32.
    """
    return "Parquet" if path.suffix.lower() == ".parquet" else recognise(path)


TEXT_FORMATS: dict[str, Callable[[str, Lines], Iterator[Row]]] = {
    ".csv": _Csv,
    ".tsv": _tsv,
    ".jsonl": _jsonl,
    ".txt": _txt,
    ".conll": Conll,
    ".bio": Conll,
}
"""Suffix → what reads the lines of such a file, given the first one and the rest."""

WHOLE_FORMATS: dict[str, Callable[[Path], Iterator[Row | Rejected]]] = {".json": json_rows, ".parquet": _parquet}
"""Suffix → what reads such a file."""

SUFFIXES = (*TEXT_FORMATS, *WHOLE_FORMATS)
"""What the name of a file of rows may end in."""
