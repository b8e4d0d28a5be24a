"""The texts of a corpus, streamed from files: plain text, gzip, zstd, Parquet, CSV, TSV, JSON lines, folders, globs."""

from __future__ import annotations

import io
from codecs import BOM_UTF8
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from glob import glob
from itertools import islice
from pathlib import Path
from typing import IO, Any

from yeonma.data.readers import rows
from yeonma.errors import DataError, nearest

_PACKED = {".gz": "gzip", ".zst": "zstd"}
_TABLES = {".csv", ".tsv", ".jsonl", ".parquet"}
_RECORDS = {".json", ".conll", ".bio"}  # lines of text, unless a column is named
_KINDS = {"", ".txt", ".text", *_TABLES}
_SAMPLE = 1000


@dataclass
class Place:
    """How far reading has come: bytes of the files as they lie on the disk, those in all, before this file, of it."""

    total: int = 0
    before: int = 0
    here: int = 0

    @property
    def share(self) -> float:
        """Of all bytes, 0 … 1. A table that is no Parquet file counts when it has been read to its end."""
        return min(1.0, (self.before + self.here) / self.total) if self.total else 0.0


def texts(paths: Sequence[str | Path], column: str | None = None, place: Place | None = None) -> Iterator[str]:
    """The texts of files, folders (recursively, in sorted order) and globs, one after the other, blank ones too.

    - `.parquet`: the column named, or else its only free-text column (long, varied strings with blanks).
    - `.csv`, `.tsv`, `.jsonl`: the column named.
    - any other file: every line is a text; `.gz` and `.zst` are unpacked on the way. When a column is named,
      `.json`, `.conll` and `.bio` give it, and a `.txt` whose first line has tabs or begins with `__label__`.
    - a folder gives its files of these kinds and those without a suffix; hidden ones are left out.

    Nothing is held but the text at hand (a batch of rows for Parquet). A file met twice, by whatever path, is read
    once. `place` is kept up to date while the texts are read.
    Raises: DataError with file and line: missing or unreadable file, nothing found, no or several columns that could
    be meant, a column and no table, bytes that are not UTF-8.
    """
    return _all(corpus_files(paths), column, place or Place())


def _all(files: Sequence[Path], column: str | None, place: Place) -> Iterator[str]:
    if column is not None and not any(_has_columns(path, column) for path in files):
        raise DataError(f"there is no table with a column {column!r}: lines are texts. Leave --column out.", files[0])
    sizes = [path.stat().st_size for path in files]
    place.total = sum(sizes)
    for path, size in zip(files, sizes, strict=True):
        yield from _read(path, column, place)
        place.before, place.here = place.before + size, 0


def corpus_files(paths: Sequence[str | Path]) -> list[Path]:
    """The files that `texts` reads, in its order.

    Raises: DataError when a path is missing, or a folder or a glob gives no file.
    """
    if not paths:
        raise DataError("A corpus needs at least one file, folder or glob, but none was given.")
    found: dict[Path, Path] = {}
    for file in (file for path in paths for file in _found(Path(path))):
        place = file.resolve()
        found[place] = max(found.get(place, file), file, key=_is_table)  # a link may have the ending of both
    return list(found.values())


def _found(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    if path.is_dir():
        files = [file for file in sorted(path.rglob("*")) if file.is_file() and _is_corpus(file.relative_to(path))]
        if not files:
            raise DataError("the folder holds no file of a corpus (.txt .gz .zst .parquet .csv .tsv .jsonl).", path)
        return files
    if any(character in str(path) for character in "*?["):
        files = [file for match in sorted(glob(str(path), recursive=True)) for file in _found(Path(match))]
        if not files:
            raise DataError("no file matches this pattern.", path)
        return files
    raise DataError("there is no such file or folder.", path)


def _is_corpus(path: Path) -> bool:
    packed_table = path.suffix.lower() in _PACKED and _kind(path) in _TABLES  # these are read unpacked alone
    return _kind(path) in _KINDS and not packed_table and not any(part.startswith(".") for part in path.parts)


def _kind(path: Path) -> str:
    """The suffix that tells what is inside: of x.csv.gz it is .csv."""
    return Path(path.stem).suffix.lower() if path.suffix.lower() in _PACKED else path.suffix.lower()


def _read(path: Path, column: str | None, place: Place) -> Iterator[str]:
    if path.suffix.lower() == ".parquet":
        return _parquet(path, column, place)
    return _table(path, column) if _has_columns(path, column) else _lines(path, place)


def _is_table(path: Path) -> bool:
    return _kind(path) in _TABLES


def _has_columns(path: Path, column: str | None) -> bool:
    """Whether a file is a table. Where a column is named, its first line tells it of one whose ending does not."""
    if column is None or _kind(path) in _TABLES:
        return _kind(path) in _TABLES
    first = _first_line(path)
    if path.suffix.lower() == ".txt":
        return b"\t" in first or first.removeprefix(BOM_UTF8).startswith(b"__label__")
    cells = first.decode("utf-8-sig", "replace").rstrip("\r\n").split("\t")
    return path.suffix.lower() in _RECORDS or (len(cells) > 1 and column in cells)


def _first_line(path: Path) -> bytes:
    """Empty where it cannot be read: reading the whole file will say why."""
    try:
        with path.open("rb") as file, _unpacked(file, path) as stream:
            return stream.readline()
    except OSError:
        return b""


def _lines(path: Path, place: Place) -> Iterator[str]:
    number = 0
    try:
        with path.open("rb") as file, _unpacked(file, path) as stream:
            for number, line in enumerate(stream, start=1):
                if number % _SAMPLE == 0:
                    place.here = file.tell()
                yield line.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise DataError(
            f"the text must be UTF-8, but byte {error.start + 1} of the line ({error.object[error.start]:#x}) is not. "
            "Text in another encoding can be converted: iconv -f CP949 -t UTF-8.",
            path,
            number,
        ) from error
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror or error}.", path) from error


