"""A rule's source in two parts: exact constants, and the element's text."""

from fractions import Fraction

import pytest

from yeonma.errors import ConfigError
from yeonma.optim import Form, Scalar, get
from yeonma.optim.rules import sqrt, unbias
from yeonma.optim.split import split


def test_adam_is_split_at_the_element():
    form = get("adam").form("deck")
    parts = split(form)
    assert parts.constants[:4] == ("beta1", "1 - beta1", "beta2", "1 - beta2")
    assert "1 / unbias(beta1, t)" in parts.constants
    assert parts.body[0] == "m = _c0 * _s_m + _c1 * g"
    assert parts.new == {"m": "m", "v": "v"}
    constants, scalars = parts.prelude(None, form.State(None, None), 1, 0.25, **form.hyper)
    assert scalars == ()
    named = dict(zip(parts.constants, constants, strict=True))
    assert named["-lr"] == -0.25
    assert named["1 / unbias(beta2, t)"] == pytest.approx(1000, rel=1e-15)


def test_scalar_state_is_kept_once_a_step():
    form = get("nadam").form("torch")
    parts = split(form)
    assert parts.new.keys() == {"m", "v"}
    _, (product,) = parts.prelude(None, form.State(None, None, 0.5), 1, 0.1, **form.hyper)
    assert product == 0.5 * 0.9 * (1 - 0.5 * 0.96**0.004)


@pytest.mark.parametrize("t", [1, 10, 1000, 10**7])
def test_bias_correction_keeps_its_digits(t):
    exact = 1 - Fraction(0.999) ** min(t, 1000)
    assert unbias(0.999, min(t, 1000)) == pytest.approx(float(exact), rel=1e-15)
    assert unbias(0.0, t) == 1.0
    assert unbias(1 - 1e-12, 1) == pytest.approx(1e-12, rel=1e-4)


def named_twice(g, s, t, lr, *, a=0.1, b=0.2):
    x = a
    y = x * g
    x = b
    return y + x * g, s


def argument_renamed(g, s, t, lr):
    lr = lr * 2
    return -lr * g, s


def branching(g, s, t, lr):
    return (-lr if g > 0 else lr) * g, s


def unknown_function(g, s, t, lr):
    return -lr * pow(g, 2), s


def unknown_state(g, s, t, lr):
    return -lr * g, {"v": g}


def looping(g, s, t, lr):
    for _ in range(3):
        pass
    return -lr * g, s


def scalar_from_elements(g, s, t, lr):
    return -lr * g, s._replace(p=g * s.p)


@pytest.mark.parametrize(
    ("function", "named"),
    [
        (named_twice, "x = b"),
        (argument_renamed, r"lr = lr \* 2"),
        (branching, "g > 0"),
        (unknown_function, r"pow\(g, 2\)"),
        (unknown_state, "return"),
        (looping, "for _ in"),
        (scalar_from_elements, "return"),
    ],
)
def test_a_body_that_no_kernel_could_follow_is_refused(function, named):
    slots = {"p": Scalar(1)} if function is scalar_from_elements else {}
    with pytest.raises(ConfigError, match=f"{function.__name__} has: .*{named}"):
        split(Form("deck", function, slots, 0.1))


def test_without_source_there_is_no_kernel():
    namespace = {"sqrt": sqrt}
    exec("def typed(g, s, t, lr):\n    return -lr * sqrt(g), s", namespace)
    assert split(Form("deck", namespace["typed"], {}, 0.1)) is None
