"""Rows of question answering: an answer is what stands at its place, and a wrong place is told the right one."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yeonma.data import load, load_split
from yeonma.data.labels import Labels
from yeonma.data.lines import BadRow
from yeonma.data.shape import Manner
from yeonma.data.shapes import SHAPES
from yeonma.errors import DataError
from yeonma.records import Span

QA = SHAPES["qa"]
CONTEXT = "세종은 1397년에 태어났다. 세종은 한글을 만들었다."


def read(answers, required=True, **cells):
    cells = {"question": "누가 만들었나?", "context": CONTEXT, "answers": answers} | cells
    return QA.read(cells, Labels(required=required), Manner())


WRITTEN = [
    ({"text": ["세종", "세종은"], "answer_start": [17, 17]}, {}),
    ([{"text": "세종", "answer_start": 17}, {"text": "세종은", "answer_start": 17}], {}),
]


@pytest.mark.parametrize(("answers", "cells"), WRITTEN)
def test_answers_in_every_form(answers, cells):
    result = read(answers, **cells)
    assert result.texts == ("누가 만들었나?", CONTEXT)
    assert result.gold == (Span(17, 19, "", 1), Span(17, 20, "", 1))


def test_an_answer_in_flat_columns():
    assert read("세종", start="0").gold == (Span(0, 2, "", 1),)


def test_blanks_around_an_answer_are_kept():
    (span,) = read([{"text": " 1397년", "answer_start": 3}]).gold
    assert CONTEXT[span.start : span.end] == " 1397년"


@given(st.text("가나 다", min_size=1), st.data())
def test_whatever_stands_there_is_an_answer(context, data):
    start = data.draw(st.integers(0, len(context) - 1))
    end = data.draw(st.integers(start + 1, len(context)))
    (span,) = read([{"text": context[start:end], "answer_start": start}], context=context).gold
    assert context[span.start : span.end] == context[start:end]


BAD = [
    ([{"text": "세종", "answer_start": 16}], r"'세종' must stand in the context at 16; there stands ' 세'\. .* at 17"),
    ([{"text": "세종", "answer_start": 4}], "The nearest stands at 0"),
    ([{"text": "세종", "answer_start": 900}], "there stands ''. The nearest stands at 17"),
    ([{"text": "세종", "answer_start": -2}], "The nearest stands at 0"),
    ([{"text": "영조", "answer_start": 0}], "It stands nowhere"),
    ([{"text": "", "answer_start": 0}], "an answer must be text that is not empty; came str ''"),
    ([{"text": "세종"}], "the answer_start of '세종' must be a whole number; came 'None'"),
    (["세종"], "an answer must have a text and an answer_start; came str"),
    ({"text": ["세종"], "answer_start": []}, "answers must have an answer_start for every text"),
    ("세종", r"answers must be .* a text beside a column answer_start; came str '세종'"),
    ([], "the question has no answer in its context. Leave such rows out with data.on_bad_row"),
    (None, "the question has no answer"),
]


@pytest.mark.parametrize(("answers", "message"), BAD)
def test_answers_that_are_none(answers, message):
    with pytest.raises(BadRow, match=message):
        read(answers)


def test_questions_without_an_answer():
    plausible = {"text": ["세종"], "answer_start": [0]}
    with pytest.raises(BadRow, match="the question has no answer"):
        read(plausible, impossible=True)
    assert read(plausible, impossible=False).gold == (Span(0, 2, "", 1),)
    assert read([], required=False).gold is None


def document(ids=("a", "b"), **more):
    qas = [{"id": i, "question": "누가?", "answers": [{"text": "세종", "answer_start": 17}], **more} for i in ids]
    return {"version": "1", "data": [{"title": "세종", "paragraphs": [{"context": CONTEXT, "qas": qas}]}]}


def test_squad_and_korquad_as_their_owners_publish_them(tmp_path, monkeypatch, write):
    monkeypatch.setenv("YEONMA_DATA", str(tmp_path))
    for name, ids in [("squad", ("s1", "s2")), ("korquad", ("6548850-0-0", "6548850-0-1"))]:
        write(f"{name}/train.json", json.dumps(document(ids)))
        write(f"{name}/dev.json", json.dumps(document(ids), ensure_ascii=False, indent=1))
        found = load_split(name, task="qa")
        assert [e.id for e in found] == list(ids)
        assert found[0].texts == ("누가?", CONTEXT)
        assert found[0].gold == (Span(17, 19, "", 1),)


def test_klue_mrc_as_its_owner_publishes_it(tmp_path, monkeypatch, write):
    monkeypatch.setenv("YEONMA_DATA", str(tmp_path))
    content = document(("x",), guid="klue-mrc-1", is_impossible=False, question_type=1)
    del content["data"][0]["paragraphs"][0]["qas"][0]["id"]
    none = {"guid": "klue-mrc-2", "question": "왜?", "is_impossible": True, "answers": []}
    none["plausible_answers"] = [{"text": "한글", "answer_start": 21}]
    content["data"] += [{"title": "둘", "news_category": None, "paragraphs": [{"context": CONTEXT, "qas": [none]}]}] * 2
    content["data"] += [{**document((f"{n}",))["data"][0], "title": f"{n}"} for n in range(9)]
    path = write("klue-mrc/train.json", json.dumps(content))
    write("klue-mrc/validation.json", json.dumps(content))
    with pytest.raises(DataError, match=r"train\.json:2: the question has no answer in its context"):
        load("klue-mrc", task="qa")
    data = load("klue-mrc", task="qa", on_bad_row="skip")
    assert (len(data.rejected), data.rejected[0].file) == (4, str(path))
    assert {split: len(rows) for split, rows in data.splits.items()} == {"train": 9, "valid": 1, "test": 10}


def test_a_lone_split_is_cut_by_title(tmp_path, monkeypatch, write):
    monkeypatch.setenv("YEONMA_DATA", str(tmp_path))
    articles = [{**document([f"{n}-{i}" for i in range(5)])["data"][0], "title": f"글 {n}"} for n in range(40)]
    path = write("korquad/validation.json", json.dumps({"data": articles}))
    data = load("korquad", task="qa")
    assert {split: len(rows) for split, rows in data.splits.items()} == {"train": 160, "valid": 20, "test": 20}
    titles = {split: {e.id.split("-")[0] for e in rows} for split, rows in data.splits.items()}
    assert not (titles["train"] & titles["valid"] or titles["train"] & titles["test"])
    assert not titles["valid"] & titles["test"]
    how = "cut off by title, as no training split is on this machine"
    file = f"{path} (UTF-8): 200 rows"
    assert data.sources["test"] == f"20 rows {how} (0.1 of {file})"
    assert data.sources["train"].startswith(f"{file}, less 20 {how}: 180 rows, less 20 split off by title with seed 42")
    for split in ("train", "valid", "test"):
        assert load_split("korquad", split, task="qa") == data.splits[split]
    assert load("korquad", task="qa", seed=1).splits["test"] == data.splits["test"]
    assert load("korquad", task="qa", seed=1).splits["valid"] != data.splits["valid"]
    assert list(load("korquad", task="qa", splits=("train", "valid")).splits) == ["train", "valid"]
    assert len(load("korquad", task="qa", limit=50).splits["train"]) == 45


def test_other_data_sets_are_not_cut_and_their_scored_split_is_whole(tmp_path, monkeypatch, write):
    monkeypatch.setenv("YEONMA_DATA", str(tmp_path))
    write("squad/dev.json", json.dumps(document(map(str, range(40)))))
    assert len(load_split("squad", task="qa")) == 40
    with pytest.raises(DataError, match=r"The train split of squad is not on .* Run: yeonma data fetch squad"):
        load("squad", task="qa")


def test_no_split_at_all_says_how_to_get_one():
    with pytest.raises(DataError, match=r"The train split of korquad is not on .* Run: yeonma data fetch korquad"):
        load("korquad", task="qa")


def test_a_group_of_ones_own(write):
    rows = "".join(
        json.dumps({"question": "?", "context": "가나", "answer": "나", "answer_start": 1, "page": n // 4}) + "\n"
        for n in range(40)
    )
    data = load(train=write("a.jsonl", rows), task="qa", group="page")
    assert int(data.splits["valid"][0].id.split("-")[1]) % 4 == 1
    assert len(data.splits["valid"]) == 4
    with pytest.raises(DataError, match=r"there is no column 'pages' to group by\. Did you mean 'page'"):
        load(train=write("a.jsonl", rows), task="qa", group="pages")
