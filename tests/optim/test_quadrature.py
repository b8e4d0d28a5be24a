"""The quadrature of a sleep: as exact as asked for wherever the second moment stands, with few nodes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from yeonma.optim.quadrature import MOST, gauss

SINGLE, DOUBLE = 6e-8, 2e-15
PLACES = np.concatenate([[0.0], np.logspace(-12, 3, 46)])  # of √v
EPSILONS = (0.0, 1e-20, 1e-16, 1e-8, 1e-4, 1.0)


def atoms(beta1, beta2, start, rates):
    """The measure that moves a row under Adam which was last touched at step `start`; a rate for each step slept."""
    j = np.arange(1, len(rates) + 1)
    n = start + j
    return np.asarray(rates) * beta1**j / (1 - beta1**n), np.sqrt(beta2**j / -np.expm1(n * np.log(beta2)))


def rule_of(a, b, tolerance):
    nodes, weights = np.full((2, max(len(a), MOST)), np.nan)
    count = gauss(np.array(a, np.float64), np.array(b, np.float64), tolerance, nodes, weights)
    return nodes[:count], weights[:count]


def total(a, b, x, eps, inside):
    """Σ a f(b x) for every x, in extended precision."""
    y = np.asarray(b, np.longdouble) * np.asarray(x, np.longdouble)[:, None]
    return (np.asarray(a, np.longdouble) / (np.sqrt(y * y + eps) if inside else y + eps)).sum(1)


def worst(a, b, nodes, weights):
    """The largest relative error over x, ε and both of its places."""
    errors = []
    for eps in EPSILONS:
        x = PLACES[1:] if eps == 0 else PLACES
        for inside in (True, False):
            exact = total(a, b, x, eps, inside)
            errors.append(np.max(np.abs(total(weights, nodes, x, eps, inside) / exact - 1)))
    return float(max(errors))


@st.composite
def sleeps(draw):
    """Betas, the step of the last touch, and any rates: pieces that are constant, jump, or stand at 0."""
    beta1 = draw(st.sampled_from([0.0, 0.1, 0.5, 0.8, 0.9, 0.95, 0.99]) | st.floats(0, 0.99))
    beta2 = draw(st.sampled_from([0.9, 0.98, 0.99, 0.999, 0.9999, 0.999999]).filter(lambda x: beta1**2 < x))
    rate = st.sampled_from([0.0, 1e-8, 1e-3, 1.0]) | st.floats(1e-9, 10)
    pieces = draw(st.lists(st.tuples(rate, st.integers(1, 200)), min_size=1, max_size=4))
    return beta1, beta2, draw(st.integers(1, 100_000)), [rate for rate, length in pieces for _ in range(length)]


@given(sleeps(), st.sampled_from([1e-2, 1e-5, SINGLE, 1e-11, DOUBLE]))
@settings(max_examples=200, deadline=None)
def test_it_is_as_exact_as_asked_for_whatever_the_schedule(sleep, tolerance):
    a, b = atoms(*sleep)
    nodes, weights = rule_of(a, b, tolerance)
    if not a.any():
        assert len(nodes) == 0
        return
    assert worst(a, b, nodes, weights) <= 1.01 * tolerance + 1e-14
    assert (weights >= 0).all()
    assert len(nodes) <= max(len(a), 1)
    assert b.min() * (1 - 1e-12) <= nodes.min() <= nodes.max() <= b.max() * (1 + 1e-12)


@given(
    st.lists(st.tuples(st.floats(1e-9, 1e9), st.floats(1e-3, 1e3)), min_size=1, max_size=60),
    st.sampled_from([1e-3, SINGLE, 1e-10]),
)
@settings(max_examples=200, deadline=None)
def test_it_holds_for_any_atoms(pairs, tolerance):
    a, b = np.array(pairs).T
    assert worst(a, b, *rule_of(a, b, tolerance)) <= 1.01 * tolerance + 1e-15 * b.max() / b.min() + 1e-14


@pytest.mark.parametrize(
    ("beta1", "beta2", "start", "single", "double"),
    [
        (0.9, 0.999, 1000, 2, 5),
        (0.9, 0.999, 100, 4, 8),
        (0.9, 0.999, 10, 7, 15),
        (0.9, 0.9999, 10_000, 2, 4),
        (0.9, 0.99, 1000, 4, 10),
        (0.8, 0.9999, 1000, 2, 4),
        (0.95, 0.999, 1000, 3, 7),
        (0.99, 0.999, 1000, 5, 12),
    ],
)
def test_few_nodes_do_for_the_usual_betas(beta1, beta2, start, single, double):
    a, b = atoms(beta1, beta2, start, np.ones(2000))
    for tolerance, most in ((SINGLE, single), (DOUBLE, double)):
        nodes, weights = rule_of(a, b, tolerance)
        assert len(nodes) <= most
        assert worst(a, b, nodes, weights) <= 1.01 * tolerance + 1e-14


@pytest.mark.parametrize("places", [[3.0], [0.5, 2.0], [1e-3, 1.0, 1e3], [1.0, 1.0 + 1e-9], [1e-8, 1.0]])
def test_few_atoms_are_exact(places):
    a = np.arange(1.0, len(places) + 1)
    nodes, weights = rule_of(a, places, DOUBLE)
    assert len(nodes) <= len(places)
    assert worst(a, np.array(places), nodes, weights) < 1e-14


def test_atoms_at_one_place_are_one_node():
    nodes, weights = rule_of([1.0, 2.0, 4.0, 0.0], [0.3] * 4, DOUBLE)
    assert nodes.tolist() == pytest.approx([0.3], rel=1e-15)
    assert weights.tolist() == pytest.approx([7.0], rel=1e-15)


def test_weights_of_zero_take_no_part():
    a, b = np.zeros(300), np.logspace(-5, 5, 300)
    assert len(rule_of(a, b, DOUBLE)[0]) == 0  # asleep at learning rate 0
    a[123] = 2.0
    nodes, weights = rule_of(a, b, DOUBLE)
    assert nodes.tolist() == pytest.approx([b[123]], rel=1e-14)
    assert weights.tolist() == pytest.approx([2.0], rel=1e-14)


def test_what_no_few_nodes_can_give_is_summed_term_by_term():
    a, b = np.ones(40), np.logspace(-12, 12, 40)
    nodes, weights = rule_of(a, b, DOUBLE)
    np.testing.assert_array_equal(nodes, b)
    np.testing.assert_array_equal(weights, a)


@pytest.mark.parametrize("size", [1e-300, 1e-30, 1e30, 1e300])
def test_the_size_of_the_weights_does_not_matter(size):
    a, b = atoms(0.9, 0.999, 50, np.ones(400))
    nodes, weights = rule_of(a * size, b, SINGLE)
    expected_nodes, expected = rule_of(a, b, SINGLE)
    np.testing.assert_allclose(nodes, expected_nodes, rtol=1e-12)
    np.testing.assert_allclose(weights, expected * size, rtol=1e-12)
