"""The data doctor finds everything at once, with its place, and stops at nothing."""

from __future__ import annotations

import json
import unicodedata

import pytest

from yeonma.data import check
from yeonma.data.check import MOST_REASONS
from yeonma.data.tally import LISTED
from yeonma.errors import ConfigError, DataError

HEAD = "text\tlabel\n"


def said(checkup, severity):
    return [(f.file.rsplit("/", 1)[-1], f.line, f.count, f.message) for f in checkup.findings if f.severity == severity]


def test_a_healthy_pair_of_files(write):
    checkup = check(
        [write("train.tsv", HEAD + "가\tx\n나\ty\n다라마바\tx\n"), write("test.tsv", HEAD + "사\ty\n아\tx\n")]
    )
    assert checkup.findings == checkup.errors == ()
    train, test = checkup.splits
    assert (train.split, train.rows, train.wrong, train.labels, train.encoding) == (
        "train",
        3,
        0,
        {"x": 2, "y": 1},
        "UTF-8",
    )
    assert (train.lengths.shortest, train.lengths.median, train.lengths.longest) == (1, 1.0, 4)
    assert train.lengths.p95 == pytest.approx(3.7)
    assert (test.split, test.rows) == ("test", 2)
    assert checkup.overlaps == {"test in train": 0}


def test_everything_is_found_at_once(write):
    train = write(
        "ratings_train.tsv",
        HEAD.encode()
        + "가\tx\n\ty\n  \tx\n가\tx\n가\ty\n나\t\n다\n라\ty\textra\n".encode()
        + f"{unicodedata.normalize('NFD', '한글')}\tx\n".encode()
        + b"\xff\tx\n",
    )
    test = write("ratings_test.csv", "text,label\n가,x\n마,z\n가,y\n나,y\n")
    checkup = check([test, train])
    assert said(checkup, "error") == [
        ("ratings_train.tsv", 8, 1, "must have 2 cells, as the header has; there are 1"),
        ("ratings_train.tsv", 9, 1, "must have 2 cells, as the header has; there are 3"),
        ("ratings_train.tsv", 11, 1, "byte 0xFF (byte 1 of the line) is not UTF-8. Save the file as UTF-8"),
        ("ratings_train.tsv", 7, 1, "rows without a label (name its column with columns.label if there is one): 1"),
        ("ratings_test.csv", 3, 1, "label 'z' does not come in train"),
    ]
    assert said(checkup, "warning") == [
        ("ratings_train.tsv", 6, 1, "texts with more than one label: 1"),
        (
            "ratings_train.tsv",
            3,
            2,
            "blank texts (they are kept; a model can only guess at them): 2 (lines 3, 4)",
        ),
        ("ratings_test.csv", 4, 1, "texts with more than one label: 1"),
        ("ratings_test.csv", 2, 3, "rows whose text also stands in train: 3 (lines 2, 5, …)"),
    ]
    assert said(checkup, "note") == [
        ("ratings_train.tsv", 5, 2, "rows that repeat the text of an earlier row: 2 (lines 5, 6)"),
        ("ratings_train.tsv", 10, 1, "texts not in Unicode's form NFC (Hangul may be taken apart): 1"),
        ("ratings_test.csv", 4, 1, "rows that repeat the text of an earlier row: 1"),
    ]
    split = checkup.splits[0]
    assert (split.rows, split.wrong, split.blank, split.repeated, split.two_labels, split.not_nfc) == (
        10,
        3,
        2,
        2,
        1,
        1,
    )
    assert len(checkup.errors) == 5


def test_lines_listed_and_reasons_told_apart_are_bounded(write):
    ragged = "".join("a\t" * n + "\n" for n in range(3, 60))
    checkup = check(write("a.tsv", HEAD + "가\tx\n나\ty\n" + "\tx\n" * 100 + ragged))
    blank = next(f for f in checkup.findings if "blank" in f.message)
    assert (blank.count, blank.line, blank.message.count(",")) == (100, 4, LISTED)
    assert len(checkup.errors) == MOST_REASONS + 1
    assert sum(f.count for f in checkup.errors) == 57
    assert checkup.errors[-1].message == "more wrong rows for other reasons: 37"


