"""Steps by torch operations: tensors side by side as one by one, and on a GPU as on the CPU."""

import pytest
import torch
from torch import nn

from yeonma.optim import get, make, torch_ops
from yeonma.optim.bundle import Bundle
from yeonma.optim.registry import Form
from yeonma.optim.rules import rules
from yeonma.optim.settings import Settings

SHAPES = [(40, 30), (7,), (), (129,)]
forms = pytest.mark.parametrize("form", ["deck", "torch"])
names = pytest.mark.parametrize("name", list(rules()))


def tensors(dtype=torch.float32):
    draw = torch.Generator().manual_seed(0)
    return [torch.randn(shape, generator=draw).to(dtype) for shape in SHAPES]


def test_a_bundle_computes_as_its_tensors_do():
    ones, others = tensors(), [x.abs() + 1 for x in tensors()]

    def formula(x, y):
        return (1 - x) / 3 + 2 / y - x * 0.5 / y + abs(-x + y) ** 2 * (y - 1 + x).__neg__()

    together = formula(Bundle(ones), Bundle(others))
    for found, one, other in zip(together.tensors, ones, others, strict=True):
        torch.testing.assert_close(found, formula(one, other))


@names
@forms
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_side_by_side_is_one_by_one(name, form, dtype, monkeypatch):
    monkeypatch.setattr(torch_ops, "BUNDLE", 1000)
    chosen = get(name).form(form)
    settings = Settings(0.01, 0.999, 0.1, chosen.hyper)

    def stepped(pieces):
        slots = {slot: [x.float().abs() for x in tensors()] for slot in chosen.elements}
        rows = list(zip(tensors(dtype), tensors(dtype), *slots.values(), strict=True))
        for weight, grad, *old in pieces(rows):
            state = chosen.State(**dict(zip(chosen.elements, old, strict=True)), **dict.fromkeys(chosen.scalars, 0.5))
            new = torch_ops.update(chosen, weight, grad, state, 3, settings)
            for slot, x in zip(chosen.elements, old, strict=True):
                x.copy_(getattr(new, slot))
        return [x for row in rows for x in row]

    assert len(list(torch_ops.bundles(zip(tensors(), strict=True)))) == 2
    for one, other in zip(stepped(torch_ops.bundles), stepped(list), strict=True):
        assert torch.equal(one, other)


def branching(g, s, t, lr):
    return torch.where(g > 0, -lr, lr) * g, s


def test_a_rule_beyond_arithmetic_goes_tensor_by_tensor():
    assert torch_ops.is_arithmetic(get("nadam").form("torch"))
    assert not torch_ops.is_arithmetic(Form("deck", branching, {}, 0.1))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@names
@forms
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_gpu_makes_the_steps_of_the_cpu(name, form, dtype):
    def run(device):
        params = [nn.Parameter(x.to(device)) for x in tensors(dtype)]
        optimizer = make(name, params, form=form, lr=0.01, weight_decay=0.1, l2=0.01)
        for step in range(20):
            for number, weight in enumerate(params):
                weight.grad = None if number == step else weight.detach() + weight.detach().cos()
            optimizer.step()
        return params, [optimizer.state[weight] for weight in params]

    (ours, states), (expected, targets) = run("cuda"), run("cpu")
    for weight, state, other, target in zip(ours, states, expected, targets, strict=True):
        torch.testing.assert_close(weight.cpu(), other)
        assert state["step"] == target["step"]
        for slot in get(name).form(form).elements:
            torch.testing.assert_close(state[slot].cpu(), target[slot], rtol=1e-4, atol=1e-6)
