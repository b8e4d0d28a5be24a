"""Shapes: columns are found by role, and examples get texts, gold and an id of their own."""

from __future__ import annotations

from pathlib import Path

import pytest

from yeonma.data.columns import cell_of, columns_of, names_in
from yeonma.data.examples import Item, examples
from yeonma.data.labels import Labels
from yeonma.data.lines import BadRow
from yeonma.data.shape import Manner
from yeonma.data.shapes import SHAPES, shape_of
from yeonma.errors import ConfigError, DataError
from yeonma.records import Example, Rejected

SINGLE, PAIR, CHOICE, QA, TAGGING = (SHAPES[task] for task in ("single", "pair", "choice", "qa", "tagging"))
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
        r"a\.tsv:1: no column has a usual name of text; came: 'documnt', 'label'.*text = \"documnt\"",
    ),
    (["a", "b"], {}, 'columns = {text = "a"}\\.'),
    (["text1", "text2", "label"], {}, 'data.columns = {text = "text1"}, or the task with --task pair\\.'),
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


def test_a_column_that_is_taken_is_not_proposed():
    with pytest.raises(DataError, match='columns = {text2 = "second"}'):
        columns_of(PAIR, ["text1", "second", "label"], {}, FILE)


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
    assert first == Item(1, Example("7", ("가",), "positive"))
    assert blank == Item(3, Example("train-3", (" ",), "negative"))
    assert bad == Rejected(str(path), 4, "the text must be text; came int '3'.", {"text": 3, "label": 0})


def test_ids_are_made_unique(write):
    path = write(
        "a.tsv", "id\ttext\tlabel\n" + "".join(f"{own}\ta\tb\n" for own in ["x", "x-2", "x", "x", "", "test-6"])
    )
    ids = [item.example.id for item in examples(path, "test", SINGLE, Labels(), {})]
    assert ids == ["x", "x-2", "x-3", "x-4", "test-6", "test-6-2"]


def test_an_unnamed_index_column_is_no_id(write):
    path = write("a.csv", ",text,label\n0,가,b\n")
    assert [item.example.id for item in examples(path, "test", SINGLE, Labels(), {})] == ["test-2"]


def test_many_equal_ids_do_not_take_forever(write):
    path = write("a.tsv", "id\ttext\tlabel\n" + "same\ta\tb\n" * 20_000)
    assert len({item.example.id for item in examples(path, "test", SINGLE, Labels(), {})}) == 20_000


PAIR_COLUMNS = [
    (["sentence1", "sentence2", "label", "idx"], ("sentence1", "sentence2", "label")),
    (["guid", "source", "premise", "hypothesis", "gold_label"], ("premise", "hypothesis", "gold_label")),
    (["question1", "question2", "is_duplicate"], ("question1", "question2", "is_duplicate")),
    (["question", "sentence", "label"], ("question", "sentence", "label")),
    (["paragraph", "question", "label"], ("question", "paragraph", "label")),
    (["genre", "id", "score", "sentence1", "sentence2"], ("sentence1", "sentence2", "score")),
    (["sentence_A", "sentence_B", "label"], ("sentence_A", "sentence_B", "label")),
]


@pytest.mark.parametrize(("came", "found"), PAIR_COLUMNS)
def test_columns_of_pairs_are_found(came, found):
    columns = columns_of(PAIR, came, {}, FILE)
    assert tuple(columns[role] for role in ("text1", "text2", "label")) == found


OTHER_COLUMNS = [
    (QA, ["id", "title", "context", "question", "answers"], {"question", "context", "answers", "id"}),
    (QA, ["question", "context", "answer", "answer_start"], {"question", "context", "answers", "start"}),
    (TAGGING, ["guid", "sentence", "tokens", "ner_tags"], {"tokens", "tags", "id"}),
    (TAGGING, ["id", "text", "spans"], {"text", "spans", "id"}),
]


@pytest.mark.parametrize(("shape", "came", "roles"), OTHER_COLUMNS)
def test_columns_of_other_shapes_are_found(shape, came, roles):
    assert set(columns_of(shape, came, {}, FILE)) == roles


def test_a_set_of_roles_may_be_chosen_where_there_are_two():
    came = ["text", "spans", "tokens", "ner_tags"]
    assert set(columns_of(TAGGING, came, {}, FILE)) == {"tokens", "tags"}
    assert set(columns_of(TAGGING, came, {"text": "text"}, FILE)) == {"text", "spans"}


SEVERAL = [
    ["ending0", "ending1", "ending2"],
    ["ending_1", "ending_2", "ending_10"],
    ["choice_a", "choice_b", "choice_c"],
    ["Alternative 1", "Alternative 2"],
]


