"""The contract of a rule: one row here for each, and every test below runs over every row."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import sqrt
from typing import Any

import numpy as np
import pytest
import torch
from torch import optim as reference

from yeonma.optim import get, make, trace
from yeonma.optim.rules import rules

# --- the deck's formulas as plain loops, written again from the formulas; `slope(w)` is the gradient ------------------


def descent(w, slope, lr, steps):
    for _ in range(steps):
        w = w - lr * slope(w)
    return w


def momentum(w, slope, lr, steps, m=0.9):
    v = np.zeros_like(w)
    for _ in range(steps):
        v = m * v - lr * slope(w)
        w = w + v
    return w


def nag(w, slope, lr, steps, m=0.9):
    v = np.zeros_like(w)
    for _ in range(steps):
        v = m * v - lr * slope(w + m * v)
        w = w + v
    return w + m * v  # the optimizer holds the look-ahead point


def adagrad(w, slope, lr, steps, eps=1e-20):
    squares = np.zeros_like(w)
    for _ in range(steps):
        g = slope(w)
        squares = squares + g**2
        w = w - lr * g / np.sqrt(squares + eps)
    return w


def rmsprop(w, slope, lr, steps, gamma=0.9, eps=1e-16):
    squares = np.zeros_like(w)
    for _ in range(steps):
        g = slope(w)
        squares = gamma * squares + (1 - gamma) * g**2
        w = w - lr * g / np.sqrt(squares + eps)
    return w


def adadelta(w, slope, lr, steps, gamma=0.9, eps=1e-6):
    squares, moves = np.zeros_like(w), np.zeros_like(w)
    for _ in range(steps):
        g = slope(w)
        squares = gamma * squares + (1 - gamma) * g**2
        move = np.sqrt(moves + eps) / np.sqrt(squares + eps) * g
        moves = gamma * moves + (1 - gamma) * move**2
        w = w - lr * move
    return w


def adam(w, slope, lr, steps, b1=0.9, b2=0.999, eps=1e-16):
    mean, squares = np.zeros_like(w), np.zeros_like(w)
    for t in range(1, steps + 1):
        g = slope(w)
        mean, squares = b1 * mean + (1 - b1) * g, b2 * squares + (1 - b2) * g**2
        w = w - lr * (mean / (1 - b1**t)) / np.sqrt(squares / (1 - b2**t) + eps)
    return w


def nadam(w, slope, lr, steps, b1=0.9, b2=0.999, eps=1e-16):
    mean, squares = np.zeros_like(w), np.zeros_like(w)
    for t in range(1, steps + 1):
        g = slope(w)
        mean, squares = b1 * mean + (1 - b1) * g, b2 * squares + (1 - b2) * g**2
        ahead = b1 * mean / (1 - b1 ** (t + 1)) + (1 - b1) * g / (1 - b1**t)
        w = w - lr * ahead / np.sqrt(squares / (1 - b2**t) + eps)
    return w


# --- the table --------------------------------------------------------------------------------------------------------


@dataclass
class Row:
    """What a rule must do.

    hyper, gradients, weights   a path in the deck form from w = 1 with lr = 0.1, worked out by hand
    plain                       the deck's formula as a loop
    torch, state                torch.optim's, and its name for each of our slots
    rates                       learning rates with which the parabola and Rosenbrock's valley are reached
    """

    name: str
    hyper: Mapping[str, float]
    gradients: tuple[float, ...]
    weights: tuple[float, ...]
    plain: Callable[..., Any]
    torch: Callable[..., Any]
    rates: tuple[float, float]
    state: Mapping[str, str] = field(default_factory=dict)


def plain_sgd(p, **arguments):
    return reference.SGD(p, foreach=False, **arguments)


TABLE = [
    # 1 − 0.1 · 2 = 0.8;  0.8 − 0.1 · 1 = 0.7
    Row("gd", {}, (2, 1), (0.8, 0.7), descent, plain_sgd, (0.1, 1e-3)),
    Row("sgd", {}, (2, 1), (0.8, 0.7), descent, plain_sgd, (0.1, 1e-3)),
    # v = −0.2, w = 0.8;  v = 0.5 · −0.2 − 0.1 = −0.2, w = 0.6
    Row(
        "momentum",
        {"momentum": 0.5},
        (2, 1),
        (0.8, 0.6),
        momentum,
        lambda p, **a: plain_sgd(p, momentum=0.9, **a),
        (0.05, 1e-3),
        {"b": "momentum_buffer"},
    ),
    # v = −0.2, θ = 1 + 0.5 · −0.2 − 0.2 = 0.7;  v = −0.1 − 0.1 = −0.2, θ = 0.7 − 0.1 − 0.1 = 0.5
    Row(
        "nag",
        {"momentum": 0.5},
        (2, 1),
        (0.7, 0.5),
        nag,
        lambda p, **a: plain_sgd(p, momentum=0.9, nesterov=True, **a),
        (0.05, 1e-3),
        {"b": "momentum_buffer"},
    ),
    # G = 9, √(9 + 7) = 4, w = 1 − 0.3/4 = 0.925;  G = 18, √25 = 5, w = 0.925 − 0.3/5 = 0.865
    Row(
        "adagrad",
        {"eps": 7},
        (3, 3),
        (0.925, 0.865),
        adagrad,
        lambda p, **a: reference.Adagrad(p, foreach=False, **a),
        (1.0, 0.3),
        {"G": "sum"},
    ),
    # G = 0.25 · 16 = 4, √(4 + 12) = 4, w = 1 − 0.4/4 = 0.9;  G = 3 + 1 = 4, √16 = 4, w = 0.9 − 0.2/4 = 0.85
    Row(
        "rmsprop",
        {"alpha": 0.75, "eps": 12},
        (4, 2),
        (0.9, 0.85),
        rmsprop,
        lambda p, **a: reference.RMSprop(p, foreach=False, **a),
        (0.01, 1e-3),
        {"G": "square_avg"},
    ),
    # G = 0.25 · 64 = 16, d = √9 / √25 · 8 = 4.8, w = 1 − 0.1 · 4.8 = 0.52, S = 0.25 · 4.8² = 5.76;
    # G = 0.75 · 16 + 16 = 28, d = √(5.76 + 9) / √(28 + 9) · 8, w = 0.52 − 0.1 d
    Row(
        "adadelta",
        {"rho": 0.75, "eps": 9},
        (8, 8),
        (0.52, 0.52 - 0.8 * sqrt(14.76 / 37)),
        adadelta,
        lambda p, **a: reference.Adadelta(p, foreach=False, **a),
        (1.0, 0.03),
        {"G": "square_avg", "S": "acc_delta"},
    ),
    # m = 2, m̂ = 2/0.5 = 4, v = 0.25 · 16 = 4, v̂ = 4/0.25 = 16, √(16 + 9) = 5, w = 1 − 0.4/5 = 0.92;
    # m = 1 + 1 = 2, m̂ = 2/0.75 = 8/3, v = 3 + 1 = 4, v̂ = 4/0.4375 = 64/7, w = 0.92 − 0.1 · 8/3 / √(64/7 + 9)
    Row(
        "adam",
        {"beta1": 0.5, "beta2": 0.75, "eps": 9},
        (4, 2),
        (0.92, 0.92 - 0.8 / 3 / sqrt(127 / 7)),
        adam,
        lambda p, **a: reference.Adam(p, foreach=False, **a),
        (0.03, 3e-3),
        {"m": "exp_avg", "v": "exp_avg_sq"},
    ),
    # m = 2, m̄ = 0.5 · 2/0.75 + 0.5 · 4/0.5 = 16/3, v̂ = 16, √25 = 5, w = 1 − 0.1 · 16/15;
    # m = 2, m̄ = 0.5 · 2/0.875 + 0.5 · 2/0.75 = 8/7 + 4/3 = 52/21, v̂ = 64/7, w −= 0.1 · 52/21 / √(127/7)
    Row(
        "nadam",
        {"beta1": 0.5, "beta2": 0.75, "eps": 9},
        (4, 2),
        (1 - 1.6 / 15, 1 - 1.6 / 15 - 5.2 / 21 / sqrt(127 / 7)),
        nadam,
        lambda p, **a: reference.NAdam(p, foreach=False, **a),
        (0.03, 3e-3),
        {"m": "exp_avg", "v": "exp_avg_sq", "mu_product": "mu_product"},
    ),
]

rows = pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)


def weights(seed=0, dtype=torch.float64):
    torch.manual_seed(seed)
    return torch.nn.Parameter(torch.randn(37, 3, dtype=torch.float64).to(dtype))


def descend(optimizer, weight, steps):
    """Steps on Σ w²/2 + sin w with a little noise in the gradient that is the same for every optimizer."""
    noise = torch.Generator().manual_seed(7)
    for _ in range(steps):
        step_noise = torch.randn(weight.shape, generator=noise, dtype=torch.float64).to(weight.dtype)
        weight.grad = weight.detach() + weight.detach().cos() + 0.1 * step_noise
        optimizer.step()


def test_every_rule_has_a_row():
    assert [row.name for row in TABLE] == list(rules())


@rows
def test_hand_computed_steps(row, engine):
    weight = torch.nn.Parameter(torch.ones(5, dtype=torch.float64))
    optimizer = make(row.name, [weight], lr=0.1, **row.hyper)
    for g, expected in zip(row.gradients, row.weights, strict=True):
        weight.grad = torch.full_like(weight, g)
        optimizer.step()
        assert weight.tolist() == pytest.approx([expected] * 5, rel=1e-14)


@rows
def test_deck_form_equals_plain_loops(row, engine):
    weight = weights()
    expected = row.plain(weight.detach().numpy().copy(), lambda w: w + np.cos(w), 0.01, 50)
    optimizer = make(row.name, [weight], lr=0.01)
    for _ in range(50):
        weight.grad = weight.detach() + weight.detach().cos()
        optimizer.step()
    np.testing.assert_allclose(weight.detach().numpy(), expected, rtol=1e-12, atol=1e-13)


@rows
@pytest.mark.parametrize("settings", [{}, {"lr": 0.03}], ids=["defaults", "lr"])
def test_torch_form_equals_torch_in_double(row, settings, engine, double):
    ours, theirs = weights(), weights()
    optimizer, expected = make(row.name, [ours], form="torch", **settings), row.torch([theirs], **settings)
    descend(optimizer, ours, 50)
    descend(expected, theirs, 50)
    torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-14)
    for slot, name in row.state.items():
        torch.testing.assert_close(optimizer.state[ours][slot], expected.state[theirs][name], rtol=1e-11, atol=1e-16)
    assert optimizer.state[ours].keys() == {"step", *row.state}


@rows
def test_torch_form_equals_torch_in_single(row, engine):
    ours, theirs, start = weights(dtype=torch.float32), weights(dtype=torch.float32), weights(dtype=torch.float32)
    optimizer, expected = make(row.name, [ours], form="torch", lr=0.03), row.torch([theirs], lr=0.03)
    descend(optimizer, ours, 50)
    descend(expected, theirs, 50)
    assert (ours - theirs).norm() < 2e-6 * (theirs - start).norm()
    for slot, name in row.state.items():
        torch.testing.assert_close(
            optimizer.state[ours][slot].float(), expected.state[theirs][name], rtol=1e-5, atol=1e-6
        )


@rows
@pytest.mark.parametrize("form", ["deck", "torch"])
def test_kernel_equals_torch_ops_to_single_rounding(row, form, monkeypatch):
    settings = {"form": form, "lr": row.rates[0], "weight_decay": 0.1, "l2": 0.01}
    start, by_kernel, by_ops = (weights(dtype=torch.float32) for _ in range(3))
    descend(make(row.name, [by_kernel], **settings), by_kernel, 20)
    monkeypatch.setenv("YEONMA_KERNELS", "off")
    descend(make(row.name, [by_ops], **settings), by_ops, 20)
    assert (by_kernel - start).norm() > 0
    assert (by_kernel - by_ops).norm() < 4e-6 * (by_ops - start).norm()  # 20 roundings of a weight near 1


@rows
@pytest.mark.parametrize("form", ["deck", "torch"])
def test_zero_gradient_moves_nothing_at_first(row, form, engine):
    weight = weights(dtype=torch.float32)
    before = weight.detach().clone()
    optimizer = make(row.name, [weight], form=form)
    for _ in range(3):
        weight.grad = torch.zeros_like(weight)
        optimizer.step()
    assert torch.equal(weight, before)


@rows
def test_parabola_is_reached(row):
    path = trace(row.name, "bowl", lr=row.rates[0], steps=2000)
    assert np.linalg.norm(path[-1]) < 3e-2


@rows
def test_rosenbrock_is_reached(row):
    path = trace(row.name, "rosenbrock", lr=row.rates[1], steps=10_000)
    assert np.linalg.norm(path[-1] - 1) < 3e-2


@rows
@pytest.mark.parametrize("form", ["deck", "torch"])
def test_saved_and_continued_is_bit_equal(row, form, engine):
    straight, stopped = weights(dtype=torch.float32), weights(dtype=torch.float32)
    one, first = make(row.name, [straight], form=form, lr=0.02), make(row.name, [stopped], form=form, lr=0.02)
    descend(one, straight, 6)
    descend(one, straight, 6)
    descend(first, stopped, 6)
    saved = first.state_dict()
    second = make(row.name, [stopped], form=form, lr=0.5)
    second.load_state_dict(saved)
    descend(second, stopped, 6)
    assert torch.equal(straight, stopped)
    for name, value in one.state[straight].items():
        assert value.dtype == second.state[stopped][name].dtype
        assert torch.equal(value, second.state[stopped][name])


@rows
def test_a_rule_tells_what_it_is(row):
    rule = get(row.name.upper())
    assert rule.name == row.name
    assert rule.title.lower() == row.name
    assert "Δ" in rule.formula
    assert rule.full_batch == (row.name == "gd")
    assert set(rule.parents) <= set(rules())
    assert rule.paper.split()[0] in rule.formula
    for form in rule.forms.values():
        assert "Δ" in form.formula
        assert form.lr > 0
