"""Splitting: stratified, in order, whole, and a pure function of the seed."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from yeonma.data.splitting import split_off
from yeonma.errors import ConfigError, DataError
from yeonma.records import Example

labels = st.lists(st.sampled_from(["a", "b", "c", None]), min_size=20, max_size=200)


def examples(golds):
    return [Example(str(i), (f"글 {i}",), gold) for i, gold in enumerate(golds)]


@given(labels, st.floats(0.2, 0.8), st.integers(0, 2**32))
def test_both_parts_together_are_the_whole(golds, fraction, seed):
    whole = examples(golds)
    rest, part = split_off(whole, fraction, seed)
    assert sorted([*rest, *part], key=lambda e: int(e.id)) == whole
    for some in (rest, part):
        assert [int(e.id) for e in some] == sorted(int(e.id) for e in some)
    counts, taken = Counter(golds), Counter(e.gold for e in part)
    assert all(abs(taken[label] - fraction * counts[label]) <= 1 and taken[label] < counts[label] for label in counts)
    assert split_off(whole, fraction, seed) == (rest, part)


def test_seeds_differ():
    whole = examples(["a", "b"] * 100)
    assert split_off(whole, 0.1, 1) != split_off(whole, 0.1, 2)


def test_the_split_of_a_seed_stays_the_same_for_good():
    """Runs are compared over years: a change here would silently change every validation score."""
    _, part = split_off(examples(["a", "b"] * 20), 0.2, 42)
    assert [e.id for e in part] == PART_OF_SEED_42


PART_OF_SEED_42 = ["4", "8", "17", "25", "27", "28", "35", "36"]


@pytest.mark.parametrize("fraction", [0.0, 1.0, -0.1, 2.0, float("nan")])
def test_fractions_out_of_range(fraction):
    with pytest.raises(ConfigError, match="valid_fraction must lie between 0 and 1"):
        split_off(examples(["a"] * 10), fraction, 1)


@pytest.mark.parametrize("golds", [["a"], ["a", "b", "c"], ["a", "a", "b"]])
def test_too_few_rows(golds):
    with pytest.raises(DataError, match=f"{len(golds)} training rows are too few"):
        split_off(examples(golds), 0.1, 1)


@given(st.lists(st.integers(0, 9), min_size=30, max_size=200), st.floats(0.1, 0.9), st.integers(0, 2**32))
def test_groups_never_come_apart(group_of, fraction, seed):
    whole = examples([None] * len(group_of))
    groups = {str(i): str(group) for i, group in enumerate(group_of)}
    try:
        rest, part = split_off(whole, fraction, seed, groups)
    except DataError:
        assume(False)
    assert sorted([*rest, *part], key=lambda e: int(e.id)) == whole
    assert not {groups[e.id] for e in rest} & {groups[e.id] for e in part}
    assert rest
    largest = max(Counter(group_of).values())
    assert abs(len(part) - fraction * len(whole)) <= largest
    assert split_off(whole, fraction, seed, groups) == (rest, part)


def test_one_group_cannot_be_split():
    whole = examples(["a"] * 10)
    with pytest.raises(DataError, match="10 training rows in so few groups are too few to split 0.1 of them off"):
        split_off(whole, 0.1, 1, {e.id: "one" for e in whole})


def test_the_groups_of_a_seed_stay_the_same_for_good():
    whole = examples(["a"] * 40)
    _, part = split_off(whole, 0.2, 42, {e.id: str(int(e.id) // 4) for e in whole})
    assert [e.id for e in part] == GROUPS_OF_SEED_42


GROUPS_OF_SEED_42 = ["16", "17", "18", "19", "32", "33", "34", "35"]
