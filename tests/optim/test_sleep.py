"""What rows do asleep, against the rule itself taken step by step without a gradient: any schedule, any length."""

from math import sqrt
from typing import NamedTuple

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from yeonma.errors import ConfigError
from yeonma.optim import get, row_kernels, row_ops
from yeonma.optim.coupled import Coupled
from yeonma.optim.lazy import SLEEPS
from yeonma.optim.rules import rules
from yeonma.optim.settings import Settings

FORMS = [(name, form) for name in rules() for form in ("deck", "torch")]
ROOTED = [(name, form) for name in ("adam", "nadam") for form in ("deck", "torch")]
COUPLED = [(name, form) for name in ("momentum", "nag") for form in ("deck", "torch")]


class Plan(NamedTuple):
    """The settings of each step of a form."""

    form: object
    steps: list

    @classmethod
    def of(cls, name, form, pieces):
        """Pieces: (how many steps, settings that are not the defaults)."""
        written = get(name).form(form)
        steps = [step for length, given in pieces for step in [settings_for(written, **given)] * length]
        return cls(written, steps)


def settings_for(form, lr=None, weight_decay=0.0, l2=0.0, **hyper):
    lr = form.lr if lr is None else lr
    return Settings(lr, 1 - lr * weight_decay, l2, {**form.hyper, **hyper})


def scalars_after(form, t, step, before):
    if not before:
        return before
    state = form.State(**dict.fromkeys(form.elements, 1.0), **before)
    new = form.function(0.0, state, t, step.lr, **step.hyper)[1]
    return {name: getattr(new, name) for name in before}


def lived(plan, exact=True):
    """The sleep after all steps of a plan, and the scalar slots before each step (and after the last)."""
    form = plan.form
    sleep = SLEEPS[next(key for key in FORMS if get(key[0]).form(key[1]) is form)](form, exact)
    scalars = [{name: float(form.slots[name]) for name in form.scalars}]
    for t, step in enumerate(plan.steps, start=1):
        sleep.check(step)
        sleep.record(t, step, scalars[-1])
        scalars.append(scalars_after(form, t, step, scalars[-1]))
    return sleep, scalars


def awake(plan, start, w, slots, scalars):
    """The rule itself, from after step `start` to the end: the weight, the slots, and the length of the way."""
    w, slots = w.astype(np.longdouble), {name: slot.astype(np.longdouble) for name, slot in slots.items()}
    form, way = plan.form, np.zeros_like(w)
    state = form.State(**slots, **scalars[start])
    for t, step in enumerate(plan.steps[start:], start=start + 1):
        delta, state = form.function(step.l2 * w, state, t, step.lr, **step.hyper)
        moved = step.shrink * w + delta
        way, w = way + np.abs(moved - w), moved
    return w, {name: getattr(state, name) for name in form.elements}, way


def woken(sleep, starts, w, slots, engine=row_kernels):
    """The same for rows (U, d) by what the sleep says, in one call."""
    weight = torch.from_numpy(np.array(w))
    tensors = {name: torch.from_numpy(np.array(slot)) for name, slot in slots.items()}
    engine.wake(weight, tensors, torch.arange(len(starts)), sleep.wake(np.array(starts)))
    return weight.numpy(), {name: slot.numpy() for name, slot in tensors.items()}


def touched(form, seed=0, size=6, tiny=False):
    """A row as a gradient may have left it: weights of about 1, slots over many orders of magnitude."""
    draw = np.random.default_rng(seed)
    slots = {name: draw.standard_normal(size) * 10.0 ** draw.integers(-4, 2, size) for name in form.elements}
    squares = {name: np.abs(x) * 1e-3 for name, x in slots.items() if name in ("v", "G", "S") and len(slots) != 1}
    if "G" in slots:
        squares["G"] = np.abs(slots["G"])
    if tiny:
        slots = {name: x * 1e-150 for name, x in slots.items()}
        squares = {name: x * 1e-300 for name, x in squares.items()}
    return draw.standard_normal(size), slots | squares


def assert_equal_sleep(plan, starts, tolerance=1e-12, **row):
    sleep, scalars = lived(plan)
    used_up = 1e-17 if isinstance(sleep, Coupled) else 1e-29  # of a slot: what is left may be taken for nothing
    for start in starts:
        w, slots = touched(plan.form, seed=start, **row)
        expected, expected_slots, way = awake(plan, start, w, slots, scalars)
        (found,), found_slots = woken(sleep, [start], w[None], {name: slot[None] for name, slot in slots.items()})
        assert np.isfinite(found).all()
        assert (np.abs(found - expected) <= tolerance * (way + np.abs(w))).all()
        for name, slot in found_slots.items():
            bound = 10 * tolerance * np.abs(expected_slots[name]) + used_up * np.abs(slots[name]) + 1e-300
            bound += tolerance * np.abs(w) if any(step.l2 for step in plan.steps) else 0
            assert (np.abs(slot[0] - expected_slots[name]) <= bound).all()


