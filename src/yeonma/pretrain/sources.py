"""The texts of a corpus, streamed from files: plain text, gzip, zstd, Parquet, CSV, TSV, JSON lines, folders, globs."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from glob import glob
from pathlib import Path
from typing import IO, Any

from yeonma.errors import DataError, nearest

_PACKED = {".gz": "gzip", ".zst": "zstd"}
_TABLES = {".csv": ",", ".tsv": "\t"}
_KINDS = {"", ".txt", ".text", ".jsonl", ".parquet", *_TABLES}
_SAMPLE = 1000

Line = tuple[int, str]


def texts(paths: Sequence[str | Path], column: str | None = None) -> Iterator[str]:
    """The texts of files, folders (recursively, in sorted order) and globs, one after the other, blank ones too.

    - `.parquet`: the column named, or else its only free-text column (long, varied strings with blanks).
    - `.csv`, `.tsv` (a header line first; no quoting in TSV), `.jsonl` (an object a line): the column named.
    - any other file: every line is a text. All of these but Parquet also packed, as `.gz` or `.zst`.
    - a folder gives its files of these kinds and those without a suffix; hidden ones are left out.

    Nothing is held but the text at hand (a batch of rows for Parquet). A file met twice is read once.
    Raises: DataError with file and line: missing or unreadable file, nothing found, no or several columns that could
    be meant, bytes that are not UTF-8.
    """
    found = corpus_files(paths)
    return (text for path in found for text in _read(path, column))


def corpus_files(paths: Sequence[str | Path]) -> list[Path]:
    """The files that `texts` reads, in its order.

    Raises: DataError when a path is missing, or a folder or a glob gives no file.
    """
    if not paths:
        raise DataError("A corpus needs at least one file, folder or glob, but none was given.")
    return list(dict.fromkeys(file for path in paths for file in _found(Path(path))))


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
    return _kind(path) in _KINDS and not any(part.startswith(".") for part in path.parts)


def _kind(path: Path) -> str:
    """The suffix that tells the kind of file: the one before .gz or .zst."""
    suffix = path.suffix.lower()
    return Path(path.stem).suffix.lower() if suffix in _PACKED else suffix


def _read(path: Path, column: str | None) -> Iterator[str]:
    kind = _kind(path)
    if kind == ".parquet":
        yield from _parquet(path, column)
        return
    try:
        with _open(path) as stream:
            yield from _texts_of(_lines(stream, path), kind, column, path)
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror or error}.", path) from error


def _open(path: Path) -> IO[bytes]:
    if path.suffix.lower() not in _PACKED:
        return path.open("rb")
    import pyarrow

    return io.BufferedReader(pyarrow.CompressedInputStream(str(path), _PACKED[path.suffix.lower()]))


def _lines(stream: Iterable[bytes], path: Path) -> Iterator[Line]:
    for number, line in enumerate(stream, start=1):
        try:
            yield number, line.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            raise DataError(
                f"the text must be UTF-8, but byte {error.start + 1} of the line ({error.object[error.start]:#04x}) is "
                "not. If the file is in another encoding, convert it: iconv -f CP949 -t UTF-8.",
                path,
                number,
            ) from error


def _texts_of(lines: Iterator[Line], kind: str, column: str | None, path: Path) -> Iterator[str]:
    if kind == ".jsonl":
        return _json_texts(lines, column, path)
    if kind in _TABLES or column is not None:
        return _table_texts(lines, _TABLES.get(kind, "\t"), column, path)
    return (line.rstrip("\r\n") for _, line in lines)


def _json_texts(lines: Iterator[Line], column: str | None, path: Path) -> Iterator[str]:
    for number, line in lines:
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise DataError(f"every line must be a JSON object ({error}).", path, number) from error
        if not isinstance(row, dict):
            raise DataError(f"every line must be a JSON object, but {line.strip()[:60]!r} came.", path, number)
        text = row[_named(column, list(row), path, number)]
        if not isinstance(text, str):
            raise DataError(f"{column!r} must be a string, but {text!r} came.", path, number)
        yield text


def _table_texts(lines: Iterator[Line], delimiter: str, column: str | None, path: Path) -> Iterator[str]:
    """The fields of a column; the first line names the columns. A plain text file is read as TSV when one is named."""
    quoting = csv.QUOTE_NONE if delimiter == "\t" else csv.QUOTE_MINIMAL
    rows = csv.reader((line for _, line in lines), delimiter=delimiter, quoting=quoting, strict=True)
    try:
        header = next(rows, [])
        place = header.index(_named(column, header, path, 1))
        for row in rows:
            if row and len(row) != len(header):
                raise DataError(f"{len(header)} fields were expected, but {len(row)} came.", path, rows.line_num)
            if row:
                yield row[place]
    except csv.Error as error:
        raise DataError(f"the table cannot be read: {error}.", path, rows.line_num) from error


def _named(column: str | None, known: Sequence[str], path: Path, line: int | None = None) -> str:
    """The column that was named, if it is there."""
    if column is None:
        raise DataError(f"the column of the texts must be named (--column). Known: {', '.join(known)}.", path, line)
    if column not in known:
        raise DataError(f"there is no column {column!r}.{nearest(column, known)}", path, line)
    return column


def _parquet(path: Path, column: str | None) -> Iterator[str]:
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
    except (OSError, pyarrow.ArrowException) as error:
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
    """The only string column, or the only one of them that looks like free text in the first thousand rows."""
    names = [each.name for each in file.schema_arrow if _is_string(each.type)]
    found = names
    if len(names) > 1:
        sample = next(file.iter_batches(_SAMPLE, columns=names), None)
        found = [] if sample is None else [name for name in names if _is_free_text(sample.column(name).to_pylist())]
    if len(found) != 1:
        trouble = f"{len(found)} columns look like free text" if found else "no column looks like free text"
        raise DataError(f"{trouble}; name one with --column. Known: {', '.join(found or names or ['none'])}.", path)
    return found[0]


def _is_free_text(values: Sequence[str | None]) -> bool:
    """Whether strings read like text: half of them distinct, a third with a blank inside, letters more than the rest."""
    texts = [text.strip() for text in values if text and text.strip()]
    if not texts:
        return False
    distinct = len(set(texts)) / len(texts)
    with_blanks = sum(len(text.split(maxsplit=1)) > 1 for text in texts) / len(texts)
    characters = "".join("".join(text.split()) for text in texts)
    letters = sum(map(str.isalpha, characters)) / len(characters)
    return distinct >= 0.5 and with_blanks >= 1 / 3 and letters >= 0.5
