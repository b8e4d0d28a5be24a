"""Loading: named data sets and files become splits whose rows add up."""

from __future__ import annotations

import json
import sys
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from yeonma.data import entry, load, load_split, read_texts
from yeonma.errors import ConfigError, DataError
from yeonma.records import Example

GOOD = "id\tdocument\tlabel\n" + "".join(f"r{i}\t리뷰 {i}\t{i % 2}\n" for i in range(40))


@pytest.fixture
def nsmc(tmp_path, monkeypatch, write):
    """A data set called nsmc in a folder of the user's own."""
    monkeypatch.setenv("YEONMA_DATA", str(tmp_path / "mine"))
    write("mine/nsmc/train.tsv", GOOD)
    return write("mine/nsmc/test.tsv", "id\tdocument\tlabel\na\t좋다\t1\nb\t\t0\n")


def test_a_named_data_set(nsmc):
    data = load("nsmc", valid_fraction=0.25)
    assert data.labels == ("negative", "positive")
    assert (data.name, data.metric) == ("nsmc", "accuracy")
    assert list(data.splits) == ["train", "valid", "test"]
    assert data.splits["test"] == (Example("a", ("좋다",), "positive"), Example("b", ("",), "negative"))
    assert Counter(e.gold for e in data.splits["valid"]) == {"negative": 5, "positive": 5}
    assert data.rejected == ()


def test_sources_say_where_splits_came_from(nsmc):
    sources = load("nsmc", valid_fraction=0.25).sources
    file = f"{nsmc.with_name('train.tsv')} (UTF-8): 40 rows"
    assert sources["train"] == f"{file}, less 10 split off by label with seed 42 as valid: 30 rows"
    assert sources["valid"] == f"10 rows split off by label with seed 42 from train (0.25 of {file})"
    assert sources["test"] == f"{nsmc} (UTF-8): 2 rows"


def test_where_the_validation_split_is_scored_it_is_the_test(tmp_path, monkeypatch, write):
    monkeypatch.setenv("YEONMA_DATA", str(tmp_path))
    write(
        "klue-ynat/train.jsonl", "".join(f'{{"guid": "t{i}", "title": "제목", "label": {i % 7}}}\n' for i in range(70))
    )
    write("klue-ynat/dev.jsonl", '{"guid": "v", "title": "새 제목", "label": 5, "url": ""}\n')
    data = load("klue-ynat")
    assert data.splits["test"] == (Example("v", ("새 제목",), "스포츠"),)
    assert {split: len(rows) for split, rows in data.splits.items()} == {"train": 63, "valid": 7, "test": 1}
    assert data.labels == ("IT과학", "경제", "사회", "생활문화", "세계", "스포츠", "정치")
    assert data.metric == "macro_f1"


def test_the_bundled_sample():
    data = load("sample-single")
    assert {split: len(rows) for split, rows in data.splits.items()} == {"train": 480, "valid": 120, "test": 120}
    assert data.labels == ("부정", "긍정")
    assert not {e.texts for e in data.splits["train"]} & {e.texts for e in data.splits["test"]}


def test_files_and_their_labels(write):
    train, valid = (
        write("a.csv", "text,label\n가,좋음\n나,나쁨\n다,좋음\n"),
        write("b.jsonl", '{"text": "라", "label": "나쁨"}\n'),
    )
    data = load(train=train, valid=valid)
    assert data.labels == ("나쁨", "좋음")
    assert (data.name, data.metric) == ("a.csv", "accuracy")
    assert data.splits["valid"] == (Example("valid-1", ("라",), "나쁨"),)
    assert list(data.splits) == ["train", "valid"]


def test_labels_that_train_does_not_have_are_bad_rows(write):
    train, test = write("a.tsv", "text\tlabel\n" + "가\tx\n나\ty\n" * 5), write("b.tsv", "text\tlabel\n가\ty\n다\tz\n")
    with pytest.raises(DataError, match=r"b\.tsv:3: label 'z' is not a known one\. Known: x, y\."):
        load(train=train, test=test, valid_fraction=0.4)
    data = load(train=train, test=test, valid_fraction=0.4, on_bad_row="skip")
    assert [(bad.line, bad.row) for bad in data.rejected] == [(3, {"text": "다", "label": "z"})]


def test_given_labels_have_their_order_and_are_all_there_are(write):
    train = write("a.tsv", "text\tlabel\n" + "가\t1\n나\t0\n" * 5)
    assert load(train=train, labels={"1": "good", "0": "bad"}, valid_fraction=0.4).labels == ("good", "bad")
    assert load(train=train, labels=["1", "0"], valid_fraction=0.4).labels == ("1", "0")
    with pytest.raises(DataError, match=r"a\.tsv:3: label '0' is not a known one"):
        load(train=train, labels=["1"])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30, deadline=None)
