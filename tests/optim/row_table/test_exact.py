"""RowTable gives what the dense optimizer gives, in every rule, form and schedule."""

from functools import cache

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn

from row_table_builders import CASES, FORMS, L2, NAMES, draws, warm_then_cosine, zipf
from yeonma.optim import Adam, RowTable

BATCHES = [*draws(20, 40, 6), *draws(36, 5, 4), *draws(8, 40, 14)]


@cache
def dense_run(trainee, name, form, **decay):
    return trainee(nn.Embedding, name, form, **decay).learn(BATCHES, warm_then_cosine(len(BATCHES)), clip=0.5)


@pytest.mark.parametrize(("name", "form", "decay"), CASES, ids=lambda x: x if isinstance(x, str) else "".join(x))
def test_it_is_the_dense_optimizer(name, form, decay, engine, trainee):
    """Warm-up and cosine, clipping, ids met twice in a batch, and rows that sleep for most of the time."""
    dense = dense_run(trainee, name, form, **decay)
    lazy = trainee(RowTable, name, form, **decay).learn(BATCHES, warm_then_cosine(len(BATCHES)), clip=0.5)
    assert lazy.away_from(dense) < 1e-12
    assert (lazy.weight[6:] != lazy.start[6:]).any()


def test_sleeps_that_outlast_the_sum(engine, twins):
    """Under (0.5, 0.9) a sleep is whole after 67 steps; the nodes that stand then are used again and again."""
    dense, lazy = twins("adam", betas=(0.5, 0.9), weight_decay=0.5)
    for one in (dense, lazy):
        one.learn([*draws(60, 40, 5), *draws(100, 3, 3), *draws(60, 40, 5), *draws(100, 3, 3), *draws(9, 40, 12)])
    assert lazy.away_from(dense) < 1e-12


def errors_in_single(twins, name, form, batches, **arguments):
    """How far float32 is from dense float64: lazy, and dense."""
    exact, _ = twins(name, form, **arguments)
    dense, lazy = twins(name, form, dtype=torch.float32, **arguments)
    for one in (exact, dense, lazy):
        one.learn(batches, warm_then_cosine(len(batches)))
    return lazy.away_from(exact), dense.away_from(exact)


@pytest.mark.parametrize("name", NAMES)
def test_single_precision_is_no_worse_than_dense(name, twins):
    lazy, dense = errors_in_single(twins, name, "deck", zipf(300, 150, 12), vocab=150, dim=8)
    assert 0 < lazy <= 1.3 * dense


def test_single_precision_by_torch_operations(monkeypatch, twins):
    monkeypatch.setenv("YEONMA_KERNELS", "off")
    lazy, dense = errors_in_single(twins, "adam", "torch", zipf(300, 150, 12), vocab=150, dim=8, weight_decay=0.1)
    assert 0 < lazy <= 1.3 * dense


def test_single_precision_over_long_sleeps(twins):
    lazy, dense = errors_in_single(twins, "nadam", "torch", zipf(1500, 400, 12), vocab=400, dim=8)
    assert 0 < lazy <= 1.3 * dense


@pytest.mark.slow
@pytest.mark.parametrize(("name", "form"), FORMS)
def test_single_precision_of_every_form_over_long_sleeps(name, form, twins):
    lazy, dense = errors_in_single(twins, name, form, zipf(1500, 400, 20), vocab=400, dim=8, weight_decay=0.05)
    assert 0 < lazy <= 1.3 * dense


@pytest.mark.parametrize("name", NAMES)
def test_half_precision_weights_are_no_worse_than_dense(name, twins):
    """Their state is float32 on both sides; a row that wakes is rounded once, not once a step."""
    exact, _ = twins(name, weight_decay=0.05)
    dense, lazy = twins(name, dtype=torch.bfloat16, weight_decay=0.05)
    for one in (exact, dense, lazy):
        one.learn(draws(100, 40, 5))
    assert lazy.away_from(exact) <= 1.3 * dense.away_from(exact)
    slots = [value for key, value in lazy.optimizer.state_dict()["state"][0].items() if key != "step"]
    assert all(slot.dtype is torch.float32 for slot in slots)
    assert lazy.table.weight.dtype is torch.bfloat16


