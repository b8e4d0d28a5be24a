"""Errors worth reading, from tables whose answers are known."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest
import torch

from builders import config
from yeonma import stats
from yeonma.answered import table
from yeonma.errors import ConfigError
from yeonma.model import build
from yeonma.records import Dataset, Example
from yeonma.report import mistakes

SPAN = pl.Struct({"start": pl.UInt32, "end": pl.UInt32, "label": pl.String, "text": pl.UInt8})


def rows(gold, predicted, probability=None, tokens=None, unknown=None, spans=None, data="made:test", numbers=False):
    """A table as `answered.table` makes it."""
    n = len(gold)
    right = [None if g is None else g == p for g, p in zip(gold, predicted, strict=True)]
    gold_spans, predicted_spans = spans or ([None] * n, [None] * n)
    return pl.DataFrame(
        {
            "id": [str(i) for i in range(n)],
            "texts": [[f"글 {i}"] for i in range(n)],
            "gold": pl.Series(gold, dtype=pl.String),
            "predicted": predicted,
            "right": pl.Series(right, dtype=pl.Boolean),
            "error": pl.Series(
                [abs(float(p) - float(g)) if numbers and g else None for g, p in zip(gold, predicted, strict=True)],
                dtype=pl.Float64,
            ),
            "probability": pl.Series(probability or [0.9] * n, dtype=pl.Float64),
            "tokens": pl.Series(tokens or [3] * n, dtype=pl.UInt32),
            "unknown": pl.Series(unknown or [None] * n, dtype=pl.UInt32),
            "gold_spans": pl.Series(gold_spans, dtype=pl.List(SPAN)),
            "predicted_spans": pl.Series(predicted_spans, dtype=pl.List(SPAN)),
            "data": [data] * n,
        }
    )


LABELS = rows(
    ["긍정", "긍정", "부정", "부정", None, "부정"],
    ["긍정", "부정", "긍정", "긍정", "긍정", "부정"],
    [0.6, 0.7, 0.9, 0.8, 0.99, 0.5],
    tokens=[1, 2, 3, 4, 5, 6],
    unknown=[0, 0, 1, 4, 0, 3],
)
NUMBERS = rows(
    ["1", "2.5", "4", None, "5"], ["1.25", "2.5", "1", "0", "4.5"], [1.0] * 5, tokens=[1, 2, 3, 4, 5], numbers=True
)


def test_the_most_confident_mistakes_come_first():
    assert mistakes.confident(LABELS)["id"].to_list() == ["2", "3", "1"]
    assert mistakes.confident(LABELS, 1)["id"].to_list() == ["2"]
    assert mistakes.confident(LABELS)["error"].null_count() == 3
    nothing = rows(["가", "나", "다"], ["", "다", "라"], [1.0, 0.4, math.nan])
    assert mistakes.confident(nothing)["id"].to_list() == ["1", "0", "2"]


def test_the_largest_errors_of_numbers_come_first():
    found = mistakes.confident(NUMBERS)
    assert found["id"].to_list() == ["2", "4", "0", "1"]
    assert found["error"].to_list() == [3, 0.5, 0.25, 0]


def test_the_most_certain_right_answers_come_first():
    assert mistakes.certain(LABELS)["id"].to_list() == ["0", "5"]
    assert mistakes.certain(NUMBERS, 2)["id"].to_list() == ["1", "0"]


def test_labels_that_look_like_numbers_are_labels():
    assert not mistakes.graded(rows(["1", "0"], ["1", "1"], [1.0, 1.0])).numbers


def test_the_model_of_a_number_gives_numbers():
    examples = [Example(str(i), (f"글 {i}",), i / 10) for i in range(20)]
    torch.manual_seed(0)
    for scale, labelled in (((0.0, 2.0), False), (None, True)):
        golds = [Example(e.id, e.texts, str(int(e.gold))) for e in examples] if labelled else examples
        model = build(config(), Dataset("made", {"train": golds}, ("0", "1") if labelled else (), scale=scale))
        prepared = model.prepare(golds, cache=False)
        made = table(model, golds, prepared, model.predictions(prepared, golds), "made:test")
        assert mistakes.graded(made).numbers != labelled
        assert mistakes.by_length(made)["n"].sum() == 20


def test_bins_of_length_are_quantiles():
    found = mistakes.by_length(LABELS, 2)
    assert found.select("from", "to", "n", "mean").rows() == [(1, 3, 3, 1 / 3), (4, 6, 2, 0.5)]
    own = stats.wilson(1, 3)
    assert found.select("low", "high").row(0) == pytest.approx((own.low, own.high))
    rng = np.random.default_rng(0)
    many = rows(["가"] * 1000, ["가"] * 1000, tokens=rng.integers(1, 1000, 1000).tolist())
    assert mistakes.by_length(many)["n"].is_between(190, 210).all()
    assert mistakes.by_length(rows(["가"] * 9, ["가"] * 9)).select("from", "to", "n", "mean").rows() == [(3, 3, 9, 1)]


def test_bins_of_numbers_give_the_mean_absolute_error():
    found = mistakes.by_length(NUMBERS, 2)
    assert found.select("n", "mean").rows() == [(2, 0.125), (2, 1.75)]
    assert (found["low"] <= found["mean"]).all() and (found["mean"] <= found["high"]).all()
    assert mistakes.by_length(NUMBERS, 4).select("low", "high").row(0) == (None, None)  # one row says nothing of it
    assert mistakes.by_label(NUMBERS).is_empty()


def test_coverage():
    found = mistakes.by_coverage(LABELS)
    assert found.select("from", "to", "n", "mean").rows() == [(0, 0, 2, 0.5), (0.25, 0.5, 2, 0.5), (0.5, 1, 1, 0)]
    edge = rows(["가"] * 3, ["가"] * 3, tokens=[10, 30, 4], unknown=[1, 3, 1])
    assert mistakes.by_coverage(edge).select("from", "to", "n").rows() == [(0, 0.1, 2), (0.1, 0.25, 1)]
    assert mistakes.by_coverage(NUMBERS).is_empty()  # of such an encoder no token is unknown


def test_labels_and_what_they_are_taken_for():
    found = mistakes.by_label(LABELS)
    assert found.columns == ["label", "n", "mean", "low", "high", "taken_for", "times"]
    assert found.select("label", "n", "mean", "taken_for", "times").rows() == [
        ("부정", 3, 1 / 3, "긍정", 2),
        ("긍정", 2, 0.5, "부정", 1),
    ]


def span(start, end, label, text=0):
    return {"start": start, "end": end, "label": label, "text": text}


def test_of_a_tagging_spans_are_counted_by_label():
    gold = [[span(0, 2, "LC"), span(3, 5, "PS")], [span(0, 2, "LC")], [span(1, 2, "LC")], []]
    said = [[span(0, 2, "LC"), span(3, 5, "OG")], [span(0, 3, "LC")], [], [span(0, 1, "DT")]]
    tagged = rows(["a", "b", "c", ""], ["d", "e", "", "f"], spans=(gold, said))
    assert mistakes.by_label(tagged).select("label", "n", "mean", "taken_for", "times").rows() == [
        ("LC", 3, 1 / 3, None, 0),
        ("PS", 1, 0, "OG", 1),
    ]
    answers = rows(["a"], ["b"], spans=([[span(0, 2, "", 1)]], [[span(0, 3, "", 1)]]))
    assert mistakes.by_label(answers).is_empty()
    assert mistakes.graded(tagged).spans and not mistakes.graded(LABELS).spans


def of_three():
    gold = ["가", "가", "가", "가", None, "나"]
    one = rows(gold, ["가", "가", "나", "나", "가", "다"], [0.9, 0.6, 0.9, 0.9, 0.9, 0.9])
    two = rows(gold, ["가", "나", "나", "나", "나", "가"], [0.9, 0.6, 0.9, 0.9, 0.9, 0.9])
    three = rows(gold, ["가", "가", "나", "가", "나", "가"], [0.9, 0.6, 0.9, 0.9, 0.9, 0.9])
    return {"하나": one, "run": two, "id": three}


def test_runs_disagree_most_where_they_are_split_and_sure():
    found = mistakes.disagreements(of_three())
    assert found["id"].to_list() == ["3", "1", "5"]  # in 0 and 2 all say the same, of 4 no answer is known
    assert found["right"].to_list() == pytest.approx([1 / 3, 2 / 3, 0])
    assert [each["run"] for each in found["answers"][0]] == ["하나", "run", "id"]
    assert [each["predicted"] for each in found["answers"][0]] == ["나", "나", "가"]
    assert [each["right"] for each in found["answers"][0]] == [False, False, True]
    assert mistakes.disagreements(of_three(), 1)["id"].to_list() == ["3"]


def test_the_agreement_of_runs_is_the_share_of_equal_answers():
    found = mistakes.agreement(of_three())
    assert found["run"].to_list() == ["하나", "run", "id"]
    matrix = np.array(found["values"].to_list())
    assert matrix == pytest.approx(np.array([[1, 3 / 5, 3 / 5], [3 / 5, 1, 3 / 5], [3 / 5, 3 / 5, 1]]))


def test_numbers_disagree_by_their_distance():
    other = rows(["1", "2.5", "4", None, "5"], ["1.25", "0.5", "4", "0", "4.5"], [1.0] * 5, numbers=True)
    named = {"one": NUMBERS, "other": other.with_columns(NUMBERS["tokens"])}
    found = mistakes.disagreements(named)
    assert found["id"].to_list() == ["2", "1"]
    assert found["right"].to_list() == [None, None]
    assert mistakes.agreement(named)["values"].to_list() == [[0, 5 / 4], [5 / 4, 0]]


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (pl.lit("made:valid").alias("data"), "data"),
        (pl.col("id").reverse(), "ids"),
        (pl.col("texts").reverse(), "texts"),
        (pl.col("gold").reverse(), "gold answers"),
    ],
)
def test_runs_that_answered_other_examples_are_not_compared(change, what):
    for compare in (mistakes.disagreements, mistakes.agreement):
        with pytest.raises(ConfigError, match=f"a and b were scored on different {what}"):
            compare({"a": LABELS, "b": LABELS.with_columns(change)})
        with pytest.raises(ConfigError, match="two or more"):
            compare({"a": LABELS})


def test_no_row_gives_no_bin():
    none = LABELS.head(0)
    for each in (mistakes.by_length, mistakes.by_coverage, mistakes.by_label, mistakes.confident):
        assert each(none).is_empty()
    assert mistakes.disagreements({"a": none, "b": none}).is_empty()
