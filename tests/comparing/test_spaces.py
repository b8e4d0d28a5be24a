"""Search spaces: what they hold, and which values a trial gets."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yeonma.comparing.spaces import RATE, asked, free, parse, suggest
from yeonma.errors import ConfigError

SPACES = {RATE: "log:1e-5..10", "head.dropout": "0..0.5", "train.batch_size": "16,32"}


@given(st.floats(0, 1), st.sampled_from(["log:1e-5..10", "0..0.5", "-1..3"]))
def test_every_value_lies_in_its_space(share, text):
    space = parse("x", text)
    assert space.low <= space.at(share) <= space.high


@given(st.floats(0, 1))
def test_choices_are_chosen(share):
    assert parse("x", "16,adam,true").at(share) in (16, "adam", True)


@pytest.mark.parametrize("text", ["3..1", "log:0..1", "log:-1..1", "a..b", "1..2..3", "lin:1..2", "1..inf", "nan..1"])
def test_a_space_that_is_none_is_refused(text):
    with pytest.raises(ConfigError, match="search space"):
        parse("x", text)


def test_known_spaces_need_not_be_written():
    assert asked(["head.dropout", "encoder.dim=50,100"], None) == {
        RATE: "log:1e-5..10", "head.dropout": "0..0.6", "encoder.dim": "50,100"
    }  # fmt: skip
    with pytest.raises(ConfigError, match=r"No search space is known for 'head\.droput'.*'head\.dropout'"):
        asked(["head.droput"], None)


def test_a_trial_is_a_function_of_those_before_it():
    """However often and by whom it is asked for; the first half of no others."""
    history = [(suggest(SPACES, n, 6, [], 7), 0.1 * n) for n in range(free(6))]
    first = suggest(SPACES, 4, 6, [*history, (history[0][0], float("-inf"))], 7)
    assert first == suggest(SPACES, 4, 6, [*history, (history[0][0], float("-inf"))], 7)
    assert suggest(SPACES, 1, 6, history, 7) == history[1][0]
    assert len({str(each) for each, _ in history}) == 3
    assert first.keys() == SPACES.keys()


def test_later_trials_look_where_the_good_ones_were():
    """A score that falls away from 1e-3 on either side."""
    import math

    history: list = []
    for number in range(16):
        params = suggest({RATE: "log:1e-5..10"}, number, 16, history, 3)
        history.append((params, -abs(math.log10(params[RATE]) + 3)))
    first, later = ([score for _, score in part] for part in (history[:8], history[8:]))
    assert sum(later) / 8 > sum(first) / 8 + 0.5
