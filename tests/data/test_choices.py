"""Rows of choice: endings in a list or in columns, and a label whose first number is never guessed."""

from __future__ import annotations

import pytest

from yeonma.data import load, load_split
from yeonma.data.labels import Labels
from yeonma.data.lines import BadRow
from yeonma.data.shape import Manner
from yeonma.data.shapes import SHAPES
from yeonma.errors import ConfigError, DataError

CHOICE = SHAPES["choice"]
COPA = Manner(first=0, wording={"원인": "왜냐하면", "결과": "그래서"})


def read(manner=None, required=True, **cells):
    cells = {"premise": "비가 왔다.", "endings": ["길이 젖었다.", "길이 말랐다."], "label": 1} | cells
    return CHOICE.read(cells, Labels(required=required), manner or Manner())


@pytest.mark.parametrize(("label", "first", "gold"), [(1, 1, "1"), ("2", 1, "2"), (0, 0, "1"), (1.0, 0, "2")])
def test_the_label_is_the_number_of_the_right_ending(label, first, gold):
    assert read(Manner(first=first), label=label)[:2] == (("비가 왔다.", "길이 젖었다.", "길이 말랐다."), gold)


def test_endings_behind_the_last_are_left_out():
    assert read(endings=["가", "나", None, ""]).texts == ("비가 왔다.", "가", "나")
    assert read(endings=["가", " ", "나"]).texts == ("비가 왔다.", "가", " ", "나")


def test_a_question_stands_behind_the_premise():
    assert read(COPA, question="원인 ").texts[0] == "비가 왔다. 왜냐하면"
    assert read(question="What then?").texts[0] == "비가 왔다. What then?"
    with pytest.raises(BadRow, match=r"the question '이유' is not a known one\. Known: 결과, 원인"):
        read(COPA, question="이유")


def test_an_opening_stands_before_every_ending():
    assert read(opening="그 뒤").texts == ("비가 왔다.", "그 뒤 길이 젖었다.", "그 뒤 길이 말랐다.")


BAD = [
    ({"label": 3}, "the label must be the number of the right ending, 1 to 2; came 3"),
    ({"label": "A"}, "1 to 2; came str 'A'"),
    ({"label": True}, "came bool 'True'"),
    ({"label": None}, "the label is missing"),
    ({"label": -1}, "the label is withheld"),
    ({"endings": ["가"]}, "there must be at least 2 endings; came 1"),
    ({"endings": ["가", None, "나"]}, "ending 2 of 3 must be text; it is missing"),
    ({"endings": ["가", 5]}, "ending 2 of 2 must be text; came int '5'"),
    ({"endings": "가"}, "the endings must be a list; came str '가'"),
    ({"premise": None}, "the premise is missing"),
    ({"opening": None}, "the opening is missing"),
]


@pytest.mark.parametrize(("cells", "message"), BAD)
def test_rows_that_are_no_choices(cells, message):
    with pytest.raises(BadRow, match=message):
        read(**cells)


@pytest.mark.parametrize("label", [-1, None, ""])
def test_a_label_that_need_not_be_there(label):
    assert read(label=label, required=False).gold is None


def test_a_file_that_counts_from_elsewhere_is_no_bad_row(write):
    """Skipping the rows that show it would keep the others, every one of them with the wrong label."""
    table = "premise\tending_1\tending_2\tlabel\n가\t나\t다\t1\n가\t나\t다\t0\n"
    path = write("a.tsv", table)
    with pytest.raises(DataError, match=r"a\.tsv:3: .* 1 to 2; came 0\. If .* counts them from 0, say data.first = 0"):
        load(train=path, task="choice", on_bad_row="skip")
    assert [e.gold for e in load_split(path, task="choice", first=0)] == ["2", "1"]
    other = write("b.tsv", table.replace("\t0\n", "\t2\n"))
    with pytest.raises(DataError, match=r"b\.tsv:3: .* 0 to 1; came 2\. If .* counts them from 1, say data.first = 1"):
        load_split(other, task="choice", first=0)


def test_a_data_set_of_choices_has_no_labels(write):
    rows = "".join(f'{{"context": "가{i}", "endings": ["나", "다", "라"], "label": {i % 3 + 1}}}\n' for i in range(30))
    data = load(train=write("a.jsonl", rows), task="choice")
    assert (data.labels, data.metric, len(data.splits["valid"])) == ((), "accuracy", 3)
    assert {e.gold for e in data.splits["train"]} == {"1", "2", "3"}
    with pytest.raises(ConfigError, match="labels must be left out: the task 'choice' has none"):
        load(train=write("a.jsonl", rows), task="choice", labels=["1", "2"])
    with pytest.raises(ConfigError, match="first must be 0 or 1"):
        load(train=write("a.jsonl", rows), task="choice", first=2)


@pytest.fixture
def mine(tmp_path, monkeypatch):
    monkeypatch.setenv("YEONMA_DATA", str(tmp_path))


def test_swag_as_its_owner_publishes_it(mine, write):
    head = ",video-id,fold-ind,startphrase,sent1,sent2,gold-source,ending0,ending1,ending2,ending3,label\n"
    row = "0,v_1,17,A man sits. He,A man sits.,He,gold,stands up.,flies.,is a fish.,sings.,2\n"
    write("swag/validation.csv", head + row)
    (example,) = load_split("swag", task="choice")
    assert example.texts == ("A man sits.", "He stands up.", "He flies.", "He is a fish.", "He sings.")
    assert example.gold == "3"


def test_hellaswag_as_its_owner_publishes_it(mine, write):
    row = '{"ind": 4, "activity_label": "x", "ctx_a": "A", "ctx_b": "b", "ctx": "A man. He", "endings": ["a.", "b."], '
    write("hellaswag/validation.jsonl", row + '"label": 0, "source_id": "s"}\n')
    (example,) = load_split("hellaswag", task="choice")
    assert (example.texts, example.gold) == (("A man. He", "a.", "b."), "1")


def test_copa_as_the_hub_has_it(mine, write):
    endings = '"alternative_1": "젖었다.", "alternative_2": "말랐다.", "label": 0}'
    write("kobest/copa/test.jsonl", '{"premise": "비가 왔다.", "question": "결과", ' + endings)
    (example,) = load_split("kobest-copa", task="choice")
    assert (example.texts, example.gold) == (("비가 왔다. 그래서", "젖었다.", "말랐다."), "1")