BROKEN = [
    ("train.csv", 'text,label\n가,x\n나,y\n"다,x\n', 4, "cannot be read on: a quote that opens here"),
    ("train.csv", "", 1, "cannot be read on: must hold a header and rows; it is empty"),
    ("train.csv", "text,label\n", 1, "cannot be read on: must hold rows"),
    ("train.csv", "a,b\n가,x\n", 1, "no column has a usual name of text"),
    ("train.csv", "text\n가\n".encode("utf-16"), 1, "this is UTF-16"),
    ("train.xlsx", "", None, "Save the sheet as CSV UTF-8"),
    ("train.tsv", HEAD + "가\tx\n나\tx\n", None, "all rows have the label 'x'; two are needed"),
    ("train.tsv", "text\n가\n나\n", 2, "rows without a label"),
]


@pytest.mark.parametrize(("name", "content", "line", "message"), BROKEN)
def test_a_broken_file_is_a_finding_and_the_others_are_read(write, name, content, line, message):
    checkup = check([write(name, content), write("test.tsv", HEAD + "가\tx\n")])
    assert [(f.line, message in f.message) for f in checkup.errors if f.file.endswith(name)] == [(line, True)]
    assert checkup.splits[1].rows == 1
    assert message in checkup.to_text()


def test_a_missing_file_is_a_finding(tmp_path):
    checkup = check(tmp_path / "train.tsv")
    assert "there is no such file" in checkup.errors[0].message
    assert checkup.to_text().endswith("1 error, 0 warnings, 0 notes")


def test_encodings_by_name(write):
    korean = HEAD + "재미있다\tx\n지루하다\ty\n"
    for codec, name in [("cp949", "CP949"), ("utf-8-sig", "UTF-8 with BOM")]:
        checkup = check(write("train.tsv", korean.encode(codec)))
        assert checkup.splits[0].encoding == name
        assert [f.message for f in checkup.findings] == [f"is written in {name}; it is read so, and UTF-8 is safer"]


def test_truncation_is_counted_where_a_tokenizer_is_given(write):
    path = write("train.tsv", HEAD + "하나 둘 셋\tx\n하나\ty\n하나 둘 셋 넷\tx\n하나 둘\ty\n")
    checkup = check(path, lengths=lambda text: len(text.split()), max_length=2)
    assert checkup.splits[0].too_long == 2
    message = "rows of more than max_length = 2 tokens, which will be cut: 2 (50.0%) (lines 2, 4)"
    assert [f.message for f in checkup.findings] == [message]
    assert check(path).splits[0].too_long is None
    with pytest.raises(ConfigError, match="lengths and max_length must be given together"):
        check(path, max_length=2)


def test_a_label_that_a_split_lacks(write):
    checkup = check([write("train.tsv", HEAD + "가\tx\n나\ty\n"), write("dev.tsv", HEAD + "다\tx\n")])
    assert said(checkup, "warning") == [("dev.tsv", None, 1, "no row has the label 'y'")]
    assert [split.split for split in checkup.splits] == ["train", "valid"]


SPLITS = [
    (["a.tsv"], ["train"]),
    (["a.tsv", "b.tsv", "c.tsv", "d.tsv"], ["train", "valid", "test", "d"]),
    (["test.tsv", "a.tsv"], ["train", "test"]),
    (["ratings_test.tsv", "my-dev.tsv", "Training.tsv"], ["train", "valid", "test"]),
    (["contest.tsv", "latest.tsv"], ["train", "valid"]),
]


@pytest.mark.parametrize(("names", "splits"), SPLITS)
def test_splits_are_told_by_name_then_by_order(write, names, splits):
    checkup = check([write(name, HEAD + "가\tx\n나\ty\n") for name in names])
    assert [split.split for split in checkup.splits] == splits


