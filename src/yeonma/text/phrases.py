"""Phrases in a text: the pieces of another tokenizer, some pairs of which stand as one, a_b."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from yeonma.errors import RunError
from yeonma.files import read_json, write_json
from yeonma.records import Piece
from yeonma.text.tokenizers import CONFIG_FILE, TOKENIZER_FILE, Setting, Tokenizer, load_tokenizer

WORDS = "words"
"""The folder of the tokenizer whose pieces are joined."""


def joined_form(one: str, two: str) -> str:
    """How the words of a phrase are written, as word2phrase does."""
    return f"{one}_{two}"


class Phrases(Tokenizer):
    """The pieces of `words`, of which two that are one of `pairs` become one from the start of the first to the end.

    Pairs are looked for from left to right, and a piece is in one phrase at most. `yeonma pretrain --phrases` finds
    the pairs.
    """

    name = "phrases"

    def __init__(self, words: Tokenizer, pairs: Iterable[tuple[str, str]]) -> None:
        self.words, self.pairs = words, frozenset(pairs)

    @property
    def settings(self) -> dict[str, Setting]:
        """Those of the tokenizer whose pieces are joined are kept with it."""
        return {}

    def _pieces(self, text: str) -> list[Piece]:
        return self._joined(self.words._pieces(text))

    def _batch(self, texts: Sequence[str]) -> Iterable[list[Piece]]:
        return map(self._joined, self.words._batch(texts))

    def _joined(self, pieces: list[Piece]) -> list[Piece]:
        made: list[Piece] = []
        free = False  # whether the last piece may still begin a phrase
        for piece in pieces:
            free = free and (made[-1].form, piece.form) in self.pairs
            if free:
                one = made.pop()
                piece = Piece(joined_form(one.form, piece.form), one.start, max(one.end, piece.end))
            made.append(piece)
            free = not free
        return made

    def _versions(self) -> dict[str, str]:
        known = json.dumps(sorted(self.pairs)).encode()
        return {"words": self.words.fingerprint(), "pairs": hashlib.sha256(known).hexdigest()}

    def _description(self) -> dict[str, object]:
        return {"tokenizer": self.name, "words": self.words.name, "pairs": [list(pair) for pair in sorted(self.pairs)]}

    def save(self, folder: Path) -> None:
        """Write `tokenizer.json` with the pairs, `tokenizer_config.json`, and the other tokenizer below `words/`.

        Raises: DiskError.
        """
        write_json(folder / TOKENIZER_FILE, self._description())
        write_json(folder / CONFIG_FILE, {"yeonma_tokenizer": self.name, "settings": {}})
        self.words.save(folder / WORDS)

    @classmethod
    def _restore(cls, folder: Path, settings: Mapping[str, Setting]) -> Self:
        found: Any = read_json(folder / TOKENIZER_FILE)
        pairs = found.get("pairs") if isinstance(found, dict) else None
        if not isinstance(pairs, list) or not all(_is_pair(pair) for pair in pairs):
            raise RunError(
                f"{folder / TOKENIZER_FILE} must hold `pairs`, a list of pairs of words. Restore it or make it again."
            )
        return cls(load_tokenizer(folder / WORDS), ((one, two) for one, two in pairs))


def _is_pair(value: object) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(isinstance(form, str) for form in value)