@given(st.lists(st.sampled_from(["가\tx", "나\ty", " \tx", "다\t", "라", "마\tx\ty", "\0\tx"]), max_size=30))
def test_skipped_rows_and_examples_add_up(write, lines):
    train = write("a.tsv", "text\tlabel\n" + "".join(line + "\n" for line in ["가\tx"] * 4 + lines))
    data = load(train=train, valid_fraction=0.5, on_bad_row="skip")
    assert sum(map(len, data.splits.values())) + len(data.rejected) == 4 + len(lines)
    assert all(bad.reason and bad.file == str(train) for bad in data.rejected)


def test_a_blank_text_is_no_bad_row_and_a_missing_label_is(write):
    train = write("a.tsv", "text\tlabel\n" + "\tx\n \ty\n" * 4 + "가\t\n")
    with pytest.raises(DataError, match=r"a\.tsv:10: the label is missing"):
        load(train=train)
    data = load(train=train, valid_fraction=0.5, on_bad_row="skip")
    assert sum(map(len, data.splits.values())) == 8


def test_no_row_left(write):
    with pytest.raises(DataError, match=r"a\.tsv:2: no row can be used; the first: the label is missing"):
        load(train=write("a.tsv", "text\tlabel\n가\t\n"), on_bad_row="skip")


def test_limit_reads_the_first_rows_of_train(nsmc):
    data = load("nsmc", limit=10, valid_fraction=0.2)
    assert {split: len(rows) for split, rows in data.splits.items()} == {"train": 8, "valid": 2, "test": 2}
    assert "the first 10 rows" in data.sources["train"]
    assert {e.id for split in ("train", "valid") for e in data.splits[split]} == {f"r{i}" for i in range(10)}


def test_seeds_choose_the_validation_rows(nsmc):
    assert load("nsmc").splits == load("nsmc").splits
    assert load("nsmc", seed=1).splits["valid"] != load("nsmc", seed=2).splits["valid"]


def test_columns_may_be_named(write):
    train = write("a.csv", "no,memo,stars,text\n1,가,5,x\n2,나,1,y\n3,다,5,x\n4,라,1,y\n")
    data = load(train=train, columns={"text": "memo", "label": "stars", "id": "no"}, valid_fraction=0.5)
    assert sorted(e.texts[0] for split in data.splits.values() for e in split) == ["가", "나", "다", "라"]
    assert data.labels == ("1", "5")


def test_cp949_is_read_and_said(write):
    train = write(
        "a.csv", "text,label\r\n정말 재미있다,긍정\r\n지루하다,부정\r\n좋다,긍정\r\n싫다,부정\r\n".encode("cp949")
    )
    data = load(train=train, valid_fraction=0.5)
    assert "(CP949): 4 rows" in data.sources["train"]
    assert data.labels == ("긍정", "부정")


WRONG = [
    ({}, ConfigError, "data must have a name or files"),
    ({"name": "nsmc", "train": "a.tsv"}, ConfigError, "and not both"),
    ({"test": "a.tsv"}, ConfigError, "data must have training rows"),
    ({"name": "nmsc"}, DataError, "Did you mean 'nsmc'"),
    ({"name": "nsmc", "task": "singles"}, ConfigError, "Did you mean 'single'"),
    ({"name": "nsmc", "on_bad_row": "skipp"}, ConfigError, "Did you mean 'skip'"),
    ({"name": "nsmc", "columns": {"txt": "document"}}, ConfigError, "Did you mean 'text'"),
    ({"name": "nsmc", "columns": {"text": "documents"}}, DataError, "Did you mean 'document'"),
    ({"name": "nsmc", "valid_fraction": 1.5}, ConfigError, "valid_fraction must lie between 0 and 1"),
    ({"name": "nsmc", "limit": 0}, ConfigError, "limit must be at least 1"),
    ({"name": "nsmc", "seed": -1}, ConfigError, "seed must not be negative"),
    ({"name": "nsmc", "scale": (5, 0)}, ConfigError, "scale must be the lowest and the highest number"),
    (
        {"name": "nsmc", "scale": (0, 5), "labels": ["a"]},
        ConfigError,
        "labels must be left out: the labels are numbers",
    ),
    ({"train": "a.tsv", "task": "qa", "scale": (0, 5)}, ConfigError, "scale is for labels that are numbers"),
    ({"name": "klue-ynat"}, DataError, "Run: yeonma data fetch klue-ynat"),
]


