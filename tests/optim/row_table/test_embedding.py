"""RowTable is an nn.Embedding to everyone else."""

import pytest
import torch
from torch import nn

from row_table_builders import NAMES, draws
from yeonma.optim import Adam, RowTable, make


def test_it_begins_as_an_embedding():
    torch.manual_seed(0)
    table = RowTable(7, 3, padding_idx=-2, dtype=torch.float64)
    torch.manual_seed(0)
    embedding = nn.Embedding(7, 3, padding_idx=-2, dtype=torch.float64)
    assert isinstance(table, nn.Embedding)
    assert isinstance(table.weight, nn.Parameter)
    assert torch.equal(table.weight, embedding.weight)
    assert table.padding_idx == embedding.padding_idx == 5
    assert table.weight.dtype is torch.float64


@pytest.mark.parametrize("other", [torch.optim.Adam, torch.optim.SGD, torch.optim.Adagrad])
def test_any_other_optimizer_sees_an_embedding(other):
    def run(table_type):
        torch.manual_seed(0)
        table = table_type(20, 3, padding_idx=2)
        optimizer = other(table.parameters(), lr=0.1)
        for ids in draws(20, 20, 4):
            optimizer.zero_grad()
            table(ids).sin().sum().backward()
            assert table.weight.grad.layout is torch.strided
            nn.utils.clip_grad_norm_(table.parameters(), 1.0)
            optimizer.step()
        return table.weight.detach()

    assert torch.equal(run(RowTable), run(nn.Embedding))


@pytest.mark.parametrize("shape", [(), (0,), (4,), (2, 3), (2, 0), (2, 3, 4)])
@pytest.mark.parametrize("dtype", [torch.int64, torch.int32])
def test_ids_of_any_shape(shape, dtype, twins):
    dense, lazy = twins("adam", vocab=9, padding_idx=4)
    ids = torch.randint(9, shape, generator=torch.Generator().manual_seed(1), dtype=dtype)
    for one in (dense, lazy):
        one.learn(draws(5, 9, 3))
        one.optimizer.zero_grad()
        found = one.table(ids)
        assert found.shape == (*shape, 3)
        found.pow(2).sum().backward()
        one.optimizer.step()
        with torch.no_grad():
            assert one.table(ids).shape == (*shape, 3)
    assert lazy.away_from(dense) < 1e-12


@pytest.mark.parametrize("reading", [torch.enable_grad, torch.no_grad])
@pytest.mark.parametrize("wrong", [-1, 8, 10**12])
@pytest.mark.parametrize("name", ["adam", "rmsprop"])
def test_ids_outside_of_the_table_raise_as_an_embedding_does(wrong, reading, name, trainee):
    one = trainee(RowTable, name, vocab=8).learn(draws(4, 8, 2))
    before = one.weight
    with reading(), pytest.raises(IndexError):
        one.table(torch.tensor([1, wrong]))
    assert torch.equal(one.weight, before)


def test_from_pretrained(twins):
    vectors = torch.randn(10, 3)
    table = RowTable.from_pretrained(vectors, freeze=False, padding_idx=0)
    assert isinstance(table, RowTable)
    assert torch.equal(table.weight, vectors)
    assert table.padding_idx == 0
    frozen = RowTable.from_pretrained(vectors)
    assert not frozen.weight.requires_grad


@pytest.mark.parametrize("name", NAMES)
def test_a_frozen_table_stays(name):
    table, head = RowTable(9, 3).requires_grad_(False), nn.Linear(3, 1)
    before = table.weight.detach().clone()
    optimizer = make(name, [*table.parameters(), *head.parameters()], weight_decay=0.1)
    for ids in draws(4, 9, 3):
        optimizer.zero_grad()
        head(table(ids)).sum().backward()
        optimizer.step()
    assert torch.equal(table.weight, before)
    assert table.weight.grad is None


@pytest.mark.parametrize("name", ["adam", "momentum", "sgd"])
def test_padding_and_rows_never_met_stay_to_the_bit(name, trainee):
    one = trainee(RowTable, name, padding_idx=2)
    one.learn([ids.clamp(max=20) for ids in draws(60, 40, 6)])
    one.table.flush()
    assert torch.equal(one.weight[2], one.start[2])
    assert torch.equal(one.weight[21:], one.start[21:])
    assert not torch.equal(one.weight[:2], one.start[:2])


def test_the_gradient_has_the_rows_of_the_batch_alone(trainee):
    table = trainee(RowTable, "adam").table
    table(torch.tensor([[5, 3], [5, 5]])).sum().backward()
    gradient = table.weight.grad
    assert gradient.is_sparse
    assert gradient._indices().tolist() == [[3, 5]]
    assert gradient._values().tolist() == [[1.0] * 3, [3.0] * 3]


def test_state_dicts_are_those_of_an_embedding():
    one, other = RowTable(6, 2), nn.Embedding(6, 2)
    Adam(one.parameters())
    assert {key: value.shape for key, value in one.state_dict().items()} == {"weight": (6, 2)}
    other.load_state_dict(one.state_dict())
    assert torch.equal(other.weight, one.weight)
    back = nn.Embedding(6, 2)
    one.load_state_dict(back.state_dict())
    assert torch.equal(one.weight, back.weight)


@pytest.mark.parametrize(
    "renew",
    [
        lambda table: table.load_state_dict({"weight": torch.ones(6, 2)}, assign=True),
        lambda table: setattr(table, "weight", nn.Parameter(torch.ones(6, 2))),
        pytest.param(
            lambda table: table.to("meta").to_empty(device="cpu"),
            marks=pytest.mark.xfail(strict=True, reason="torch puts an ordinary parameter in the place of one on meta"),
        ),
    ],
    ids=["assign", "a new parameter", "from meta"],
)
def test_a_weight_that_is_replaced_is_lazy_too(renew):
    table = RowTable(6, 2)
    renew(table)
    Adam(table.parameters())
    table(torch.tensor([1, 2])).sum().backward()
    assert table.weight.grad.is_sparse
