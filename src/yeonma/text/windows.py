"""Which tokens of a row of texts are read together: all of them, what fits, or windows that overlap."""

from __future__ import annotations

from collections.abc import Sequence


def windows(lengths: Sequence[int], room: int, stride: int | None = None) -> list[tuple[slice, ...]]:
    """Windows over texts of these lengths in tokens, each a slice of every text, at most `room` tokens together.

    Without `stride` there is one window, and tokens are cut off at the end of the longest text until the rest fits.
    With it the last text is read in windows that share at least `stride` tokens with the next; every window is full and
    the last one ends with the text. The texts before the last stand in every window, cut to what the last one leaves,
    or to half of the room.
    """
    if sum(lengths) <= room:
        return [tuple(slice(0, length) for length in lengths)]
    if stride is None:
        return [tuple(slice(0, kept) for kept in _longest_first(lengths, room))]
    before = _longest_first(lengths[:-1], max(room // 2, room - lengths[-1]))
    size = min(lengths[-1], room - sum(before))
    starts = [*range(0, lengths[-1] - size, max(1, size - stride)), lengths[-1] - size]
    return [(*(slice(0, kept) for kept in before), slice(start, start + size)) for start in starts]


def _longest_first(lengths: Sequence[int], room: int) -> list[int]:
    """How much of each text is kept: short ones whole, the others alike, the earlier ones a token more where needed."""
    kept = [0] * len(lengths)
    left = room
    for waiting, number in zip(
        range(len(lengths), 0, -1), sorted(range(len(lengths)), key=lengths.__getitem__), strict=True
    ):
        kept[number] = min(lengths[number], left // waiting)
        left -= kept[number]
    for number, length in enumerate(lengths):
        more = min(left, length - kept[number])
        kept[number] += more
        left -= more
    return kept
