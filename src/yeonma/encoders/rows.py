"""Rows of analysed texts with the special tokens of an encoder around them, in windows where they are too long."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

import numpy as np

from yeonma.encoders.encoder import Rows
from yeonma.records import Tokens
from yeonma.text import Analysed
from yeonma.text.pretrained import Frame
from yeonma.text.windows import windows

Column = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Ids, offsets and part of tokens that stand together."""


def framed(
    rows: Rows, analysed: Analysed, ids: np.ndarray, frame: Frame, room: int, stride: int | None
) -> list[Tokens]:
    """Tokens of each row's windows, `room` of them for the texts; `ids` are those of all pieces of `analysed`."""
    bounds = zip(analysed.bounds[:-1].tolist(), analysed.bounds[1:].tolist(), strict=True)
    texts = iter([(ids[start:end], analysed.spans[start:end]) for start, end in bounds])
    return [
        window
        for number, row in enumerate(rows)
        for window in _row(number, [*islice(texts, len(row))], frame, room, stride)
    ]


def _row(
    number: int, texts: Sequence[tuple[np.ndarray, np.ndarray]], frame: Frame, room: int, stride: int | None
) -> Iterator[Tokens]:
    lengths = [len(ids) for ids, _ in texts]
    cuts = windows(lengths, room, stride)
    cut = sum(lengths) - sum(kept.stop for kept in cuts[-1])
    for window in cuts:
        columns = [_special(frame.before)]
        for part, ((ids, spans), kept) in enumerate(zip(texts, window, strict=True)):
            behind = frame.between if part + 1 < len(texts) else frame.behind
            columns += [(ids[kept], spans[kept], np.full(kept.stop - kept.start, part, np.int8)), _special(behind)]
        ids, spans, parts = (np.concatenate(column) for column in zip(*columns, strict=True))
        yield Tokens(ids, spans, parts, number, cut, window[-1].start)


def _special(ids: Sequence[int]) -> Column:
    return np.array(ids, np.int64), np.zeros((len(ids), 2), np.int32), np.full(len(ids), -1, np.int8)