def _unpacked(file: IO[bytes], path: Path) -> IO[bytes]:
    if path.suffix.lower() not in _PACKED:
        return file
    import pyarrow

    return io.BufferedReader(pyarrow.CompressedInputStream(file, _PACKED[path.suffix.lower()]))


def _table(path: Path, column: str | None) -> Iterator[str]:
    column = column or _table_column(path)
    for row in rows(path):
        text = row.values[_named(column, row.values, path, row.line)]
        if not isinstance(text, str | None):
            raise DataError(f"{column!r} must be a string, but {text!r} came.", path, row.line)
        if text is not None:
            yield text


def _table_column(path: Path) -> str:
    """The only column that looks like free text in the first thousand rows."""
    columns: dict[str, list[str | None]] = {}
    for row in islice(rows(path), _SAMPLE):
        for name, value in row.values.items():
            columns.setdefault(name, []).append(value if isinstance(value, str) else None)
    return _free_text(columns, path)


def _named(column: str, known: Iterable[str], path: Path, line: int | None = None) -> str:
    """The column that was named, if it is there."""
    if column not in known:
        raise DataError(f"there is no column {column!r}.{nearest(column, known)}", path, line)
    return column


def _parquet(path: Path, column: str | None, place: Place) -> Iterator[str]:
    import pyarrow
    from pyarrow import parquet

    try:
        with parquet.ParquetFile(path) as file:
            name = _parquet_column(file, path) if column is None else _named(column, file.schema_arrow.names, path)
            if not _is_string(file.schema_arrow.field(name).type):
                kind = file.schema_arrow.field(name).type
                raise DataError(f"the column {name!r} must hold strings; it holds {kind}.", path)
            first = 1
            for batch in file.iter_batches(columns=[name]):
                yield from _strings(batch.column(0), path, first)
                first += len(batch)
                place.here = path.stat().st_size * (first - 1) // file.metadata.num_rows
    except (OSError, pyarrow.ArrowException, UnicodeDecodeError) as error:
        raise DataError(f"is not a whole Parquet file: {error}.", path) from error


def _strings(values: Any, path: Path, first: int) -> Iterator[str]:
    """The strings of an Arrow array whose first value stands in row `first`; a missing one is left out."""
    for row, value in enumerate(values, start=first):
        try:
            text = value.as_py()
        except UnicodeDecodeError as error:
            raise DataError("the text must be UTF-8 (the number is that of the row).", path, row) from error
        if text is not None:
            yield text


def _is_string(kind: Any) -> bool:
    from pyarrow import types

    return bool(types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind))


def _parquet_column(file: Any, path: Path) -> str:
    """The only string column that looks like free text in the first thousand rows."""
    names: list[str] = [each.name for each in file.schema_arrow if _is_string(each.type)]
    sample = next(file.iter_batches(_SAMPLE, columns=names), None)
    return _free_text({name: [] if sample is None else sample.column(name).to_pylist() for name in names}, path)


def _free_text(columns: Mapping[str, Sequence[str | None]], path: Path) -> str:
    found = [name for name, values in columns.items() if _is_free_text(values)]
    if len(found) != 1:
        trouble = f"{len(found)} columns look like free text" if found else "no column looks like free text"
        known = ", ".join(found or columns or ["none"])
        raise DataError(f"{trouble}; name one with --column. Known: {known}.", path)
    return found[0]


def _is_free_text(values: Sequence[str | None]) -> bool:
    """Whether strings read like text: varied or long, a third with a blank inside, half of the characters letters."""
    texts = [text.strip() for text in values if text and text.strip()]
    if not texts:
        return False
    varied = len(set(texts)) >= 0.1 * len(texts)
    long = sum(map(len, texts)) >= 100 * len(texts)  # a paragraph may stand beside each of its many questions
    with_blanks = sum(len(text.split(maxsplit=1)) > 1 for text in texts) / len(texts)
    characters = "".join("".join(text.split()) for text in texts)
    letters = sum(map(str.isalpha, characters)) / len(characters)
    return (varied or long) and with_blanks >= 1 / 3 and letters >= 0.5