@pytest.mark.parametrize(("arguments", "error", "message"), WRONG)
def test_wrong_arguments(nsmc, arguments, error, message):
    with pytest.raises(error, match=message):
        load(**arguments)


def test_a_data_set_of_another_task(monkeypatch):
    other = replace(entry("nsmc"), task="pair")
    monkeypatch.setattr(sys.modules["yeonma.data.catalog"], "_entries", lambda: {"nsmc": other})
    with pytest.raises(ConfigError, match=r"nsmc has rows of the task 'pair'; came 'single'\. Set task = 'pair'"):
        load("nsmc")


@pytest.mark.parametrize("split", ["train", "valid", "test"])
def test_one_split_of_a_named_data_set_is_as_load_gives_it(nsmc, split):
    assert load_split("nsmc", split, seed=7) == load("nsmc", seed=7).splits[split]
    assert load_split("sample-single", split) == load("sample-single").splits[split]


def test_a_models_labels_find_their_cells_in_a_named_data_set(nsmc):
    assert [e.gold for e in load_split("nsmc", labels=("positive", "negative"))] == ["positive", "negative"]
    with pytest.raises(DataError, match=r"'1' is not a known one\. Known: IT, sports"):
        load_split("nsmc", labels=("sports", "IT"))


@pytest.mark.parametrize("split", ["train", "valid", "test"])
def test_a_file_is_one_split_whole(write, split):
    path = write("a.tsv", GOOD)
    assert len(load_split(path, split)) == 40
    assert load_split(str(path), split, labels={"0": "no", "1": "yes"})[1].gold == "yes"


def test_rows_without_labels_where_none_are_needed(write):
    texts = write("a.csv", "text\n가\n나\n")
    assert load_split(texts, labelled=False) == (Example("test-2", ("가",), None), Example("test-3", ("나",), None))
    with pytest.raises(DataError, match="no column has a usual name of label"):
        load_split(texts)


LABELLED = {
    "single": ({"text": "가", "label": {"a": 1}}, ("가",)),
    "pair": ({"text1": "가", "text2": "나", "label": [1]}, ("가", "나")),
    "choice": ({"premise": "가", "endings": ["나", "다"], "label": 7}, ("가", "나", "다")),
    "qa": ({"question": "가", "context": "나", "answers": {"text": ["다"], "answer_start": [99]}}, ("가", "나")),
    "tagging": ({"tokens": ["가", "나"], "tags": [88]}, ("가 나",)),
}


@pytest.mark.parametrize("task", LABELLED)
def test_nobody_looks_at_the_labels_where_none_are_needed(write, task):
    row, texts = LABELLED[task]
    path = write("a.jsonl", json.dumps(row))
    assert load_split(path, task=task, labelled=False) == (Example("test-1", texts, None),)
    with pytest.raises(DataError):
        load_split(path, task=task)


def test_load_split_tells_names_from_files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match=r"no data set called 'nmsc'\. Did you mean 'nsmc'\?"):
        load_split("nmsc")
    with pytest.raises(DataError, match=r"nsmc\.tsv: there is no such file"):
        load_split("nsmc.tsv")
    with pytest.raises(ConfigError, match=r"no split 'dev'\. Known: test, train, valid"):
        load_split("nsmc", "dev")


def test_texts_alone(write):
    path = write("a.csv", 'score,문장,memo\n0.5,"가, 나",x\n,,y\n')
    assert list(read_texts(path)) == ["가, 나", ""]
    assert list(read_texts(path, "memo")) == ["x", "y"]
    with pytest.raises(DataError, match=r"a\.csv:2: there is no column 'memos'\. Did you mean 'memo'\?"):
        list(read_texts(path, "memos"))
    with pytest.raises(DataError, match=r"a\.jsonl:2: the text must be text; came int '3'"):
        list(read_texts(write("a.jsonl", '{"text": "가"}\n{"text": 3}\n')))


def test_pairs_with_a_number(write):
    table = "sentence1\tsentence2\tscore\n" + "가\t나\t2.5\n다\t라\t5\n" * 5
    data = load(train=write("a.tsv", table), task="pair", scale=(0, 5), valid_fraction=0.2)
    assert (data.labels, data.scale, data.metric) == ((), (0.0, 5.0), "pearson")
    assert {e.gold for e in data.splits["train"]} == {2.5, 5.0}
    with pytest.raises(DataError, match=r"a\.tsv:3: the label must be a number from 0 to 4; came 5\."):
        load(train=write("a.tsv", table), task="pair", scale=(0, 4))
    assert load(train=write("a.tsv", table), task="pair", valid_fraction=0.2).labels == ("2.5", "5")


