"""Korean morphemes: mecab-ko, which cuts the surface, and Kiwi, which restores the stems."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import cache, cached_property
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any

from yeonma.errors import MissingExtra
from yeonma.records import Piece
from yeonma.text.tokenizers import Tokenizer

_SURFACE = re.compile(r"(.+?)\t.*\n")  # a line of mecab's answer: surface TAB features; the last line, EOS, has no TAB
_DIGIT_OR_REST = re.compile(r"\d|\D+")


class Mecab(Tokenizer):
    """Morphemes as they stand in the text (python-mecab-ko with mecab-ko-dic); a contracted one stays whole: 끌려.

    `split_digits`: every digit is a piece of its own, so that numbers need few words.
    An instance holds one tagger, which one thread at a time may use.
    """

    name = "mecab"

    def __init__(self, split_digits: bool = False) -> None:
        self.split_digits = split_digits

    @cached_property
    def _tagger(self) -> Any:
        from mecab import MeCab

        # The raw tagger answers in one string. The public parse() builds an object per morpheme: three times slower.
        return MeCab()._tagger

    def _pieces(self, text: str) -> list[Piece]:
        pieces = []
        end = 0
        for surface in map(str.strip, _SURFACE.findall(self._tagger.parse(text))):  # the dictionary has '에듀 '
            start = text.index(surface, end)  # only blanks can stand between, so the first one found is the one
            end = start + len(surface)
            pieces.append(Piece(surface, start, end))
        return [part for piece in pieces for part in _digits_apart(piece)] if self.split_digits else pieces

    def _versions(self) -> dict[str, str]:
        return {name: version(name) for name in ("python-mecab-ko", "python-mecab-ko-dic")}


def _digits_apart(piece: Piece) -> list[Piece]:
    found = _DIGIT_OR_REST.finditer(piece.form)
    return [Piece(part[0], piece.start + part.start(), piece.start + part.end()) for part in found]


class Kiwi(Tokenizer):
    """Morphemes with their stems restored (kiwipiepy): 끌려 → 끌리/어, whose characters overlap (끌려, 려).

    A morpheme the text leaves out has no characters (영화라고 → 영화/이/라고). The blank in a name of several words
    becomes an underline (조니_뎁), as word2vec writes phrases, so that a form is always one word.
    Raises: MissingExtra when kiwipiepy is not installed.
    """

    name = "kiwi"

    def __init__(self) -> None:
        if find_spec("kiwipiepy") is None:
            raise MissingExtra("kiwipiepy", "kiwi", "The tokenizer 'kiwi'")

    def _pieces(self, text: str) -> list[Piece]:
        return _as_pieces(_kiwi().tokenize(text))

    def _batch(self, texts: Sequence[str]) -> Iterable[list[Piece]]:
        return map(_as_pieces, _kiwi().tokenize(texts))

    def _versions(self) -> dict[str, str]:
        return {name: version(name) for name in ("kiwipiepy", "kiwipiepy_model")}


@cache
def _kiwi() -> Any:
    """The one analyser of this process: it has no settings here and takes a second or more to load."""
    from kiwipiepy import Kiwi as Analyser

    return Analyser()


def _as_pieces(tokens: Iterable[Any]) -> list[Piece]:
    return [Piece(token.form.replace(" ", "_"), token.start, token.start + token.len) for token in tokens]
