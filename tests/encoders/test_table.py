"""The word table gives nn.Embedding's rows and gradients."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from yeonma.encoders.table import WordTable


@pytest.mark.parametrize("padding", [None, 0])
def test_rows_and_gradients_equal_torchs(padding):
    torch.manual_seed(0)
    ours, torchs = WordTable(20, 5, padding_idx=padding), nn.Embedding(20, 5, padding_idx=padding)
    ours.load_state_dict(torchs.state_dict())
    for _ in range(3):  # gradients add up over batches, as micro-batches need
        ids = torch.randint(0, 20, (4, 7))
        outs = [table(ids) for table in (ours, torchs)]
        assert torch.equal(*outs)
        for out in outs:
            (out.square().sum() + out.sin().sum()).backward()
    assert torch.allclose(ours.weight.grad, torchs.weight.grad, atol=1e-6)
    assert padding is None or not ours.weight.grad[0].any()


def test_the_buffer_stays():
    table = WordTable(20, 5)
    table(torch.tensor([1, 2])).sum().backward()
    buffer = table.weight.grad
    torch.optim.SGD(table.parameters(), lr=0.1).zero_grad(set_to_none=False)
    table(torch.tensor([3])).sum().backward()
    assert table.weight.grad is buffer
    assert buffer.any(1).nonzero().flatten().tolist() == [3]


def test_frozen_it_has_no_gradient():
    table = WordTable(20, 5).requires_grad_(False)
    assert not table(torch.tensor([1])).requires_grad
    assert table.weight.grad is None
