"""Steps by kernels: one call for all tensors, replaced tensors found, NaN kept, the same bits on all thread counts."""

import copy
import gc
import weakref

import pytest
import torch
from torch import nn
from torch import optim as reference

from yeonma.optim import get, kernels, make
from yeonma.optim.rules import rules

SHAPES = [(40, 30), (7,), (), (0, 3), (129,), (1, 1, 5)]
TORCH = {
    "gd": (reference.SGD, {}, {}),
    "sgd": (reference.SGD, {}, {}),
    "momentum": (reference.SGD, {"momentum": 0.9}, {"b": "momentum_buffer"}),
    "nag": (reference.SGD, {"momentum": 0.9, "nesterov": True}, {"b": "momentum_buffer"}),
    "adagrad": (reference.Adagrad, {}, {"G": "sum"}),
    "rmsprop": (reference.RMSprop, {}, {"G": "square_avg"}),
    "adadelta": (reference.Adadelta, {}, {"G": "square_avg", "S": "acc_delta"}),
    "adam": (reference.Adam, {}, {"m": "exp_avg", "v": "exp_avg_sq"}),
    "nadam": (reference.NAdam, {}, {"m": "exp_avg", "v": "exp_avg_sq", "mu_product": "mu_product"}),
}


def weights(dtype=torch.float32, shapes=SHAPES):
    draw = torch.Generator().manual_seed(0)
    return [nn.Parameter(torch.randn(shape, generator=draw, dtype=torch.float64).to(dtype)) for shape in shapes]


def descend(optimizer, params, steps, skips=lambda step, number: False):
    """Steps on Σ w²/2 + sin w; a weight has no gradient where it `skips` a step."""
    for step in range(steps):
        for number, weight in enumerate(params):
            weight.grad = None if skips(step, number) else weight.detach() + weight.detach().cos()
        optimizer.step()


def assert_same(ones, others):
    assert all(torch.equal(one, other) for one, other in zip(ones, others, strict=True))


@pytest.mark.parametrize("name", list(rules()))
def test_several_tensors_equal_torch_though_some_have_no_gradient(name, double):
    torch_class, settings, slots = TORCH[name]
    ours, theirs = weights(double), weights(double)
    optimizer = make(name, ours, lr=0.01, form="torch")
    expected = torch_class(theirs, lr=0.01, **settings, foreach=False)

    def skips(step, number):
        return (step + 2) % (number + 2) == 0

    descend(optimizer, ours, 50, skips)
    descend(expected, theirs, 50, skips)
    for number, (one, other) in enumerate(zip(ours, theirs, strict=True)):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-14)
        state, target = optimizer.state[one], expected.state[other]
        assert state["step"] == sum(not skips(step, number) for step in range(50))
        for slot, their_name in slots.items():
            torch.testing.assert_close(state[slot], target[their_name], rtol=1e-11, atol=1e-13)


@pytest.fixture
def calls(monkeypatch):
    """The number of weights in each call of a kernel."""
    made, share_out = [], kernels.share_out

    def counting(kernel, numbers, like, table, *constants):
        made.append(len(table))
        share_out(kernel, numbers, like, table, *constants)

    monkeypatch.setattr(kernels, "share_out", counting)
    return made


def test_weights_at_the_same_step_share_one_call(calls):
    params = weights() + weights(torch.float64)
    optimizer = make("adam", params)
    descend(optimizer, params, 2)
    assert calls == [6, 6] * 2
    calls.clear()
    descend(optimizer, params, 1, lambda step, number: number == 1)
    descend(optimizer, params, 1)
    assert calls == [5, 6, 5, 1, 6]


# --- tensors that are replaced ----------------------------------------------------------------------------------------


def moved(optimizer, params):
    """Every tensor gets other memory, the old one is filled with rubbish."""
    for weight in params:
        old, weight.data = weight.data, weight.data.clone()
        old.fill_(torch.nan)
        state = optimizer.state[weight]
        before, state["v"].data = state["v"].data, state["v"].data.clone()
        before.fill_(torch.nan)


def replaced(optimizer, params):
    """Every tensor of the state becomes another object."""
    for weight in params:
        state = optimizer.state[weight]
        for name, old in list(state.items()):
            state[name] = old.clone()
            old.fill_(torch.nan)


def loaded(optimizer, params):
    optimizer.load_state_dict(copy.deepcopy(optimizer.state_dict()))


def forgotten_and_given_back(optimizer, params):
    kept = copy.deepcopy(dict(optimizer.state))
    optimizer.state.clear()
    optimizer.state.update(zip(params, kept.values(), strict=True))


@pytest.mark.parametrize("change", [moved, replaced, loaded, forgotten_and_given_back], ids=lambda f: f.__name__)
def test_what_is_replaced_between_steps_is_found(change):
    params, expected = weights(), weights()
    optimizer, undisturbed = make("nadam", params, form="torch"), make("nadam", expected, form="torch")
    for _ in range(3):
        descend(optimizer, params, 2)
        change(optimizer, params)
    descend(undisturbed, expected, 6)
    assert_same(params, expected)
    for one, other in zip(params, expected, strict=True):
        state, target = optimizer.state[one], undisturbed.state[other]
        assert_same([state[name] for name in target], target.values())


