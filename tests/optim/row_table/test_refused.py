"""What RowTable refuses, before anything is wrong."""

import copy

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from row_table_builders import assert_same_bits
from yeonma.errors import ConfigError
from yeonma.optim import Adam, RowTable, make
from yeonma.optim.registry import RULES, rule


@pytest.mark.parametrize("setting", [{"max_norm": 1.0}, {"scale_grad_by_freq": True}])
def test_steps_of_its_own_are_refused(setting):
    with pytest.raises(ConfigError, match=rf"{next(iter(setting))}.*nn\.Embedding"):
        RowTable(5, 2, **setting)


@pytest.mark.parametrize("name", ["adagrad", "rmsprop", "adadelta", "adam", "nadam"])
def test_l2_through_a_square_is_refused_when_the_optimizer_is_built(name):
    table = RowTable(5, 2)
    with pytest.raises(ConfigError, match=rf"l2 .*{name}.*weight_decay.*nn\.Embedding"):
        make(name, table.parameters(), l2=0.1)
    optimizer = make(name, table.parameters())
    optimizer.param_groups[0]["l2"] = 0.1
    table(torch.tensor([1])).sum().backward()
    with pytest.raises(ConfigError, match="l2"):
        optimizer.step()
    make(name, nn.Embedding(5, 2).parameters(), l2=0.1)


@pytest.mark.parametrize("betas", [(0.95, 0.9), (0.9, 0.81)])
def test_a_mean_that_outlives_its_root_is_refused(betas):
    with pytest.raises(ConfigError, match="needs beta1 < √beta2"):
        Adam(RowTable(5, 2).parameters(), betas=betas)
    Adam(nn.Embedding(5, 2).parameters(), betas=betas)


def test_a_rule_whose_sleep_is_unknown_is_refused():
    @rule("Mine", lr=0.5, parents={"sgd": "…"}, paper="none")
    def mine(g, s, t, lr):
        """Δ = −α g"""
        return -lr * g, s

    try:
        with pytest.raises(ConfigError, match=r"cannot be trained by Mine.*SLEEPS.*nn\.Embedding"):
            make("mine", RowTable(5, 2).parameters())
        make("mine", nn.Embedding(5, 2).parameters())
    finally:
        del RULES["mine"]


def test_a_weight_tied_to_an_output_layer_is_refused():
    table, head, first = RowTable(9, 3), nn.Linear(3, 9, bias=False), nn.Linear(3, 3)
    head.weight = table.weight
    model = nn.ModuleList([first, table, head])
    optimizer = Adam(model.parameters())
    F.cross_entropy(head(first(table(torch.tensor([1, 2])))), torch.tensor([2, 3])).backward()
    before = copy.deepcopy(model.state_dict())
    with pytest.raises(ConfigError, match=r"dense gradient.*tied.*nn\.Embedding"):
        optimizer.step()
    assert_same_bits(model.state_dict(), before)
