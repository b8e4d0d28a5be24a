"""Exact match and F1 of answers on the traps of both evaluators, the numbers worked out by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yeonma.tasks.scores import answers

TEXT = st.text(alphabet="aTthe 서울에서《》〈〉()<>'\"‘’,.·", max_size=12)


def four(gold, predicted):
    s = answers([gold if isinstance(gold, tuple) else (gold,)], [predicted])
    assert s["n"] == 1
    return s["squad_em"], s["squad_f1"], s["korquad_em"], s["korquad_f1"]


@pytest.mark.parametrize(
    ("gold", "predicted", "expected"),
    [
        ("서울", "서울", (1, 1, 1, 1)),
        ("서울", "서울에서", (0, 0, 0, 2 * 2 / (2 + 4))),  # a particle too many: another word, half its characters
        ("the Tower", "a tower.", (1, 1, 0, 2 * 5 / (8 + 6))),  # KorQuAD keeps articles: thetower, atower
        ("1,000", "1000", (1, 1, 1, 1)),  # punctuation inside goes without a blank
        ("《토지》", "토지", (0, 0, 1, 1)),  # 《》 are no ASCII punctuation: they stay in SQuAD
        ("서울(Seoul)", "서울 seoul", (0, 0, 1, 1)),  # a bracket joins in SQuAD and parts in KorQuAD
        ("서울(Seoul)", "서울seoul", (1, 1, 0, 1)),
        ("제3·1절", "제31절", (0, 0, 0, 2 * 4 / (5 + 4))),  # · stays in both
        ("대한민국 서울", "서울", (0, 2 / 3, 0, 2 * 2 / (6 + 2))),
        ("서울 서울", "서울", (0, 2 / 3, 0, 2 * 2 / (4 + 2))),  # a bag, not a set
        ("서울", "", (0, 0, 0, 0)),
        ("the", "", (1, 0, 0, 0)),  # nothing is left of both: equal, but F1 0, as in the official evaluator
        ("...", "(!)", (1, 0, 1, 0)),
        ("theory a", "theory", (1, 1, 0, 2 * 6 / (7 + 6))),  # an article is a word, not a beginning
        (("서울", "서울시", "경기"), "서울시", (1, 1, 1, 1)),  # the best of the accepted answers
        (("서울시 중구", "중구 을지로 1가"), "중구", (0, 2 / 3, 0, 2 * 2 / (5 + 2))),
        ((), "", (1, 0, 1, 0)),
        ((), "서울", (0, 0, 0, 0)),
    ],
)
def test_traps(gold, predicted, expected):
    assert four(gold, predicted) == pytest.approx(expected)


def test_each_figure_takes_its_own_best_answer():
    # The first is best by words (시: 2·1/(3+2)), the second by characters (시, 서, 울).
    assert four(("시장 시 서", "서울시장"), "시 서울") == pytest.approx((0, 2 / 5, 0, 2 * 3 / (4 + 3)))


def test_the_mean_over_questions():
    s = answers([("서울",), ("부산",), ("대전",), ("광주",)], ["서울", "부산에", "", "대구"])
    assert s == {"n": 4, "squad_em": 0.25, "squad_f1": 0.25, "korquad_em": 0.25, "korquad_f1": (1 + 4 / 5) / 4}
    assert answers([], [])["squad_f1"] == 0.0


def test_a_prediction_too_few_is_refused():
    with pytest.raises(ValueError, match="shorter"):
        answers([("서울",), ("부산",)], ["서울"])


@given(TEXT, TEXT)
def test_f1_is_symmetric_and_one_where_something_matches_exactly(one, other):
    em, f1, korquad_em, korquad_f1 = four(one, other)
    assert four(other, one) == (em, f1, korquad_em, korquad_f1)
    assert f1 in (0.0, 1.0) if em else f1 <= 1
    assert korquad_f1 in (0.0, 1.0) if korquad_em else korquad_f1 <= 1
