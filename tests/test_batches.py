"""Batches: a pure function of (seed, epoch, lengths), every row once, hardly any padding."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from yeonma import batches

LENGTHS = st.lists(st.integers(1, 60), min_size=1, max_size=200).map(lambda x: np.array(x, np.int64))


@given(
    LENGTHS,
    st.integers(1, 50),
    st.booleans(),
    st.one_of(st.none(), st.integers(60, 500)),
    st.integers(0, 9),
    st.integers(0, 9),
)
def test_every_row_stands_in_one_batch(lengths, size, bucket, tokens, seed, epoch):
    bucket = bucket or tokens is not None  # the config refuses random batches cut by tokens
    made = batches.plan(lengths, size, tokens, bucket, seed, epoch)
    assert sorted(np.concatenate(made).tolist()) == list(range(len(lengths)))
    assert len(made) == batches.steps_per_epoch(lengths, size, tokens, bucket)
    if tokens:
        assert all(lengths[rows].max() * len(rows) <= tokens for rows in made)
    else:
        assert all(len(rows) <= size for rows in made)


@given(LENGTHS, st.integers(0, 9))
def test_it_is_a_pure_function(lengths, seed):
    one, two = (batches.plan(lengths, 8, None, True, seed, 3) for _ in range(2))
    assert all(np.array_equal(a, b) for a, b in zip(one, two, strict=True))


def test_epochs_and_seeds_differ():
    lengths = np.full(100, 5)
    plans = [
        np.concatenate(batches.plan(lengths, 8, None, True, seed, epoch)) for seed, epoch in ((1, 0), (1, 1), (2, 0))
    ]
    assert not np.array_equal(plans[0], plans[1])
    assert not np.array_equal(plans[0], plans[2])


def test_buckets_hold_like_lengths():
    lengths = np.random.default_rng(0).integers(1, 100, 5_000)
    padding = {
        bucket: sum(int(lengths[r].max()) * len(r) for r in batches.plan(lengths, 64, None, bucket, 1, 0))
        / lengths.sum()
        for bucket in (True, False)
    }
    assert padding[True] < 1.05
    assert padding[False] > 1.5


@given(st.lists(st.integers(1, 30), max_size=80).map(lambda x: np.array(x, np.int64)))
def test_prediction_batches_cover_all_rows(lengths):
    made = list(batches.in_order(lengths, tokens=60))
    assert sorted(i for rows in made for i in rows.tolist()) == list(range(len(lengths)))
