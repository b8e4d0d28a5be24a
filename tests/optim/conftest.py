"""What the tests of the optimizers share: the cache of kernels, and both ways to make a step."""

import os
from pathlib import Path

import pytest
import torch
from torch import nn

from yeonma.optim import RowTable, clip_grad_norm_, get, make


@pytest.fixture(scope="session")
def kernel_cache():
    return Path(os.environ["YEONMA_CACHE"])


@pytest.fixture(params=["kernels", "torch ops"])
def engine(request, monkeypatch):
    monkeypatch.setenv("YEONMA_KERNELS", "on" if request.param == "kernels" else "off")
    return request.param


@pytest.fixture
def double():
    """Float64 as torch's default: torch.optim then keeps its own scalar state in float64 too."""
    torch.set_default_dtype(torch.float64)
    yield torch.float64
    torch.set_default_dtype(torch.float32)


class Trainee:
    """An embedding table that learns targets under noise; with the same arguments two tables live through the same.

    table_type  nn.Embedding (the dense reference) or RowTable     settings  of the optimizer, lr left out: the default
    """

    def __init__(
        self, table_type, name, form="deck", *, vocab=40, dim=3, dtype=torch.float64, padding_idx=None, **settings
    ):
        draw = torch.Generator().manual_seed(7)
        self.start, self.targets = torch.randn(2, vocab, dim, generator=draw, dtype=torch.float64).to(dtype)
        self.table = table_type(vocab, dim, padding_idx=padding_idx, dtype=dtype)
        with torch.no_grad():
            self.table.weight.copy_(self.start)
        self.optimizer = make(name, self.table.parameters(), form=form, **settings)
        self.rate, self.steps = settings.get("lr", get(name).form(form).lr), 0

    def step(self, *batches, clip=None, **changes):
        """One step on the gradients of all batches, lists of ids or tensors of them; `changes` hold from now on."""
        self.optimizer.param_groups[0].update(changes)
        self.optimizer.zero_grad()
        noise = torch.Generator().manual_seed(self.steps)
        for batch in batches:
            ids = torch.as_tensor(batch, dtype=torch.int64)
            found = self.table(ids)
            pushed = torch.randn(found.shape, generator=noise, dtype=torch.float64).to(found.dtype)
            (0.05 * (found - self.targets[ids]).pow(2).sum() + 0.1 * (found * pushed).sum()).backward()
        if clip is not None:
            clipping = clip_grad_norm_ if isinstance(self.table, RowTable) else nn.utils.clip_grad_norm_
            clipping(self.table.parameters(), clip)
        self.optimizer.step()
        self.steps += 1

    def learn(self, batches, multiplier=None, **rest):
        """A step for each batch, the rate times `multiplier(step)`."""
        for batch in batches:
            rates = {} if multiplier is None else {"lr": self.rate * multiplier(self.steps)}
            self.step(batch, **rates, **rest)
        return self

    @property
    def weight(self):
        """The weight as of now."""
        return self.table.weight.detach().double().clone()

    def away_from(self, other):
        """How far the weight is from another trainee's, as a share of the way that one has come."""
        return float((self.weight - other.weight).norm() / (other.weight - other.start.double()).norm())


@pytest.fixture(scope="session")
def trainee():
    return Trainee


@pytest.fixture(scope="session")
def twins():
    """The dense trainee and the lazy one."""

    def make_twins(name, form="deck", **arguments):
        return Trainee(nn.Embedding, name, form, **arguments), Trainee(RowTable, name, form, **arguments)

    return make_twins
