"""Every score that can choose a model follows from its sums, and what answers add can be added in any order."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from yeonma import plugins
from yeonma.records import Example, Prediction, Span
from yeonma.tasks.scores.sums import added, score

TEXT = "서울에서 온 the cat 가 나 다"
TASKS = {
    "single": plugins.load("task", "single")(("가", "나", "다")),
    "pair": plugins.load("task", "pair")(("가", "나")),
    "number": plugins.load("task", "single")(scale=(0.0, 5.0)),
    "choice": plugins.load("task", "choice")(),
    "qa": plugins.load("task", "qa")(),
    "tagging": plugins.load("task", "tagging")(("LC", "PS")),
}
CASES = [(name, metric) for name, task in TASKS.items() for metric in task.metrics]

PLACES = [(0, 4), (5, 6), (7, 14)]
spans = st.dictionaries(st.sampled_from(PLACES), st.sampled_from(["LC", "PS"])).map(
    lambda found: tuple(Span(*place, label) for place, label in sorted(found.items()))
)
ANSWERS = {
    "single": st.sampled_from("가나다"), "pair": st.sampled_from("가나"), "number": st.floats(0, 5, width=16),
    "choice": st.sampled_from("12"), "tagging": spans,
}  # fmt: skip


def pairs_of(draw, name):
    """Examples with gold answers or without, and answers to them."""
    count = draw(st.integers(2, 12))
    examples, predictions = [], []
    for i in range(count):
        if name == "qa":
            gold = draw(st.sampled_from([None, (), (Span(0, 4),), (Span(0, 2), Span(7, 14))]))
            said = draw(st.sampled_from(["", "서울", "서울에서", "cat", "the cat", "온"]))
            texts = ("어디서?", TEXT)
        else:
            gold, said, texts = (
                draw(st.none() | ANSWERS[name]),
                draw(ANSWERS[name]),
                (TEXT,) * 3 if name == "choice" else (TEXT,),
            )
        examples.append(Example(str(i), texts, gold))
        predictions.append(Prediction(str(i), said, 1.0, {}, said if name == "tagging" else ()))
    first = {"qa": (Span(0, 4),), "tagging": (Span(0, 4, "LC"),), "number": 1.0, "single": "가", "pair": "가"}
    examples[0] = Example("0", examples[0].texts, first.get(name, "1"))  # of none known there is no score
    return examples, predictions


@pytest.mark.parametrize(("name", "metric"), CASES)
@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_a_score_is_that_of_its_sums(name, metric, data):
    task, (examples, predictions) = TASKS[name], pairs_of(data.draw, name)
    sums = added(metric, task, examples, predictions)
    known = [pair for pair in zip(predictions, examples, strict=True) if pair[1].gold is not None]
    expected = task.scores(*map(list, zip(*known, strict=True)))[metric]
    assert len(sums) == len(examples)
    assert score(metric, sums.sum(0)) == pytest.approx(expected, abs=1e-6)
    both = np.stack([sums.sum(0), 2 * sums.sum(0)])  # of several sums at once, and twice the answers are as good
    assert score(metric, both) == pytest.approx([expected] * 2, abs=1e-6)


@pytest.mark.parametrize(
    ("golds", "answers", "expected"),
    [
        ([1, 0], [0, 5.96e-8], -1),
        ([1, 2, 4], [1e-9, 2e-9, 4e-9], 1),
        ([1, 2, 3], [2 + 1e-3, 2 + 2e-3, 2 + 3e-3], 1),
        ([1e-90, 2e-90], [2e-90, 1e-90], -1),
        ([0.1] * 3, [1, 2, 3], 0),
        ([1, 2, 3], [0.1] * 3, 0),
    ],
)
def test_a_correlation_does_not_hang_on_the_scale_of_the_numbers(golds, answers, expected):
    examples = [Example(str(i), (TEXT,), gold) for i, gold in enumerate(golds)]
    predictions = [Prediction(str(i), said, 1.0, {}, ()) for i, said in enumerate(answers)]
    sums = added("pearson", TASKS["number"], examples, predictions)
    assert score("pearson", sums.sum(0)) == pytest.approx(expected, abs=1e-6)
