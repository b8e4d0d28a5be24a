"""Canonical composition (NFC) that remembers which original characters each composed character stands for."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import NamedTuple

# NUL ends a C string and half a surrogate pair has no UTF-8: no file, and hardly a library, can carry them.
_UNCARRIABLE = re.compile("[\x00\ud800-\udfff]")


class Normalized(NamedTuple):
    """A composed text; its character i stands for the characters `starts[i] … ends[i]−1` of the original."""

    text: str
    starts: Sequence[int]
    ends: Sequence[int]

    @property
    def in_place(self) -> bool:
        """Whether every character stands where it stood in the original."""
        return isinstance(self.starts, range)

    def to_original(self, start: int, end: int) -> tuple[int, int]:
        """The original range of the composed characters start … end−1; an empty range stays empty.

        Raises: IndexError when the range lies outside the text.
        """
        if start < end:
            return self.starts[start], self.ends[end - 1]
        place = self.starts[start] if start < len(self.text) else self.ends[-1] if self.text else 0
        return place, place


def nfc(text: str) -> Normalized:
    """Compose a text (Unicode Standard Annex 15) and keep the way back to its characters.

    한 written as three jamo becomes one character that stands for all three. A cluster (a letter and its marks)
    that composition changes into several characters cannot be told apart: each of them stands for the whole cluster.
    NUL and lone surrogates become U+FFFD, so the result can always be written as UTF-8.
    """
    text = _UNCARRIABLE.sub("\ufffd", text)
    if unicodedata.is_normalized("NFC", text):
        return Normalized(text, range(len(text)), range(1, len(text) + 1))
    composed: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    for start, end in _clusters(text):
        cluster = text[start:end]
        form = unicodedata.normalize("NFC", cluster)
        composed.append(form)
        same = form == cluster
        starts.extend(range(start, end) if same else [start] * len(form))
        ends.extend(range(start + 1, end + 1) if same else [end] * len(form))
    return Normalized("".join(composed), starts, ends)


def _clusters(text: str) -> Iterator[tuple[int, int]]:
    """Ranges that can be composed one by one.

    A new one begins at a character that is no combining mark and does not join what stands before it.
    """
    start = 0
    for i in range(1, len(text)):
        if not _is_mark(text[i]) and not _joins(text[start:i], text[i]):
            yield start, i
            start = i
    yield start, len(text)


def _is_mark(character: str) -> bool:
    """Whether it can change places with marks before it: by its first part (U+0F73 has class 0, its parts have not)."""
    return unicodedata.combining(unicodedata.normalize("NFD", character)[0]) != 0


def _joins(cluster: str, character: str) -> bool:
    apart = unicodedata.normalize("NFC", cluster) + unicodedata.normalize("NFC", character)
    return unicodedata.normalize("NFC", cluster + character) != apart
