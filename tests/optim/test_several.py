"""Several optimizers as one: rates, steps, and a state that comes back."""

from __future__ import annotations

import pytest
import torch

from yeonma import optim
from yeonma.errors import ConfigError
from yeonma.optim.several import Several
from yeonma.snapshot import pack_optimizer, unpack_optimizer


def made():
    torch.manual_seed(0)
    weights = [
        torch.nn.Parameter(torch.randn(3, 2)),
        torch.nn.Parameter(torch.randn(4)),
        torch.nn.Parameter(torch.ones(2)),
    ]
    first = optim.make("adam", [{"params": weights[:1], "name": "a"}, {"params": weights[1:2], "name": "b"}], lr=0.1)
    return weights, Several([first, optim.make("adagrad", [{"params": weights[2:], "name": "c"}], lr=0.5)])


def go(weights, both, steps):
    for number in range(steps):
        for weight in weights:
            weight.grad = torch.sin(weight.detach() + number)
        both.step()


def test_a_rate_set_on_the_whole_is_the_parts():
    weights, both = made()
    both.load_state_dict(both.state_dict())
    assert [group["name"] for group in both.param_groups] == ["a", "b", "c"]
    before = weights[2].detach().clone()
    for group in both.param_groups:
        group["lr"] = 0.0
    go(weights, both, 2)
    assert torch.equal(weights[2], before)


def test_each_part_follows_its_own_rule():
    weights, both = made()
    go(weights, both, 3)
    assert both.parts[0].state[weights[0]].keys() != both.parts[1].state[weights[2]].keys()
    alone = torch.nn.Parameter(torch.ones(2))
    go([alone], optim.make("adagrad", [alone], lr=0.5), 3)
    assert torch.equal(alone, weights[2])


def test_a_saved_state_goes_on_with_the_same_bits():
    weights, both = made()
    go(weights, both, 3)
    tensors, plain = pack_optimizer(both)
    other_weights, other = made()
    for weight, known in zip(other_weights, weights, strict=True):
        weight.data.copy_(known.data)
    unpack_optimizer(other, tensors, plain)
    for each in ((weights, both), (other_weights, other)):
        go(*each, 2)
    for weight, known in zip(other_weights, weights, strict=True):
        assert torch.equal(weight, known)


def test_the_state_of_other_rules_is_refused():
    weights, both = made()
    swapped = Several([optim.make("adagrad", [{"params": weights[:1]}, {"params": weights[1:2]}]), both.parts[1]])
    with pytest.raises(ConfigError, match="not saved by Adagrad"):
        swapped.load_state_dict(both.state_dict())
