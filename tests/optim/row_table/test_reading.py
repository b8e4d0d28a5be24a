"""Reading a RowTable shows how its rows are now, and changes nothing."""

import copy
import pickle

import pytest
import torch
from torch import nn

from row_table_builders import FORMS, NAMES, as_it_stands, assert_same_bits, draws
from yeonma.optim import Adam, RowTable, current


@pytest.mark.parametrize(("name", "form"), FORMS)
def test_reading_is_as_of_now_and_changes_nothing(name, form, engine, trainee):
    one = trainee(RowTable, name, form, weight_decay=0.1).learn(draws(50, 40, 5))
    before = as_it_stands(one)
    if name not in ("gd", "sgd"):
        assert (before["last"] < 50).any()
    ids = torch.tensor([[39, 3], [17, 39]])
    with torch.no_grad():
        found = one.table(ids)
    with torch.inference_mode():
        again = one.table(ids).clone()
    saved, copied = one.table.state_dict()["weight"].clone(), copy.deepcopy(one.table)
    sent = pickle.loads(pickle.dumps(one.table))  # to a worker of a DataLoader
    now = current(next(one.table.parameters())).clone()
    one.optimizer.state_dict()
    assert_same_bits(as_it_stands(one), before)
    flushed = one.table.weight.detach()
    assert not torch.equal(flushed, before["weight"])  # some rows were asleep, and decay
    for read in (found, again):
        assert torch.equal(read, flushed[ids])
    for read in (saved, copied.weight, sent.weight, now, one.table.flush().weight):
        assert torch.equal(read, flushed)
    one.learn(draws(3, 40, 5))
    assert torch.equal(copied.weight, saved)


def test_a_frozen_while_asleep_table_is_read_as_of_now(trainee):
    one = trainee(RowTable, "momentum").learn(draws(50, 40, 5))
    one.table.requires_grad_(False)
    found = one.table(torch.arange(40))
    assert not found.requires_grad
    assert torch.equal(found, one.table.weight)


def test_every_way_to_take_a_state_dict_is_as_of_now(trainee):
    one = trainee(RowTable, "adam").learn(draws(50, 40, 5))
    kept = one.table.state_dict(keep_vars=True)["weight"].detach().clone()
    assert torch.equal(kept, one.table.weight)


@pytest.mark.parametrize("name", NAMES)
def test_a_flush_on_the_way_is_only_rounding(name, trainee):
    one, other = (trainee(RowTable, name, weight_decay=0.1) for _ in range(2))
    for number, ids in enumerate(draws(80, 40, 5)):
        one.learn([ids])
        other.learn([ids])
        if number % 7 == 0:
            other.table.flush()
    assert other.away_from(one) < 1e-13


def test_weights_that_are_loaded_are_not_moved_by_what_slept(twins):
    vectors = torch.randn(40, 3, dtype=torch.float64)
    dense, lazy = twins("momentum")
    for one in (dense, lazy):
        one.learn(draws(30, 40, 5))
        one.table.load_state_dict({"weight": vectors})
        if one is lazy:
            assert torch.equal(one.table.weight, vectors)
        one.learn(draws(30, 40, 5, seed=1))
    assert lazy.away_from(dense) < 1e-12


def test_a_copy_of_model_and_optimizer_goes_its_own_way(twins):
    """As dense ones do: the copy's optimizer trains the copy's table from the state as of now."""
    for name in ("adam", "momentum", "rmsprop"):
        dense, lazy = (copy.deepcopy(one.learn(draws(30, 40, 5))) for one in twins(name))
        other = copy.copy(lazy)
        other.optimizer, other.table = copy.deepcopy((lazy.optimizer, lazy.table))
        for one in (dense, lazy, other):
            one.learn(draws(30, 40, 5, seed=1))
        assert lazy.away_from(dense) < 1e-12
        assert other.away_from(dense) < 1e-12


def test_a_model_that_is_cast_before_training_is_exact_in_its_new_precision():
    def run(table_type):
        torch.manual_seed(0)
        table = table_type(20, 3)
        optimizer = Adam(table.parameters(), lr=0.1)
        table.double()
        for ids in draws(60, 20, 4):
            optimizer.zero_grad()
            table(ids).sin().sum().backward()
            optimizer.step()
        return table.weight.detach()

    torch.testing.assert_close(run(RowTable), run(nn.Embedding), rtol=1e-12, atol=1e-12)
