"""The state of a RowTable: saved, loaded, shared and handed over as that of the dense optimizer."""

import copy
import json

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from row_table_builders import FORMS, NAMES, as_it_stands, assert_same_bits, draws, warm_then_cosine
from yeonma.errors import ConfigError
from yeonma.optim import Adam, Momentum, RowTable, unflushed


@pytest.mark.parametrize(("name", "form"), FORMS)
def test_the_state_is_that_of_the_dense_optimizer(name, form, twins):
    """It goes over into a dense optimizer in the middle, and back."""
    dense, lazy = twins(name, form, weight_decay=0.1)
    for one in (dense, lazy):
        one.learn(draws(30, 40, 5))
    saved, expected = lazy.optimizer.state_dict(), dense.optimizer.state_dict()
    assert saved["param_groups"] == expected["param_groups"]
    assert saved["state"][0].keys() == expected["state"][0].keys()
    for key, value in saved["state"][0].items():
        torch.testing.assert_close(value, expected["state"][0][key], rtol=1e-12, atol=1e-14)
    taken, given = twins(name, form, weight_decay=0.1)
    for one, source in ((taken, lazy), (given, dense)):
        one.table.load_state_dict(source.table.state_dict())
        one.optimizer.load_state_dict(copy.deepcopy(source.optimizer.state_dict()))
        one.steps = 30
    for one in (dense, lazy, taken, given):
        one.learn(draws(30, 40, 5, seed=1))
    for one in (lazy, taken, given):
        assert one.away_from(dense) < 1e-12


@pytest.mark.parametrize("table_type", [nn.Embedding, RowTable])
def test_a_state_that_was_taken_up_is_not_shared(table_type, trainee):
    one = trainee(table_type, "adam").learn(draws(5, 40, 5))
    other = trainee(table_type, "adam")
    other.optimizer.load_state_dict(one.optimizer.state_dict())
    one.step([1])
    assert other.optimizer.state_dict()["state"][0]["step"] == 5


def saved_to(path, trainee):
    """Model and optimizer in a file of tensors and one of settings: all that another process gets."""
    with unflushed():
        state = trainee.optimizer.state_dict()
        tensors = {f"state.{key}": value for key, value in state["state"][0].items()}
        save_file({**tensors, **trainee.table.state_dict()}, path / "tensors")
    (path / "groups").write_text(json.dumps(state["param_groups"]), encoding="utf-8")


def read_from(path, trainee):
    tensors = load_file(path / "tensors")
    state = {key.removeprefix("state."): value for key, value in tensors.items() if key.startswith("state.")}
    trainee.table.load_state_dict({"weight": tensors["weight"]})
    groups = json.loads((path / "groups").read_text(encoding="utf-8"))
    trainee.optimizer.load_state_dict({"state": {0: state}, "param_groups": groups})


@pytest.mark.parametrize(
    ("name", "form", "dtype"),
    [(*key, torch.float64) for key in FORMS] + [(name, "deck", torch.float32) for name in NAMES],
)
def test_what_is_saved_unflushed_goes_on_bit_for_bit(name, form, dtype, tmp_path, trainee):
    def begin(**settings):
        return trainee(RowTable, name, form, dtype=dtype, **settings)

    whole = begin(weight_decay=0.1).learn(draws(40, 40, 5), warm_then_cosine(80))
    saved_to(tmp_path, whole)
    again = begin()
    read_from(tmp_path, again)
    again.steps = 40
    for one in (whole, again):
        one.learn(draws(40, 40, 5, seed=1), warm_then_cosine(80))
    assert_same_bits(as_it_stands(again), as_it_stands(whole))
    assert torch.equal(again.weight, whole.weight)


def taken_over(one, other, order=("model", "optimizer")):
    with unflushed():
        saved = copy.deepcopy((dict(one.table.state_dict()), one.optimizer.state_dict()))
        for part in order:
            if part == "model":
                other.table.load_state_dict(saved[0])
            else:
                other.optimizer.load_state_dict(saved[1])
    other.steps = one.steps
    return other


def test_what_is_saved_unflushed_may_be_loaded_in_either_order(trainee):
    one = trainee(RowTable, "adam").learn(draws(40, 40, 5))
    other = taken_over(one, trainee(RowTable, "adam"), order=("optimizer", "model"))
    assert torch.equal(other.weight, one.weight)


