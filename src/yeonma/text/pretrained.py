"""The tokenizer that a pretrained encoder brings with it, and the special tokens it puts around texts."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from yeonma.records import Piece
from yeonma.text.tokenizers import Setting, Tokenizer


class Pretrained(Tokenizer):
    """Pieces of a `tokenizers.Tokenizer`; a form is the number of the piece in its vocabulary, as digits.

    Offsets leave out the blank that some vocabularies count to the word behind it. What looks like a special token in a
    text is text.
    """

    name = "pretrained"

    def __init__(self, model: Any) -> None:
        from tokenizers import Tokenizer as Model

        self.model = Model.from_str(model.to_str())  # a copy: the settings below are not the owner's
        self.model.no_padding()
        self.model.no_truncation()
        self.model.encode_special_tokens = True

    @property
    def settings(self) -> dict[str, Setting]:
        """None: all it is stands in its file."""
        return {}

    def _versions(self) -> dict[str, str]:
        from tokenizers import __version__

        return {"tokenizers": __version__, "model": hashlib.sha256(self.model.to_str().encode()).hexdigest()}

    def _pieces(self, text: str) -> list[Piece]:
        return _as_pieces(text, self.model.encode(text, add_special_tokens=False))

    def _batch(self, texts: Sequence[str]) -> Iterable[list[Piece]]:
        return map(_as_pieces, texts, self.model.encode_batch(texts, add_special_tokens=False))

    def frame(self, texts: int) -> Frame:
        """What stands around one text or two.

        Read off an encoding of one-letter texts: whatever wrote the file, its post-processor says so best.
        """
        encoded = self.model.encode("a", "a" if texts == 2 else None)
        ids, part, types = encoded.ids, encoded.sequence_ids, encoded.type_ids
        first, last = part.index(0), len(part) - 1 - part[::-1].index(texts - 1)
        between = [i for i in range(first, last) if part[i] is None]
        second = types[part.index(1)] if texts == 2 else 0
        return Frame(tuple(ids[:first]), tuple(ids[i] for i in between), tuple(ids[last + 1 :]), second)


class Frame(NamedTuple):
    """Ids of the special tokens before, between and behind the texts of a row, and the type of the second text."""

    before: tuple[int, ...] = ()
    between: tuple[int, ...] = ()
    behind: tuple[int, ...] = ()
    second: int = 0

    def __len__(self) -> int:
        """How many special tokens a row has."""
        return len(self.before) + len(self.between) + len(self.behind)


def _as_pieces(text: str, encoding: Any) -> list[Piece]:
    return [
        Piece(str(row), start + (start < end and text[start].isspace()), end)
        for row, (start, end) in zip(encoding.ids, encoding.offsets, strict=True)
    ]
