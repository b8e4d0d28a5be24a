"""`yeonma predict --explain`: the words beside each answer, and what it says to an unknown method."""

from __future__ import annotations

import json

import pytest

from builders import BAD, GOOD


@pytest.mark.parametrize("method", ["leave-one-out", "gradient"])
def test_predict_says_which_words_carried_the_answer(yeonma, method):
    text = f"그 영화 {GOOD[0]} 배우"
    (row,) = yeonma("predict", "run", text, "--explain", method, "--json").json["predictions"]
    assert row["text"] == text and row["label"] == "긍정"
    assert [word["word"] for word in row["words"]] == text.split()
    assert all(text[word["start"] : word["end"]] == word["word"] and word["text"] == 0 for word in row["words"])
    assert max(row["words"], key=lambda word: word["weight"])["word"] == GOOD[0]


def test_every_row_of_a_file_has_its_words(yeonma, place):
    assert yeonma("predict", "run", "-i", "test.tsv", "--explain", "leave-one-out", "-o", "said.jsonl").code == 0
    rows = [json.loads(line) for line in (place / "said.jsonl").read_text(encoding="utf-8").splitlines()]
    assert len(rows) == 40
    assert all([word["word"] for word in row["words"]] == row["text"].split() for row in rows)
    strongest = [max(row["words"], key=lambda word: word["weight"])["word"] for row in rows if len(row["words"]) > 1]
    assert sum(word in (*GOOD, *BAD) for word in strongest) > 0.8 * len(strongest)


def test_without_it_there_are_no_words(yeonma):
    assert "words" not in yeonma("predict", "run", "영화", "--json").json["predictions"][0]


@pytest.mark.parametrize("method", ["leave-one", ""])
def test_an_unknown_method_is_refused_before_anything_is_read(yeonma, method):
    refused = yeonma("predict", "no-such-run", "영화", "--explain", method)
    assert (refused.code, refused.out) == (2, "")
    assert "leave-one-out" in refused.err and "Traceback" not in refused.err