def test_two_files_that_claim_one_split_go_by_their_paths(write):
    paths = [write(f"{folder}/train.tsv", HEAD + "가\tx\n나\ty\n") for folder in "ab"]
    checkup = check(paths)
    assert [split.split for split in checkup.splits] == [str(path) for path in paths]
    assert list(checkup.overlaps.values()) == [2]


def test_named_data_sets_and_unlabelled_splits(tmp_path, monkeypatch, write):
    monkeypatch.setenv("YEONMA_DATA", str(tmp_path))
    write("glue/sst2/train.tsv", "sentence\tlabel\tidx\na fine film \t1\t0\na bore \t0\t1\n")
    write("glue/sst2/validation.tsv", "sentence\tlabel\tidx\ngood\t1\t0\nbad\t0\t1\n")
    write("glue/sst2/test.tsv", "sentence\tlabel\tidx\nwho knows\t-1\t0\n")
    checkup = check("glue-sst2")
    assert [split.split for split in checkup.splits] == ["train", "validation", "test"]
    assert checkup.splits[0].labels == {"negative": 1, "positive": 1}
    assert checkup.splits[2].unlabelled == 1
    assert [f.severity for f in checkup.findings] == ["note"]


def test_what_is_neither_file_nor_name():
    with pytest.raises(DataError, match="Did you mean 'nsmc'"):
        check("nmsc")
    with pytest.raises(DataError, match="Run: yeonma data fetch nsmc"):
        check("nsmc")
    with pytest.raises(ConfigError, match="there must be something to check"):
        check([])


def test_the_report_for_programs_is_json(write):
    checkup = check([write("train.tsv", HEAD + "가\tx\n나\ty\n"), write("test.tsv", HEAD + "가\tx\n나\t\n")])
    report = json.loads(json.dumps(checkup.to_dict(), allow_nan=False))
    assert (report["errors"], report["warnings"], report["notes"]) == (1, 2, 0)
    assert report["splits"][0]["labels"] == {"x": 1, "y": 1}
    assert report["findings"][0]["line"] == 3
    assert report["overlaps"] == {"test in train": 2}


HEADER = ["split", "rows", "wrong", "blank", "repeated", "shortest", "median", "95", "%", "longest", "encoding", "file"]


def test_the_report_for_people_is_a_table(write):
    text = check(
        [write("train.tsv", HEAD + "가\t긍정\n나\t부정\n다라\t긍정\n"), write("test.tsv", HEAD + "가\t긍정\n")]
    ).to_text()
    lines = text.splitlines()
    assert lines[0].split() == HEADER
    assert lines[1].split()[:9] == ["train", "3", "0", "0", "0", "1", "1", "2", "2"]
    assert "긍정   2 ( 66.7%)  1 (100.0%)" in lines
    assert "texts of test in train: 1" in lines
    assert lines[-1] == "0 errors, 2 warnings, 0 notes"


def test_progress_is_shown(write):
    shown = []
    check(write("train.tsv", HEAD + "가\tx\n나\ty\n" * 1_000), progress=lambda *call: shown.append(call))
    assert shown == [("checking train.tsv", 0, None, "rows"), ("checking train.tsv", 1_000, None, "rows")]


@pytest.mark.parametrize("task", ["single", "pair", "choice", "qa", "tagging"])
def test_the_samples_are_healthy(task):
    assert check(f"sample-{task}").findings == ()


def test_pairs_are_compared_and_measured_as_pairs(write):
    head = "text1\ttext2\tlabel\n"
    train = write("train.tsv", head + "가 나\t다\tx\n가 나\t라\ty\n가 나\t다\ty\n")
    test = write("test.tsv", head + "다\t가 나\tx\n가 나\t라\ty\n")
    checkup = check([train, test], task="pair", lengths=lambda text: len(text.split()), max_length=2)
    assert checkup.overlaps == {"test in train": 1}
    assert (checkup.splits[0].repeated, checkup.splits[0].two_labels, checkup.splits[0].too_long) == (1, 1, 3)
    assert checkup.splits[0].lengths.longest == 4