@pytest.mark.parametrize(("eps", "size"), [(0.0, 1e-15), (1e-16, 1e-19), (1e-30, 1e-19)])
def test_tiny_state_is_no_worse_than_dense(eps, size, engine, twins):
    """Gradients so small that v is subnormal in float32 and has a few digits; without ε, just not so small."""

    def run(one):
        for step in range(60):
            one.optimizer.zero_grad()
            ids = torch.arange(12) if step == 0 else torch.tensor([step % 3, 3 + step % 2])
            (one.table(ids) * torch.linspace(size, 10 * size, 3)).sum().backward()
            one.optimizer.step()
        return one

    exact, _ = map(run, twins("adam", eps=eps, vocab=12))
    dense, lazy = map(run, twins("adam", eps=eps, vocab=12, dtype=torch.float32))
    assert lazy.weight.isfinite().all()
    error = max(dense.away_from(exact) * (exact.weight - exact.start).norm(), 1e-7 * exact.weight.norm())
    assert (lazy.weight - exact.weight).norm() <= 2 * error


IDS = st.lists(st.integers(0, 7), max_size=4)
STEPS = st.lists(
    st.tuples(
        st.sampled_from([0.0, 1e-5, 1e-3, 0.1]),  # the rate
        st.lists(IDS, min_size=1, max_size=3),  # batches before the step, some of them empty
        st.integers(0, 25),  # steps after it that touch nothing
        st.sampled_from(["", "flush", "read", "weight", "state"]),
    ),
    min_size=1,
    max_size=8,
)


@given(st.sampled_from(CASES), STEPS, st.sampled_from([None, 3]), st.sampled_from([None, 0.3]))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_life_of_a_table(twins, case, life, padding_idx, clip):
    name, form, decay = case
    dense, lazy = twins(name, form, vocab=8, dim=2, padding_idx=padding_idx, **decay)
    for rate, batches, rest, look in life:
        for one in (dense, lazy):
            one.step(*batches, lr=rate, clip=clip)
            for _ in range(rest):
                one.step([])
        looked_at(lazy, look)
    torch.testing.assert_close(lazy.weight, dense.weight, rtol=1e-12, atol=1e-12)
    if padding_idx is not None and not decay:
        assert torch.equal(lazy.weight[3], lazy.start[3])


def test_a_batch_may_follow_an_empty_one(twins):
    dense, lazy = twins("adam")
    for one in (dense, lazy):
        one.step([], [1, 2])
    assert lazy.away_from(dense) < 1e-12


def looked_at(trainee, look):
    if look == "flush":
        trainee.table.flush()
    elif look == "read":
        with torch.no_grad():
            trainee.table(torch.arange(8))
    elif look == "weight":
        assert trainee.table.weight.shape == (8, 2)
    elif look == "state":
        trainee.table.state_dict(), trainee.optimizer.state_dict()


@given(
    st.sampled_from([*L2[2:], "adam", "nadam"]),
    st.sampled_from(["deck", "torch"]),
    st.lists(
        st.tuples(st.floats(0.01, 0.95), st.floats(0.95, 0.9999), st.integers(1, 30), IDS), min_size=2, max_size=6
    ),
)
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_momentum_and_betas_that_change(twins, name, form, life):
    dense, lazy = twins(name, form, vocab=8, dim=2)
    for one in (dense, lazy):
        for first, second, rest, ids in life:
            changed = {"betas": (first, second)} if "adam" in name else {"momentum": first}
            one.step(ids, **changed)
            for _ in range(rest):
                one.step([])
    torch.testing.assert_close(lazy.weight, dense.weight, rtol=1e-12, atol=1e-13)


def test_a_flush_of_many_rows_goes_in_pieces(twins):
    """More rows than are woken at a time, asleep since many different steps."""
    dense, lazy = twins("adam", vocab=40_000, dim=1)
    for one in (dense, lazy):
        for step in range(30):
            one.step(torch.arange(step, 40_000, 30 + step))
    expected = lazy.away_from(dense)
    assert expected < 1e-12


def test_two_tables_may_share_a_weight():
    def run(table_type):
        torch.manual_seed(0)
        one, other = table_type(30, 3), table_type(30, 3)
        other.weight = one.weight
        optimizer = Adam(nn.ModuleList([one, other]).parameters(), lr=0.01)
        for ids in draws(40, 30, 4):
            optimizer.zero_grad()
            (one(ids).sin() * other(ids // 2).cos()).sum().backward()
            optimizer.step()
        return one.weight.detach()

    torch.testing.assert_close(run(RowTable), run(nn.Embedding), rtol=1e-5, atol=1e-6)
