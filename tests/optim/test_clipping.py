"""Clipping by global norm: torch's, with the touched rows of a RowTable counted once each."""

import pytest
import torch
from torch import nn

from yeonma.optim import RowTable, clip_grad_norm_, make

NORMS = [0.5, 1.0, 2.0, 3.0, float("inf")]


class Model(nn.Module):
    """Two tables and a layer; the second table is met twice."""

    def __init__(self, table_type):
        super().__init__()
        torch.manual_seed(0)
        self.first, self.second, self.head = table_type(9, 3), table_type(5, 3, padding_idx=2), nn.Linear(3, 2)
        self.double()
        self.optimizer = make("adam", self.parameters())

    def forward(self, ids):
        return self.head(self.first(ids) + self.second(ids % 5) * self.second(ids % 3))


def pushed(table_type, batches=((1, 2, 2, 8, 1),), size=1.0):
    """A model with the gradients of its batches added up."""
    model = Model(table_type)
    for batch in batches:
        (size * model(torch.tensor(batch, dtype=torch.int64)).sin().sum()).backward()
    return model


def gradients(model):
    return {name: weight.grad.to_dense() for name, weight in model.named_parameters()}


def assert_same_gradients(one, other):
    for (name, gradient), expected in zip(gradients(one).items(), gradients(other).values(), strict=True):
        assert torch.allclose(gradient, expected, rtol=1e-12, atol=1e-14), name


@pytest.mark.parametrize("norm_type", NORMS)
@pytest.mark.parametrize("max_norm", [1e-3, 0.5, 1e3, float("inf")])
def test_it_is_torchs_on_dense_tables(norm_type, max_norm):
    batches = ((1, 2, 2, 8, 1), (), (8, 0), (1, 1, 4))
    lazy, dense = pushed(RowTable, batches), pushed(nn.Embedding, batches)
    found = clip_grad_norm_(lazy.parameters(), max_norm, norm_type)
    expected = nn.utils.clip_grad_norm_(dense.parameters(), max_norm, norm_type)
    torch.testing.assert_close(found, expected, rtol=1e-13, atol=0)
    assert_same_gradients(lazy, dense)
    if max_norm < found:
        again = clip_grad_norm_(lazy.parameters(), float("inf"), norm_type)
        assert again == pytest.approx(max_norm, rel=1e-2)


def test_a_row_met_twice_is_added_up_before_it_is_squared():
    table = RowTable(4, 1, dtype=torch.float64)
    make("sgd", table.parameters())
    for _ in range(2):
        table(torch.tensor([1, 1, 3])).sum().backward()
    assert clip_grad_norm_(table.parameters(), float("inf")).item() == pytest.approx((4**2 + 2**2) ** 0.5)
    assert table.weight.grad.to_dense().flatten().tolist() == [0.0, 4.0, 0.0, 2.0]


def test_a_gradient_from_elsewhere_may_name_a_row_twice():
    """As other code may leave it, rows in any order; it is summed before it is squared, and before it is stepped by."""
    tables = RowTable(4, 1, dtype=torch.float64), RowTable(4, 1, dtype=torch.float64)
    optimizers = [make("adam", table.parameters(), lr=0.1) for table in tables]
    for table, rows, values in zip(tables, [[3, 1, 3], [1, 3]], [[3.0, 1.0, -1.0], [1.0, 2.0]], strict=True):
        weight = table._parameters["weight"]
        torch.nn.init.ones_(table.weight)
        numbers = torch.tensor(values, dtype=torch.float64)[:, None]
        weight.grad = torch.sparse_coo_tensor([rows], numbers, weight.shape, check_invariants=True)
    optimizers[0].step()
    assert clip_grad_norm_(tables[0].parameters(), float("inf")).item() == pytest.approx(5**0.5)
    optimizers[1].step()
    assert torch.equal(tables[0].weight, tables[1].weight)
    assert tables[0].weight[3] != 1


def test_what_is_clipped_is_what_the_step_takes():
    lazy, dense = pushed(RowTable, size=100.0), pushed(nn.Embedding, size=100.0)
    for model in (lazy, dense):
        model.optimizer = make("sgd", model.parameters(), lr=1.0)
        before = {name: value.clone() for name, value in model.state_dict().items()}
        clip = clip_grad_norm_ if model is lazy else nn.utils.clip_grad_norm_
        clip(model.parameters(), 0.1)
        model.optimizer.step()
        moved = torch.cat([(value - before[name]).flatten() for name, value in model.state_dict().items()])
        assert moved.norm().item() == pytest.approx(0.1, rel=1e-4)
    for name, value in lazy.state_dict().items():
        torch.testing.assert_close(value, dense.state_dict()[name], rtol=1e-12, atol=1e-14)


def test_one_tensor_a_generator_or_nothing():
    model = pushed(RowTable)
    expected = clip_grad_norm_(model.parameters(), float("inf"))
    assert torch.equal(clip_grad_norm_((weight for weight in model.parameters()), float("inf")), expected)
    weight = model.first._parameters["weight"]
    assert clip_grad_norm_(weight, float("inf")) == weight.grad.to_dense().norm()
    assert clip_grad_norm_([], 1.0) == 0
    assert clip_grad_norm_([nn.Parameter(torch.ones(2))], 1.0) == 0


@pytest.mark.parametrize("table_type", [RowTable, nn.Embedding])
def test_a_norm_that_is_not_finite(table_type):
    model = pushed(table_type, size=float("inf"))
    before = gradients(model)
    with pytest.raises(RuntimeError, match="non-finite"):
        clip_grad_norm_(model.parameters(), 1.0, error_if_nonfinite=True)
    torch.testing.assert_close(gradients(model), before, equal_nan=True)
    assert not clip_grad_norm_(model.parameters(), 1.0).isfinite()


def test_torchs_raises_on_a_table_that_is_trained_lazily():
    """It must not leave the rows out in silence."""
    model = pushed(RowTable)
    with pytest.raises((NotImplementedError, RuntimeError)):
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    alone = RowTable(4, 2)
    alone(torch.tensor([1])).sum().backward()
    assert nn.utils.clip_grad_norm_(alone.parameters(), 1.0) == pytest.approx(2**0.5)