# --- any schedule -----------------------------------------------------------------------------------------------------

RATES = st.sampled_from([0.0, 1e-6, 1e-3, 0.1]) | st.floats(0, 0.5)
LENGTHS = st.integers(1, 120)


@st.composite
def plans(draw, forms, betas=None, decays=(0.0,), l2=(0.0,)):
    """Up to five pieces: rates that jump, betas that change if `betas` gives values to take them from."""
    name, form = draw(st.sampled_from(forms))
    own = get(name).form(form).hyper
    fixed = {"eps": draw(st.sampled_from([0.0, 1e-20, 1e-8, 1.0]))} if "eps" in own else {}
    constant = {key: value for key, value in ((key, draw(hyper(key))) for key in own) if value is not None}
    coupled, pieces = draw(st.sampled_from(l2)), []
    for _ in range(draw(st.integers(1, 5))):
        changed = {key: draw(betas[key]) for key in own if betas and key in betas}
        given = {**constant, **changed, **fixed, "lr": draw(RATES)}
        given |= {"weight_decay": draw(st.sampled_from(decays)), "l2": coupled}
        assume(given.get("beta1", 0) ** 2 < 0.995 * given.get("beta2", 1))
        assume(given.get("eps") != 0 or 0.0 not in (given.get("alpha"), given.get("rho")))  # the rule itself gives 0/0
        pieces.append((draw(LENGTHS), given))
    assume("momentum" not in own or falls([given for _, given in pieces]))
    return Plan.of(name, form, pieces)


def hyper(key):
    shares = {
        "beta1": [0.0, 0.5, 0.9, 0.95],
        "beta2": [0.9, 0.99, 0.999, 0.99999],
        "momentum": [0.0, 0.5, 0.9, 0.99],
        "alpha": [0.0, 0.9, 0.99],
        "rho": [0.0, 0.9, 0.99],
    }
    return st.sampled_from(shares[key]) if key in shares else st.none()


def falls(given):
    """Whether weights under momentum fall towards 0 by their decay without swinging, and slower than the velocity."""
    lag = 1 - max(each.get("momentum", 0) for each in given)
    lr = max(each["lr"] for each in given)
    return lr * max(each["weight_decay"] for each in given) <= lag / 2 and lr * given[0]["l2"] <= 0.03 * lag**2