def test_a_clock_that_was_set_is_read():
    params = weights()
    optimizer = make("adam", params)
    descend(optimizer, params, 3)
    optimizer.state[params[1]]["step"].fill_(7)
    descend(optimizer, params, 1)
    assert [optimizer.state[weight]["step"].item() for weight in params[:3]] == [4, 8, 4]


def test_a_weight_of_another_layout_or_dtype_is_passed_to_torch_ops(calls):
    params, expected = weights(), weights()
    optimizer, plain = make("adam", params), make("adam", expected)
    descend(optimizer, params, 2)
    params[0].data = params[0].data.t().contiguous().t()
    optimizer.state[params[1]]["m"] = optimizer.state[params[1]]["m"].repeat_interleave(2)[::2]
    descend(optimizer, params, 2)
    assert calls == [6, 6, 4, 4]
    descend(plain, expected, 4)
    for one, other in zip(params, expected, strict=True):
        torch.testing.assert_close(one, other)


def test_a_weight_that_outgrew_its_state_is_refused():
    weight = nn.Parameter(torch.zeros(5))
    optimizer = make("adam", [weight])
    descend(optimizer, [weight], 1)
    weight.data = torch.zeros(70)
    with pytest.raises(RuntimeError, match="size"):
        descend(optimizer, [weight], 1)


def test_a_gradient_that_is_stored_negated_is_taken_at_its_value():
    weight = nn.Parameter(torch.zeros(1))
    weight.grad = torch.complex(torch.zeros(1), torch.ones(1)).conj().imag
    assert weight.grad.is_neg()
    make("sgd", [weight], lr=1.0).step()
    assert weight.item() == 1.0


def test_a_step_holds_no_gradient():
    weight = nn.Parameter(torch.zeros(5))
    optimizer = make("sgd", [weight])
    descend(optimizer, [weight], 2)
    gone = weakref.ref(weight.grad)
    weight.grad = None
    gc.collect()
    assert gone() is None


# --- exactness --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["sgd", "adagrad", "adam"])
def test_nan_and_infinity_are_seen_in_the_weights(name, monkeypatch):
    def run():
        weight = nn.Parameter(torch.ones(40))
        weight.grad = torch.full((40,), 0.5)
        weight.grad[:4] = torch.tensor([float("nan"), float("inf"), -float("inf"), 0.0])
        make(name, [weight]).step()
        return weight.detach()

    by_kernel = run()
    monkeypatch.setenv("YEONMA_KERNELS", "off")
    assert torch.equal(by_kernel.isfinite(), run().isfinite())
    assert by_kernel[0].isnan()
    assert not by_kernel[1:3].isfinite().any()
    assert by_kernel[3:].isfinite().all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", ["adam", "adadelta"])
def test_threads_change_no_bit(dtype, name):
    shapes = [(3,), (kernels.SHARE + 77,), (0,), (513,), (2 * kernels.SHARE - 5,), (9,)]

    def run(threads):
        torch.set_num_threads(threads)
        params = weights(dtype, shapes)
        descend(make(name, params, weight_decay=0.1), params, 2)
        return params

    before = torch.get_num_threads()
    try:
        alone = run(1)
        assert_same(alone, run(2))
        assert_same(alone, run(3))
    finally:
        torch.set_num_threads(before)


def test_switched_off_means_not_taken(monkeypatch):
    weight, form = torch.zeros(3), get("sgd").form("deck")
    assert kernels.takes(form, weight, weight, {})
    assert not kernels.takes(form, weight.half(), weight.half(), {})
    assert not kernels.takes(form, weight.to("meta"), weight.to("meta"), {})
    assert not kernels.takes(form, weight, torch.zeros(4), {})
    monkeypatch.setenv("YEONMA_KERNELS", "off")
    assert not kernels.takes(form, weight, weight, {})


# --- who watches ------------------------------------------------------------------------------------------------------


def test_hooks_and_profilers_see_a_step():
    params = weights()
    optimizer, seen = make("sgd", params), []
    descend(optimizer, params, 1)
    before = optimizer.register_step_pre_hook(lambda optimizer, args, kwargs: seen.append("before"))
    after = optimizer.register_step_post_hook(lambda optimizer, args, kwargs: seen.append("after"))
    descend(optimizer, params, 1)
    before.remove()
    after.remove()
    descend(optimizer, params, 1)
    assert seen == ["before", "after"]
    assert optimizer.state[params[0]]["step"] == 3
    with torch.autograd.profiler.profile() as profile:
        optimizer.step()
    assert "Optimizer.step#SGD.step" in {event.key for event in profile.key_averages()}