@pytest.mark.parametrize(
    ("name", "built", "changed"),
    [
        ("adam", {"eps": 1e-2}, {}),
        ("momentum", {"momentum": 0.97}, {"momentum": 0.8}),
        ("adam", {"betas": (0.95, 0.999)}, {"betas": (0.5, 0.99)}),
    ],
)
def test_settings_come_with_the_state(name, built, changed, trainee):
    """The optimizer that takes it over was built with the defaults, and reads rows before its first step."""
    one = trainee(RowTable, name, **built).learn(draws(40, 40, 5))
    one.step([1], **changed)
    other = taken_over(one, trainee(RowTable, name))
    with torch.no_grad():
        assert torch.equal(other.table(torch.arange(40)), one.table(torch.arange(40)))
    for each in (one, other):
        each.learn(draws(20, 40, 5, seed=1))
    assert torch.equal(other.weight, one.weight)


def test_settings_that_change_between_steps_hold_from_then_on(twins):
    dense, lazy = twins("adam", eps=1e-2)
    for one in (dense, lazy):
        one.learn(draws(40, 40, 5))
        one.step([1], eps=1e-8)
        one.learn(draws(40, 40, 5, seed=1))
    assert lazy.away_from(dense) < 1e-12


def test_an_own_state_loaded_again_changes_nothing(twins):
    dense, lazy = twins("adam")
    for one in (dense, lazy):
        one.learn(draws(40, 40, 5))
        one.optimizer.load_state_dict(copy.deepcopy(one.optimizer.state_dict()))
        one.learn(draws(40, 40, 5, seed=1))
    assert lazy.away_from(dense) < 1e-12


def test_a_state_from_before_the_first_step_begins_anew(twins):
    dense, lazy = twins("adam")
    for one in (dense, lazy):
        first = copy.deepcopy(one.optimizer.state_dict())
        one.learn(draws(40, 40, 5))
        one.optimizer.load_state_dict(first)
        one.learn(draws(40, 40, 5, seed=1))
        assert one.optimizer.state_dict()["state"][0]["step"] == 40
    assert lazy.away_from(dense) < 1e-12


def test_rows_asleep_do_not_fit_a_dense_optimizer(trainee):
    one = trainee(RowTable, "adam").learn(draws(20, 40, 5))
    with unflushed():
        saved = copy.deepcopy(one.optimizer.state_dict())
    dense = trainee(nn.Embedding, "adam")
    with pytest.raises(ConfigError):
        dense.optimizer.load_state_dict(saved)
    assert not dense.optimizer.state


def test_groups_have_rates_of_their_own():
    def run(table_type):
        torch.manual_seed(0)
        one, other = table_type(20, 3).double(), table_type(20, 2).double()
        groups = [{"params": one.parameters(), "lr": 0.1, "betas": (0.8, 0.99)}, {"params": other.parameters()}]
        optimizer = Adam(groups, lr=0.01, weight_decay=0.1)
        for number, ids in enumerate(draws(60, 20, 4)):
            optimizer.zero_grad()
            loss = one(ids).sin().sum()
            (loss + other(ids // 2).cos().sum() if number % 3 else loss).backward()  # each table has its own clock
            optimizer.step()
        return torch.cat([one.weight.detach().flatten(), other.weight.detach().flatten()])

    torch.testing.assert_close(run(RowTable), run(nn.Embedding), rtol=1e-12, atol=1e-13)


def test_a_second_optimizer_takes_over(twins):
    dense, lazy = twins("adam")
    for one in (dense, lazy):
        one.learn(draws(30, 40, 5))
        one.optimizer = Momentum(one.table.parameters(), lr=0.01)
        one.learn(draws(30, 40, 5, seed=1))
        assert one.optimizer.state_dict()["state"][0]["step"] == 30
    assert lazy.away_from(dense) < 1e-12


def test_the_optimizer_before_is_not_silently_wrong(twins):
    """Two optimizers on one table, in turns: as the dense ones, or refused."""
    dense, lazy = twins("adam")
    for one in (dense, lazy):
        one.learn(draws(10, 40, 5))
        Adam(one.table.parameters(), lr=0.5)
        try:
            one.learn(draws(30, 40, 5, seed=1))
        except ConfigError:
            return
    assert lazy.away_from(dense) < 1e-12


def test_torch_takes_over_a_table_that_was_ours():
    table = RowTable(8, 2)
    ours = Adam(table.parameters())
    table(torch.tensor([1, 2])).sum().backward()
    ours.step()
    del ours
    table.weight.grad = None
    theirs = torch.optim.Adam(copy.deepcopy(table).parameters())
    assert theirs.param_groups[0]["params"][0].grad is None
    table = copy.deepcopy(table)
    theirs = torch.optim.Adam(table.parameters())
    table(torch.tensor([1, 2])).sum().backward()
    theirs.step()
