"""The numbered lines of a text file in UTF-8 (with or without a byte order mark) or CP949, one in memory at a time."""

from __future__ import annotations

import codecs
import re
from enum import StrEnum
from pathlib import Path
from types import TracebackType

from yeonma.errors import DataError

LONGEST_LINE = 1_000_000
"""Characters; a longer line is no row of text but a file without line ends."""

_BLOCK = 1 << 20
_ASCII = bytes(range(128))
_UTF8_TRIPLE = re.compile(rb"[\xe1-\xef][\x80-\xbf]{2}")
_CP949_HANGUL = re.compile(rb"[\xb0-\xc8][\xa1-\xfe]")


class BadRow(DataError):
    """One row is wrong; the rows after it can still be read."""


class Encoding(StrEnum):
    """How the characters of a text file are written, found by reading it."""

    UTF8 = "UTF-8"
    UTF8_BOM = "UTF-8 with BOM"
    CP949 = "CP949"

    @property
    def codec(self) -> str:
        """The name Python knows it by."""
        return "cp949" if self is Encoding.CP949 else "utf-8"


def recognise(path: Path) -> Encoding:
    """The encoding of a file, by decoding all of it in blocks. EUC-KR is a part of CP949 and is named so.

    A file that is neither counts as UTF-8, so that reading its lines finds the first wrong one.
    Raises: DataError for UTF-16 and UTF-32.
    """
    with path.open("rb") as stream:
        start = stream.read(3)
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise DataError("must be UTF-8 or CP949; this is UTF-16 or UTF-32. Save it as UTF-8.", path, 1)
    if start == codecs.BOM_UTF8:
        return Encoding.UTF8_BOM
    strange = _undecodable(path, "utf-8")
    if strange is not None and _looks_korean(strange) and _undecodable(path, "cp949") is None:
        return Encoding.CP949
    return Encoding.UTF8


def _undecodable(path: Path, codec: str) -> bytes | None:
    """The first block that `codec` cannot decode, or None."""
    decoder = codecs.getincrementaldecoder(codec)()
    last = b""
    with path.open("rb") as stream:
        while True:
            block = stream.read(_BLOCK)
            try:
                decoder.decode(block, final=not block)
            except UnicodeDecodeError:
                return block or last
            if not block:
                return None
            last = block


def _looks_korean(block: bytes) -> bool:
    """Whether most bytes beyond ASCII are common CP949 syllables.

    CP949 decodes nearly any bytes to something: neither a UTF-8 file with one broken byte nor a Latin-1 file must
    become rare syllables.
    """
    beyond = len(block.translate(None, _ASCII))
    hangul = 2 * len(_CP949_HANGUL.findall(block))
    return 2 * hangul > beyond and hangul > 3 * len(_UTF8_TRIPLE.findall(block))


class Lines:
    """An iterator over the lines of a file without their line ends; `number` is the line last given, counted from 1.

    Only a line feed ends a line (a carriage return before it is dropped), so that U+0085 or U+2028 stay inside a text.
    A BadRow (bytes that cannot be decoded, a NUL) does not end the iterator: the next call gives the next line.
    Raises: DataError for a line of more than LONGEST_LINE characters; it is not read to its end.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.number = 0
        self.encoding = recognise(path)
        self._stream = path.open("rb")

    def __enter__(self) -> Lines:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stream.close()

    def __iter__(self) -> Lines:
        return self

    def __next__(self) -> str:
        raw = self._stream.readline(4 * LONGEST_LINE + 1)
        if not raw:
            raise StopIteration
        self.number += 1
        if len(raw) > LONGEST_LINE and self._characters(raw) > LONGEST_LINE:
            limit = f"{LONGEST_LINE:,} characters"
            reason = f"a line must have at most {limit}; this one is longer. Does the file lack line ends?"
            raise DataError(reason, self.path, self.number)
        return self._decoded(raw)

    def _characters(self, raw: bytes) -> int:
        return len(raw.decode(self.encoding.codec, "replace").rstrip("\r\n"))

    def _decoded(self, raw: bytes) -> str:
        if self.number == 1:
            raw = raw.removeprefix(codecs.BOM_UTF8)
        try:
            line = raw.decode(self.encoding.codec)
        except UnicodeDecodeError as error:
            byte = f"byte 0x{raw[error.start]:02X} (byte {error.start + 1} of the line)"
            reason = f"{byte} is not {self.encoding}. Save the file as UTF-8."
            raise BadRow(reason, self.path, self.number) from error
        if "\0" in line:
            raise BadRow("holds a NUL byte, so this is not text. Remove it, or save as UTF-8.", self.path, self.number)
        return line.removesuffix("\n").removesuffix("\r")
