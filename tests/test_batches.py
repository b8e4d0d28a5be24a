"""Batches: a pure function of (seed, epoch, lengths), every row once, hardly any padding."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from yeonma import batches

LENGTHS = st.lists(st.integers(1, 60), min_size=1, max_size=200)


def prepared(lengths, rows=None):
    """Examples whose longest rows have these lengths; `rows` says how many each has, one where it is left out."""
    counts = np.ones(len(lengths), np.int64) if rows is None else np.array(rows)
    longest = np.array(lengths, np.int64)
    starts, items = np.concatenate([[0], np.cumsum(counts)]), np.repeat(np.arange(len(lengths)), counts)
    return batches.Prepared([], items, starts, np.repeat(longest, counts), longest, {}, 0)


@given(
    st.lists(st.tuples(st.integers(1, 60), st.integers(1, 5)), min_size=1, max_size=200),
    st.integers(1, 50),
    st.booleans(),
    st.one_of(st.none(), st.integers(300, 900)),
    st.integers(0, 9),
    st.integers(0, 9),
)
def test_every_example_stands_in_one_batch(sizes, size, bucket, tokens, seed, epoch):
    bucket = bucket or tokens is not None  # the config refuses random batches cut by tokens
    given = prepared(*zip(*sizes, strict=True))
    made = batches.plan(given, size, tokens, bucket, seed, epoch)
    assert sorted(np.concatenate(made).tolist()) == list(range(len(sizes)))
    assert len(made) == batches.steps_per_epoch(given, size, tokens, bucket)
    for chosen in made:
        rows = given.rows_of(chosen)
        assert given.items[rows].tolist() == [item for item in chosen for _ in range(sizes[item][1])]
        if tokens:
            assert given.lengths[rows].max() * len(rows) <= tokens
        else:
            assert len(chosen) <= size


@given(st.lists(st.tuples(st.integers(1, 60), st.integers(1, 9)), min_size=1, max_size=40), st.integers(20, 2000))
def test_a_batch_is_split_where_memory_would_not_hold_it(sizes, tokens):
    given = prepared(*zip(*sizes, strict=True))
    whole = np.random.default_rng(0).permutation(len(sizes))
    parts = batches.split(given, whole, tokens)
    assert sorted(np.concatenate(parts).tolist()) == list(range(len(sizes)))
    cost = [int(given.longest[part].max()) * len(given.rows_of(part)) for part in parts]
    assert all(each <= tokens or len(part) == 1 for each, part in zip(cost, parts, strict=True))
    if int(given.longest.max()) * len(given.items) <= tokens:
        assert [part.tolist() for part in parts] == [whole.tolist()]


@given(LENGTHS, st.integers(0, 9))
def test_it_is_a_pure_function(lengths, seed):
    one, two = (batches.plan(prepared(lengths), 8, None, True, seed, 3) for _ in range(2))
    assert all(np.array_equal(a, b) for a, b in zip(one, two, strict=True))


def test_every_epoch_has_as_many_batches():
    """Of examples of one length but different numbers of rows, cut by tokens."""
    random = np.random.default_rng(0)
    given_ = prepared([10] * 200, random.integers(1, 6, 200))
    counts = {len(batches.plan(given_, 8, 200, True, seed, epoch)) for seed in range(3) for epoch in range(8)}
    assert len(counts) == 1


def test_epochs_and_seeds_differ():
    given = prepared([5] * 100)
    plans = [
        np.concatenate(batches.plan(given, 8, None, True, seed, epoch)) for seed, epoch in ((1, 0), (1, 1), (2, 0))
    ]
    assert not np.array_equal(plans[0], plans[1])
    assert not np.array_equal(plans[0], plans[2])


def test_buckets_hold_like_lengths():
    lengths = np.random.default_rng(0).integers(1, 100, 5_000)
    padding = {
        bucket: sum(int(lengths[r].max()) * len(r) for r in batches.plan(prepared(lengths), 64, None, bucket, 1, 0))
        / lengths.sum()
        for bucket in (True, False)
    }
    assert padding[True] < 1.05
    assert padding[False] > 1.5


@given(st.lists(st.integers(1, 30), max_size=80).map(lambda x: np.array(x, np.int64)))
def test_prediction_batches_cover_all_rows(lengths):
    made = list(batches.in_order(lengths, tokens=60))
    assert sorted(i for rows in made for i in rows.tolist()) == list(range(len(lengths)))