def test_numbers_outside_the_scale_are_wrong_rows(write):
    path = write("train.tsv", "text1\ttext2\tscore\n가\t나\t3\n다\t라\t7\n")
    checkup = check(path, task="pair", scale=(0, 5))
    assert said(checkup, "error") == [("train.tsv", 3, 1, "the label must be a number from 0 to 5; came 7")]
    assert checkup.splits[0].labels == {}


def test_choices_are_counted_by_the_number_of_the_ending_and_measured_row_by_row(write):
    row = '{{"premise": "하나 둘", "endings": ["셋", "넷 다섯{more}"], "label": {label}}}\n'
    train = write("train.jsonl", row.format(more="", label=1) + row.format(more=" 여섯", label=1))
    test = write("test.jsonl", row.format(more=" 일곱", label=2))
    checkup = check([train, test], task="choice", lengths=lambda text: len(text.split()), max_length=4)
    assert (checkup.splits[0].labels, checkup.splits[1].labels) == ({"1": 2}, {"2": 1})
    assert checkup.splits[0].too_long == 1
    assert checkup.errors == ()
    assert checkup.findings[0].message.startswith("rows of more than max_length = 4 tokens, which will be cut: 1")
    counted = check([test], task="choice", first=0)
    assert said(counted, "error")[0][1] == 1
    assert "If the file counts them from 1, say data.first = 1" in counted.errors[0].message


def test_answers_at_wrong_places_and_missing_ones(write):
    rows = [
        {"question": "?", "context": "가나다", "answers": {"text": ["나"], "answer_start": [1]}},
        {"question": "?", "context": "가나다", "answers": {"text": ["나"], "answer_start": [2]}},
        {"question": "!", "context": "가나다 라", "answers": {"text": [], "answer_start": []}},
    ]
    path = write("train.json", json.dumps(rows))
    checkup = check(path, task="qa", lengths=lambda text: len(text.split()), max_length=2)
    assert said(checkup, "error") == [
        (
            "train.json",
            2,
            1,
            "the answer '나' must stand in the context at 2; there stands '다'. The nearest stands at 1",
        ),
        ("train.json", 3, 1, "rows without an answer (name its column with columns.answers if there is one): 1"),
    ]
    assert [f.message for f in checkup.findings if f.severity == "note"] == [
        "rows of more than max_length = 2 tokens, which will be read in several windows: 1 (33.3%)"
    ]


def test_broken_tags_are_counted(write):
    path = write("train.conll", "a B-X\nb I-Y\nc O\nd I-X\n\ne I-X\n\nf O\n")
    checkup = check(path, task="tagging")
    message = "tags that continue an entity none began (broken BIO, or IOB1), read as its beginning: 3 (lines 1, 6, …)"
    assert said(checkup, "warning") == [("train.conll", 1, 3, message)]
    assert checkup.splits[0].labels == {"X": 3, "Y": 1}
    assert (checkup.splits[0].rows, checkup.splits[0].wrong, checkup.errors) == (3, 0, ())


def test_nsmc_as_it_is(real_data):
    checkup = check("nsmc")
    train, test = checkup.splits
    assert (train.rows, train.wrong, train.blank, train.repeated, train.two_labels, train.not_nfc) == (
        150_000,
        0,
        5,
        3_813,
        157,
        12,
    )
    assert (test.rows, test.wrong, test.blank, test.repeated, test.not_nfc) == (50_000, 0, 3, 840, 4)
    assert checkup.overlaps == {"test in train": 1_568}
    assert checkup.errors == ()


def test_glue_cola_as_it_is(real_data):
    checkup = check("glue-cola")
    assert checkup.overlaps["validation in train"] == 16
    assert checkup.splits[2].unlabelled == 1_063
    assert checkup.errors == ()
