"""Windows over rows of texts: nothing is lost, nothing is too long, neighbours overlap."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from yeonma.text.windows import windows

LENGTHS = st.lists(st.integers(0, 60), min_size=1, max_size=3)


def sizes(window):
    return [part.stop - part.start for part in window]


def test_what_fits_is_one_window():
    assert windows([3, 4], 7) == [(slice(0, 3), slice(0, 4))]
    assert windows([3, 4], 7, stride=2) == [(slice(0, 3), slice(0, 4))]


def test_the_longest_text_is_cut_first():
    assert sizes(windows([3, 20], 10)[0]) == [3, 7]
    assert sizes(windows([20, 3], 10)[0]) == [7, 3]
    assert sizes(windows([20, 30], 11)[0]) == [5, 6]


def test_windows_over_the_last_text():
    assert windows([2, 20], 10, stride=3) == [
        (slice(0, 2), slice(0, 8)),
        (slice(0, 2), slice(5, 13)),
        (slice(0, 2), slice(10, 18)),
        (slice(0, 2), slice(12, 20)),
    ]


def test_a_long_question_leaves_half_of_the_room():
    assert sizes(windows([50, 50], 10, stride=1)[0]) == [5, 5]


@given(LENGTHS, st.integers(1, 40))
def test_one_window_is_as_full_as_it_can_be(lengths, room):
    (window,) = windows(lengths, room)
    assert sum(sizes(window)) == min(room, sum(lengths))
    assert all(size <= length for size, length in zip(sizes(window), lengths, strict=True))


@given(LENGTHS, st.integers(2, 40), st.integers(0, 50))
def test_windows_hold_all_of_the_last_text_and_share_the_stride(lengths, room, stride):
    found = windows(lengths, room, stride)
    assert all(sum(sizes(window)) <= room for window in found)
    assert set().union(*(range(w[-1].start, w[-1].stop) for w in found)) == set(range(lengths[-1]))
    for one, other in pairwise(found):
        assert one[-1].stop - other[-1].start >= min(stride, sizes(one)[-1] - 1)