def test_a_number_may_be_asked_for_where_the_catalog_has_labels(tmp_path, monkeypatch, write):
    monkeypatch.setenv("YEONMA_DATA", str(tmp_path))
    table = "id\tsentence_A\tsentence_B\trelatedness_score\tlabel\n" + "1\ta\tb\t3.3\t1\n" * 10
    for split in ("train", "validation", "test"):
        write(f"sick/{split}.tsv", table)
    assert load("sick", task="pair").metric == "accuracy"
    data = load("sick", task="pair", columns={"label": "relatedness_score"}, scale=(1, 5))
    assert (data.labels, data.metric, data.scale) == ((), "pearson", (1.0, 5.0))
    assert data.splits["test"][0].gold == 3.3


def test_klues_own_files(tmp_path, monkeypatch, write):
    """Lists of objects, the labels by name or as a part of a cell."""
    monkeypatch.setenv("YEONMA_DATA", str(tmp_path))
    ynat = [{"guid": "y1", "title": "제목", "label": "정치", "annotations": {"annotations": {"first-scope": "정치"}}}]
    nli = [{"guid": "n1", "source": "airbnb", "premise": "가", "hypothesis": "나", "gold_label": "neutral"}]
    sts = [{"guid": "s1", "sentence1": "가", "sentence2": "나", "labels": {"label": 3.7, "binary-label": 1}}]
    for name, rows in [("ynat", ynat), ("nli", nli), ("sts", sts)]:
        write(f"klue-{name}/dev.json", json.dumps(rows, ensure_ascii=False))
    assert load_split("klue-ynat") == (Example("y1", ("제목",), "정치"),)
    assert load_split("klue-nli", task="pair") == (Example("n1", ("가", "나"), "neutral"),)
    assert load_split("klue-sts", task="pair") == (Example("s1", ("가", "나"), 3.7),)


OWNERS = {
    "glue-mnli": (
        "glue/mnli/dev_matched.tsv",
        "index\tpromptID\tpairID\tgenre\tsentence1_binary_parse\tsentence1\tsentence2\tlabel1\tgold_label",
        '0\t31193\t31193n\tgovernment\t( A ( b ) )\tA 3" rule.\tB\tneutral\tcontradiction',
        (('A 3" rule.', "B"), "contradiction"),
    ),
    "glue-qqp": (
        "glue/qqp/dev.tsv",
        "id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate",
        '7\t11\t12\tIs "A" b?\tIs b A?\t1',
        (('Is "A" b?', "Is b A?"), "duplicate"),
    ),
    "glue-qnli": (
        "glue/qnli/dev.tsv",
        "index\tquestion\tsentence\tlabel",
        '0\tWho?\tThe "other" one.\tnot_entailment',
        (("Who?", 'The "other" one.'), "not_entailment"),
    ),
    "kornli": (
        "kornli/test.tsv",
        "sentence1\tsentence2\tgold_label",
        '그는 "예"라고 했다.\t그는 대답했다.\tentailment',
        (('그는 "예"라고 했다.', "그는 대답했다."), "entailment"),
    ),
}


@pytest.mark.parametrize("name", OWNERS)
def test_pairs_as_their_owners_publish_them(tmp_path, monkeypatch, write, name):
    """Other columns than the hub's, and a quotation mark is a character like any other."""
    monkeypatch.setenv("YEONMA_DATA", str(tmp_path))
    file, head, row, expected = OWNERS[name]
    write(file, f"{head}\n{row}\n")
    (read,) = load_split(name, task="pair")
    assert (read.texts, read.gold) == expected


def test_question_pair_is_the_other_way_round(tmp_path, monkeypatch, write):
    monkeypatch.setenv("YEONMA_DATA", str(tmp_path))
    write("question-pair/test.csv", "question1,question2,is_duplicate\n가,가,0\n가,나,1\n")
    assert [e.gold for e in load_split("question-pair", task="pair")] == ["same", "different"]


@pytest.mark.parametrize(
    ("name", "task", "counts"),
    [
        ("sample-pair", "pair", (168, 33, 36)),
        ("sample-choice", "choice", (90, 22, 30)),
        ("sample-qa", "qa", (99, 21, 24)),
        ("sample-tagging", "tagging", (128, 27, 27)),
    ],
)
def test_the_other_bundled_samples(name, task, counts):
    data = load(name, task=task)
    assert tuple(len(data.splits[split]) for split in ("train", "valid", "test")) == counts
