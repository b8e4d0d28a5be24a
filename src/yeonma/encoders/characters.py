"""The characters of a token: their numbers, and a convolution over them (Ma and Hovy 2016, arXiv 1603.01354)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from torch import Tensor, nn
from torch.nn import functional as F

from yeonma.text import nfc

LONGEST = 16
PAD, UNKNOWN, SPECIAL = 0, 1, 2


class CharacterCNN(nn.Module):
    """max over characters of ReLU(W [cᵢ₋₁; cᵢ; cᵢ₊₁] + b); what stands outside the token is zero.

    Row 0 of the table is padding and row 1 stands for every unknown character. A token without characters (a restored
    morpheme) has the vector zero.
    """

    def __init__(self, characters: int, dim: int, filters: int) -> None:
        super().__init__()
        self.table = nn.Embedding(SPECIAL + characters, dim, padding_idx=PAD)
        self.convolution = nn.Conv1d(dim, filters, 3, padding=1)

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Rows of the table (B, T, characters) and mask (B, T) → (B, T, filters); zero on padding."""
        real = ids[mask]
        seen = F.relu(self.convolution(self.table(real).transpose(1, 2)))
        found = (seen * (real != PAD).unsqueeze(1)).amax(2)  # ReLU ≥ 0: a zero never wins over a real value
        return found.new_zeros(*mask.shape, found.shape[1]).index_put((mask,), found)


def alphabet(texts: Sequence[str], min_count: int) -> list[str]:
    """The characters that occur at least `min_count` times in the composed texts, the most frequent first."""
    points, counts = np.unique(_points("".join(nfc(text).text for text in texts)), return_counts=True)
    kept = np.argsort(-counts, kind="stable")[: int((counts >= min_count).sum())]
    return [character for character in map(chr, points[kept]) if not character.isspace()]


def character_ids(characters: Sequence[str], texts: Sequence[str], spans: np.ndarray, bounds: np.ndarray) -> np.ndarray:
    """The rows of the characters of each token, of at most 16 of them: (N, 16) int32, padded with 0.

    spans (N, 2) and bounds (texts + 1,) as in `Analysed`. A text that is not composed is read token by token in its
    composed form, so that both writings of a word have the same characters.
    """
    spans, read = spans.astype(np.int64), []
    for number, text in enumerate(texts):
        normal = nfc(text)
        if not normal.in_place:
            own = slice(bounds[number], bounds[number + 1])
            words = [nfc(text[start:end]).text for start, end in spans[own].tolist()]
            sizes = np.array([len(word) for word in words], np.int64)
            spans[own, 1] = sizes.cumsum()
            spans[own, 0] = spans[own, 1] - sizes
        read.append(normal.text if normal.in_place else "".join(words))
    starts = np.cumsum([0, *map(len, read)])[:-1]
    places = (spans[:, 0] + np.repeat(starts, np.diff(bounds)))[:, None] + np.arange(LONGEST)
    inside = np.arange(LONGEST) < (spans[:, 1] - spans[:, 0])[:, None]
    rows = np.append(_rows(_points("".join(read)), characters), np.int32(PAD))
    return rows[np.where(inside, places, -1)]


def _rows(points: np.ndarray, characters: Sequence[str]) -> np.ndarray:
    """The table's row of every code point, int32."""
    known = _points("".join(characters))
    table = np.full(1 + max(points.max(initial=0), known.max(initial=0)), UNKNOWN, np.int32)
    table[known] = np.arange(SPECIAL, SPECIAL + len(known))
    return table[points]  # type: ignore[no-any-return]


def _points(text: str) -> np.ndarray:
    """The code points of a text without lone surrogates."""
    return np.frombuffer(text.encode("utf-32-le"), np.uint32)
