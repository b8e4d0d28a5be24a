"""Answers as HTML: each task in its own words, long texts cut, nothing explained that carries nothing."""

from __future__ import annotations

import polars as pl
import pytest

from yeonma.records import Span
from yeonma.report import answers
from yeonma.report.gather import gather
from yeonma.report.pictures import Pictures


def rows(text: str, spans: list[Span] | None = None, error: float | None = None) -> pl.DataFrame:
    """One wrong answer to one text."""
    span = pl.List(pl.Struct({"start": pl.UInt32, "end": pl.UInt32, "label": pl.String, "text": pl.UInt8}))
    said = None if spans is None else [each._asdict() for each in spans]
    return pl.DataFrame(
        {
            "id": ["1"], "texts": [[text]], "gold": ["1"], "predicted": ["2"], "right": [False], "error": [error],
            "probability": [0.9], "tokens": [3], "unknown": [0], "gold_spans": [said], "predicted_spans": [said],
        },
        schema_overrides={"gold_spans": span, "predicted_spans": span, "error": pl.Float64},
    )  # fmt: skip


def test_a_long_text_is_cut_behind_its_last_span():
    plain = answers._mistakes(rows("가" * 10**6))
    assert len(plain) < 2 * answers.LONGEST and "가 …</td>" in plain
    far = answers._mistakes(rows("가" * 9000 + "나" * 9000, [Span(9000, 9001, "")]))
    assert '<mark class="both">나</mark> …' in far


def test_of_numbers_the_largest_errors_are_shown_and_not_the_most_confident():
    said = answers._mistakes(rows("글", error=1.5))
    assert "The largest errors" in said and "confident" not in said
    assert "The most confident mistakes" in answers._mistakes(rows("글"))


@pytest.mark.parametrize(
    ("task", "found", "says"),
    [
        ("single", rows("좋은 영화"), "logarithm of the probability"),
        ("single", rows("좋은 영화", error=1.0), "how much the answer falls"),
        ("tagging", rows("좋은 영화", [Span(0, 2, "A")]), "the share of them that go with it"),
    ],
)
def test_what_a_word_carried_is_said_in_the_words_of_the_task(runs, task, found, says):
    told = gather([runs[0].folder]).runs[0]
    told.config["task"] = task
    assert says in answers._carried(told, found, 1, lambda *_: None)


def test_the_data_is_named_as_it_is(runs):
    said = section(runs, rows("좋은 영화"))
    assert "Scored on a&amp;b&lt;i&gt;.tsv:test." in said
    assert "By gold label" in said and "share of gold spans" not in said


def test_by_label_of_a_tagging_the_spans_are_counted(runs):
    said = section(runs, rows("좋은 영화", [Span(0, 2, "A")]))
    assert "the spans are counted" in said and "share of gold spans found" in said
    assert "the spans are counted" not in section(runs, rows("좋은 영화", [Span(0, 2, "")]))  # an answer has no label


def test_marks_are_explained_where_there_are_some():
    assert "<mark" not in answers._mistakes(rows("글"))
    said = answers._mistakes(rows("좋은 영화", [Span(0, 2, "A")]))
    assert said.index('<mark class="predicted">') < said.index("<table")


def test_many_labels_are_counted_where_not_all_have_a_bar(runs):
    many = pl.concat([rows("글").with_columns(pl.lit(str(number)).alias("gold")) for number in range(25)])
    assert "the 20 most frequent of 25" in section(runs, many)
    assert "most frequent of" not in section(runs, many.head(20))


def section(runs, found):
    told = gather([runs[0].folder]).runs[0]
    named = found.with_columns(pl.lit("a&b<i>.tsv:test").alias("data"))
    return answers._of_run(told, named, Pictures(), 0, lambda *_: None)


def test_an_answer_without_spans_is_carried_by_no_word(runs):
    told = gather([runs[0].folder]).runs[0]
    assert answers._carried(told, rows("좋은 영화", []), 1, lambda *_: None) == ""
