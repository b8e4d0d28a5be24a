"""Shapes: columns are found by role, and examples get texts, gold and an id of their own."""

from __future__ import annotations

from pathlib import Path

import pytest

from yeonma.data.examples import examples
from yeonma.data.labels import Labels
from yeonma.data.shapes import SHAPES, columns_of, shape_of
from yeonma.errors import ConfigError, DataError
from yeonma.records import Example, Rejected

SINGLE = SHAPES["single"]
FILE = Path("a.tsv")

FOUND = [
    (["id", "document", "label"], {}, {"id": "id", "text": "document", "label": "label"}),
    (["guid", "title", "label", "url", "date"], {}, {"id": "guid", "text": "title", "label": "label"}),
    (["sentence", "label", "idx"], {}, {"id": "idx", "text": "sentence", "label": "label"}),
    (["Text", " LABEL "], {}, {"text": "Text", "label": " LABEL "}),
    (["리뷰", "라벨"], {}, {"text": "리뷰", "label": "라벨"}),
    (["title", "text", "label"], {}, {"text": "text", "label": "label"}),
    (["title", "text", "stars"], {"text": "title", "label": "stars"}, {"text": "title", "label": "stars"}),
    (["text", "label", "movie"], {"id": "movie"}, {"id": "movie", "text": "text", "label": "label"}),
]


@pytest.mark.parametrize(("came", "given", "found"), FOUND)
def test_columns_are_found(came, given, found):
    assert columns_of(SINGLE, came, given, FILE) == found


WRONG = [
    (
        ["documnt", "label"],
        {},
        r"a\.tsv:1: no column is called like a text; came: 'documnt', 'label'.*text = \"documnt\"",
    ),
    (["a", "b"], {}, 'columns = {text = "a"}'),
    (
        ["document", "label"],
        {"text": "documents"},
        r"no column 'documents' \(columns\.text\)\. Did you mean 'document'\?",
    ),
    (["text", "label"], {"id": "ids"}, r"there is no column 'ids' \(columns\.id\)"),
]


@pytest.mark.parametrize(("came", "given", "message"), WRONG)
def test_columns_that_are_not_there(came, given, message):
    with pytest.raises(DataError, match=message):
        columns_of(SINGLE, came, given, FILE)


def test_roles_and_tasks_that_do_not_exist():
    with pytest.raises(ConfigError, match=r"no role 'txt'\. Did you mean 'text'\? Known: id, label, text"):
        columns_of(SINGLE, ["text", "label"], {"txt": "text"}, FILE)
    with pytest.raises(ConfigError, match=r"no task 'singel'.*Did you mean 'single'"):
        shape_of("singel")


@pytest.mark.parametrize("given", [{}, {"label": "label"}])
def test_the_label_column_may_be_absent_where_none_is_needed(given):
    assert columns_of(SINGLE, ["text"], given, FILE, gold_needed=False) == {"text": "text"}
    with pytest.raises(DataError, match="label"):
        columns_of(SINGLE, ["text"], given, FILE)


def test_examples_carry_lines_texts_gold_and_ids(write):
    path = write(
        "a.jsonl", '{"text": "가", "label": 1, "id": 7}\n\n{"text": " ", "label": 0}\n{"text": 3, "label": 0}\n'
    )
    first, blank, bad = examples(path, "train", SINGLE, Labels({"0": "negative", "1": "positive"}), {})
    assert first == (1, Example("7", ("가",), "positive"))
    assert blank == (3, Example("train-3", (" ",), "negative"))
    assert bad == Rejected(str(path), 4, "the text must be text; came int '3'.", {"text": 3, "label": 0})


def test_ids_are_made_unique(write):
    path = write(
        "a.tsv", "id\ttext\tlabel\n" + "".join(f"{own}\ta\tb\n" for own in ["x", "x-2", "x", "x", "", "test-6"])
    )
    ids = [item[1].id for item in examples(path, "test", SINGLE, Labels(), {})]
    assert ids == ["x", "x-2", "x-3", "x-4", "test-6", "test-6-2"]


def test_an_unnamed_index_column_is_no_id(write):
    path = write("a.csv", ",text,label\n0,가,b\n")
    assert [item[1].id for item in examples(path, "test", SINGLE, Labels(), {})] == ["test-2"]


def test_many_equal_ids_do_not_take_forever(write):
    path = write("a.tsv", "id\ttext\tlabel\n" + "same\ta\tb\n" * 20_000)
    assert len({item[1].id for item in examples(path, "test", SINGLE, Labels(), {})}) == 20_000