def starts_of(plan):
    end = len(plan.steps)
    return sorted({1, min(2, end), end // 2, end - 1} - {0})


@given(plans(FORMS, decays=(0.0, 0.1, 0.9)))
@settings(max_examples=100, deadline=None)
def test_any_rates_and_decays(plan):
    assert_equal_sleep(plan, starts_of(plan))


CYCLED = {
    "beta1": st.floats(0.01, 0.99),
    "beta2": st.floats(0.9, 0.9999),
    "momentum": st.floats(0.01, 0.99),
    "alpha": st.floats(0.3, 0.999),
    "rho": st.floats(0.3, 0.999),
}


@given(plans(FORMS, betas=CYCLED, decays=(0.0, 0.1)))
@settings(max_examples=100, deadline=None)
def test_momentum_and_betas_that_change(plan):
    assert_equal_sleep(plan, starts_of(plan))


@pytest.mark.parametrize(("name", "share"), [("rmsprop", "alpha"), ("adam", "beta1")])
def test_a_share_that_is_0_for_a_while(name, share):
    assert_equal_sleep(Plan.of(name, "deck", [(100, {share: 0.0}), (100, {share: 0.9})]), [1, 110], tolerance=1e-11)


@pytest.mark.parametrize(("name", "form"), ROOTED)
@pytest.mark.parametrize("last", [0.9, 0.99])
def test_a_mean_that_is_kept_longer_after_a_while(name, form, last):
    assert_equal_sleep(Plan.of(name, form, [(20, {"beta1": 0.1}), (200, {"beta1": last})]), [1, 15])


@given(plans([*COUPLED, ("sgd", "deck")], betas=CYCLED, decays=(0.0, 0.1), l2=(0.0, 1e-4, 0.05)))
@settings(max_examples=100, deadline=None)
def test_coupled_decay(plan):
    assert_equal_sleep(plan, starts_of(plan))


@pytest.mark.parametrize(("name", "form"), COUPLED)
@pytest.mark.parametrize(
    ("momentum", "strength"),
    [(0.0, 0.5), (0.5, 0.05), (0.9, 1e-6), (0.9, 1e-3), (0.9, 0.0025), (0.99, 1e-6), (0.99, 1e-5), (0.99, 2.4e-5)],
)
def test_coupled_decay_of_every_strength(name, form, momentum, strength):
    plan = Plan.of(name, form, [(500, {"lr": 0.1, "l2": strength / 0.1, "momentum": momentum})])
    assert_equal_sleep(plan, [1, 100, 450])


@pytest.mark.parametrize(("name", "form"), COUPLED)
@pytest.mark.parametrize(
    ("momentum", "strength"),
    [
        (0.0, 1.5),
        (0.5, 0.5),
        (0.5, 1.5),
        (0.9, 0.0027),
        (0.9, 0.1),
        (0.9, 1.0),
        (0.99, 5e-5),
        (0.99, 2e-3),
        (0.99, 0.05),
    ],
)
def test_strong_coupled_decay_is_right_or_refused(name, form, momentum, strength):
    """Beyond about (1 − m)²/4 the weight swings about 0 instead of falling towards it."""
    plan = Plan.of(name, form, [(500, {"lr": 0.1, "l2": strength / 0.1, "momentum": momentum})])
    assert_right_or_refused(plan, [1, 100, 450, 495])


@pytest.mark.parametrize(("name", "form"), COUPLED)
@pytest.mark.parametrize("decay", [0.05, 0.09, 0.1, 0.11, 0.5])
def test_decay_as_fast_as_the_velocity_is_right_or_refused(name, form, decay):
    plan = Plan.of(name, form, [(500, {"lr": 0.1, "weight_decay": decay / 0.1, "momentum": 0.9})])
    assert_right_or_refused(plan, [1, 100, 450])


def assert_right_or_refused(plan, starts):
    try:
        lived(plan)
    except ConfigError:
        return
    assert_equal_sleep(plan, starts)


# --- lengths, tiny numbers, no ε --------------------------------------------------------------------------------------


def warmed(length, **given):
    """Warm-up, then a fall by the cosine, in pieces of equal rate."""
    waves = [0.5 * (1 + np.cos(np.pi * k / 20)) for k in range(20)]
    rates = [0.1, 0.4, 0.7, *(max(wave, 1e-3) for wave in waves)]
    return [(max(1, length // len(rates)), {"lr": 1e-2 * rate, **given}) for rate in rates]


@pytest.mark.parametrize(
    ("name", "form", "given"),
    [
        ("adam", "deck", {}),
        ("momentum", "torch", {"l2": 1e-3}),
        ("rmsprop", "deck", {}),
    ],
)
def test_long_sleeps(name, form, given):
    plan = Plan.of(name, form, warmed(10_000, **given))
    assert_equal_sleep(plan, [1, 17, 300, 9000, len(plan.steps) - 350], tolerance=3e-12)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "form", "length"),
    [("adam", "deck", 1_000_000), ("momentum", "torch", 300_000), ("rmsprop", "deck", 1_000_000)],
)
def test_a_million_steps(name, form, length):
    """The logarithms of the factors are sums over all steps: they lose a digit or two on the way."""
    plan = Plan.of(name, form, warmed(length))
    assert_equal_sleep(plan, [1, length // 2], tolerance=1e-9)


@pytest.mark.parametrize(("name", "form"), FORMS)
def test_a_sleep_of_no_step_changes_nothing(name, form):
    plan = Plan.of(name, form, [(30, {})])
    sleep, _ = lived(plan)
    w, slots = touched(plan.form)
    found, found_slots = woken(sleep, [30], w[None], {slot: value[None] for slot, value in slots.items()})
    np.testing.assert_array_equal(found[0], w)
    for slot, value in slots.items():
        np.testing.assert_array_equal(found_slots[slot][0], value)


@pytest.mark.parametrize(("name", "form"), FORMS)
def test_both_engines_wake_alike(name, form):
    plan = Plan.of(name, form, [(300, {"lr": 0.01, "weight_decay": 0.1}), (300, {"lr": 0.0}), (50, {})])
    sleep, _ = lived(plan)
    starts = [1, 5, 80, 299, 300, 301, 590, 630, 649, 650]
    rows = [touched(plan.form, seed=start) for start in starts]
    w = np.stack([w for w, _ in rows])
    slots = {name: np.stack([slots[name] for _, slots in rows]) for name in plan.form.elements}
    one, other = woken(sleep, starts, w, slots), woken(sleep, starts, w, slots, engine=row_ops)
    np.testing.assert_allclose(one[0], other[0], rtol=1e-13, atol=1e-14)
    assert (one[0] != w).any()
    for slot in slots:
        np.testing.assert_allclose(one[1][slot], other[1][slot], rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize(("name", "form"), FORMS)
@pytest.mark.parametrize("eps", [None, 0.0])
def test_tiny_slots(name, form, eps):
    written = get(name).form(form)
    if eps is not None and "eps" not in written.hyper:
        pytest.skip("the rule has no ε")
    plan = Plan.of(name, form, [(400, {} if eps is None else {"eps": eps})])
    assert_equal_sleep(plan, [1, 300, 390], tiny=True)


@pytest.mark.parametrize(("name", "form"), ROOTED)
def test_a_row_without_a_gradient_so_far_stays_though_nothing_holds_it(name, form):
    """ε = 0 and v = 0: the dense rule would give 0/0."""
    sleep, _ = lived(Plan.of(name, form, [(50, {"eps": 0.0, "weight_decay": 0.5})]))
    found, _ = woken(sleep, [0], np.ones((1, 3)), {"m": np.zeros((1, 3)), "v": np.zeros((1, 3))})
    assert found.tolist() == [pytest.approx([(1 - 0.5 * get(name).form(form).lr) ** 50] * 3, rel=1e-14)]


# --- a million times the same question --------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "form"), ROOTED)
@given(st.lists(st.lists(st.integers(1, 60), min_size=1, max_size=5), min_size=2, max_size=5))
@settings(max_examples=30, deadline=None)
def test_rows_may_be_woken_one_after_another_at_one_step(name, form, groups):
    """Two forwards before a step, the chunks of a flush, a look while training: each is answered as if alone."""
    plan = Plan.of(name, form, [(60, {"beta1": 0.5})])  # a sleep is whole after some 60 steps: both kinds meet
    together, _ = lived(plan)
    for group in groups:
        alone, _ = lived(plan)
        for one, other in zip(rows_of(together, group), rows_of(alone, group), strict=True):
            np.testing.assert_array_equal(one, other)


def rows_of(sleep, starts):
    """What waking makes of rows of ones: weight first, then the slots."""
    ones = np.ones((len(starts), 1))
    weight, slots = woken(sleep, starts, ones, dict.fromkeys(sleep.form.elements, ones))
    return weight, *slots.values()


@pytest.mark.parametrize(("name", "form"), FORMS)
@pytest.mark.parametrize("share", [0.5, 0.97])
def test_a_saved_history_goes_on_bit_for_bit(name, form, share):
    """Also while the momentum changes: what a sleep remembers beside its history must follow from it."""
    given = {key: share for key in ("beta1", "momentum", "alpha", "rho") if key in get(name).form(form).hyper}
    plan = Plan.of(name, form, [(400, given), (100, {}), (100, {})])
    whole, scalars = lived(plan)
    half, _ = lived(Plan(plan.form, plan.steps[:500]))
    again = type(whole)(plan.form, True)
    again.check(plan.steps[500])
    again.restart(half.base, half.history.copy())
    for t, step in enumerate(plan.steps[500:], start=501):
        again.record(t, step, scalars[t - 1])
    starts = np.array([1, 50, 330, 345, 390, 450, 520])
    np.testing.assert_array_equal(again.history, whole.history)
    for one, other in zip(rows_of(again, starts), rows_of(whole, starts), strict=True):
        np.testing.assert_array_equal(one, other)


# --- refusals ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["adagrad", "rmsprop", "adadelta", "adam", "nadam"])
@pytest.mark.parametrize("form", ["deck", "torch"])
def test_l2_that_goes_through_a_square_is_refused(name, form):
    written = get(name).form(form)
    with pytest.raises(ConfigError, match=rf"under {name}.*weight_decay.*nn\.Embedding"):
        SLEEPS[name, form](written, False).check(settings_for(written, l2=1e-4))


@pytest.mark.parametrize(("name", "form"), ROOTED)
def test_a_mean_that_outlives_its_root_is_refused(name, form):
    written = get(name).form(form)
    sleep = SLEEPS[name, form](written, False)
    with pytest.raises(ConfigError, match=r"beta1 < √beta2.*got beta1 0\.99 and √beta2 0\.9487.*Raise beta2"):
        sleep.check(settings_for(written, beta1=0.99, beta2=0.9))
    sleep.check(settings_for(written, beta1=sqrt(0.9) - 1e-9, beta2=0.9))


@pytest.mark.parametrize(("name", "form"), FORMS)
def test_a_decay_that_leaves_nothing_is_refused(name, form):
    written = get(name).form(form)
    with pytest.raises(ConfigError, match="must be below 1"):
        SLEEPS[name, form](written, False).check(settings_for(written, lr=0.5, weight_decay=2.0))


@pytest.mark.parametrize("strength", [1.5, 3.0])
def test_l2_that_turns_weights_over_is_right_or_refused(strength):
    assert_right_or_refused(Plan.of("sgd", "deck", [(40, {"lr": 0.1, "l2": strength / 0.1})]), [1, 20, 35])