@pytest.mark.parametrize("endings", SEVERAL)
def test_endings_in_several_columns_are_found_in_their_order(endings):
    assert columns_of(CHOICE, ["premise", *reversed(endings), "label"], {}, FILE)["endings"] == tuple(endings)


def test_endings_by_the_name_of_a_column_or_by_how_theirs_begin():
    came = ["premise", "answer_1", "answer_2", "wrong", "label"]
    assert columns_of(CHOICE, came, {"endings": "answer"}, FILE)["endings"] == ("answer_1", "answer_2")
    assert columns_of(CHOICE, ["premise", "list", "label"], {"endings": "list"}, FILE)["endings"] == "list"
    with pytest.raises(DataError, match=r"there is no column 'answers' \(columns\.endings\)"):
        columns_of(CHOICE, came, {"endings": "answers"}, FILE)
    with pytest.raises(DataError, match="no column has a usual name of endings"):
        columns_of(CHOICE, ["premise", "ending_1", "label"], {}, FILE)


def test_a_column_is_one_role_only():
    assert columns_of(CHOICE, ["question", "choices", "label"], {}, FILE)["premise"] == "question"
    assert "question" not in columns_of(CHOICE, ["question", "choices", "label"], {}, FILE)


def test_parts_of_columns():
    values = {"a.b": 1, "labels": {"label": 3.7, "deep": {"er": 2}}, "x": [1, 2]}
    assert names_in(values) == ["a.b", "labels", "x", "labels.label", "labels.deep", "labels.deep.er"]
    assert [cell_of(values, name) for name in names_in(values)[3:]] == [3.7, {"er": 2}, 2]
    assert cell_of(values, "a.b") == 1
    assert cell_of(values, "labels.none") is cell_of(values, "x.y") is cell_of(values, "none") is None
    assert cell_of(values, ("x", "a.b")) == [[1, 2], 1]
    came = names_in(values | {"sentence1": "", "sentence2": ""})
    assert columns_of(PAIR, came, {"label": "labels.label"}, FILE)["label"] == "labels.label"
    with pytest.raises(DataError, match=r"no column 'labels\.lable'.*Did you mean 'labels\.label'"):
        columns_of(PAIR, came, {"label": "labels.lable"}, FILE)


@pytest.mark.parametrize(("shape", "texts"), [(SINGLE, {"text": "가"}), (PAIR, {"text1": "가", "text2": "나"})])
def test_numbers_within_a_scale(shape, texts):
    def gold(cell, required=True):
        return shape.read(texts | {"label": cell}, Labels(required=required), Manner(scale=(0.0, 5.0))).gold

    assert [gold(cell) for cell in (0, 5, "3.5", 2.25, " 1 ")] == [0.0, 5.0, 3.5, 2.25, 1.0]
    assert all(type(gold(cell)) is float for cell in (0, "3"))
    assert gold(-1, required=False) is gold(None, required=False) is gold("", required=False) is None


NO_NUMBERS = [
    (5.5, r"the label must be a number from 0 to 5; came 5\.5\."),
    ("-0.5", r"from 0 to 5; came -0\.5"),
    ("좋음", r"from 0 to 5; came str '좋음'"),
    (True, "came bool 'True'"),
    (float("inf"), "came inf"),
    (-1, r"the label is withheld \(-1\)"),
    (None, "the label is missing"),
    (float("nan"), "the label is missing"),
    ({"label": 3}, r"came dict .* Name a part of it with a dot: label = 'COLUMN\.label'"),
]


@pytest.mark.parametrize(("cell", "message"), NO_NUMBERS)
def test_labels_that_are_no_numbers_of_the_scale(cell, message):
    with pytest.raises(BadRow, match=message):
        PAIR.read({"text1": "가", "text2": "나", "label": cell}, Labels(), Manner(scale=(0.0, 5.0)))


def test_minus_one_is_a_number_of_a_scale_that_holds_it():
    assert SINGLE.read({"text": "가", "label": "-1"}, Labels(), Manner(scale=(-1.0, 1.0))).gold == -1.0


def test_pairs_keep_both_texts_as_they_are():
    read = PAIR.read({"text1": " 가", "text2": "", "label": 1}, Labels({"1": "same"}), Manner())
    assert (read.texts, read.gold, read.stray) == ((" 가", ""), "same", 0)
    with pytest.raises(BadRow, match="the text2 is missing"):
        PAIR.read({"text1": "가", "text2": None, "label": 1}, Labels(), Manner())
