"""What the tests of RowTable share: every rule and form, and batches of ids on which rows sleep and wake."""

import copy

import torch

from yeonma.optim import multiplier, unflushed
from yeonma.optim.rules import rules

NAMES = list(rules())
FORMS = [(name, form) for name in NAMES for form in ("deck", "torch")]
L2 = ("gd", "sgd", "momentum", "nag")
DECAYS = [{}, {"weight_decay": 0.1}, {"l2": 0.01}]
CASES = [(name, form, decay) for name, form in FORMS for decay in DECAYS if "l2" not in decay or name in L2]


def draws(steps, vocab, tokens, seed=0):
    """A batch of ids a step; every fourth over all rows, the others over the first six, so that rows sleep and wake."""
    draw = torch.Generator().manual_seed(seed)
    return [torch.randint(6 if step % 4 else vocab, (tokens,), generator=draw) for step in range(steps)]


def zipf(steps, vocab, tokens, seed=0):
    """A batch of ids a step, as frequent as words are."""
    draw = torch.Generator().manual_seed(seed)
    shares = 1 / torch.arange(1, vocab + 1)
    return [torch.multinomial(shares, tokens, replacement=True, generator=draw) for _ in range(steps)]


def warm_then_cosine(steps):
    return lambda step: multiplier("cosine", step, steps, steps // 10)


def as_it_stands(trainee):
    with unflushed():
        saved = trainee.optimizer.state_dict()["state"][0]
        return {"weight": trainee.table.state_dict()["weight"].clone(), **copy.deepcopy(saved)}


def assert_same_bits(one, other):
    assert one.keys() == other.keys()
    assert [key for key in one if not torch.equal(one[key], other[key])] == []
