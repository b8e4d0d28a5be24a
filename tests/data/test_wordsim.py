"""Test sets of words: files of every format, columns by name or by place, faults with their line."""

from __future__ import annotations

import json

import pytest

from yeonma.data.wordsim import find, holds_questions, read_pairs, read_questions
from yeonma.errors import DataError

PAIRS = [("왕", "여왕", 8.5), ("왕", "물", 1.0)]


def write(path, columns, rows):
    if path.suffix == ".parquet":
        import pyarrow as pa
        import pyarrow.parquet as pq

        pq.write_table(pa.table(dict(zip(columns, map(list, zip(*rows, strict=True)), strict=True))), path)
    elif path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(dict(zip(columns, row, strict=True))) + "\n" for row in rows))
    else:
        blank = "\t" if path.suffix == ".tsv" else ","
        path.write_text("".join(blank.join(map(str, row)) + "\n" for row in [columns, *rows]), encoding="utf-8")
    return path


@pytest.mark.parametrize("suffix", [".parquet", ".tsv", ".csv", ".jsonl"])
@pytest.mark.parametrize("columns", [("word1", "word2", "score"), ("Word 1", "Word 2", "Human (mean)")])
def test_pairs_of_every_format(tmp_path, suffix, columns):
    found = read_pairs(write(tmp_path / f"ws{suffix}", columns, PAIRS))
    assert found == ("ws", [("왕", "여왕"), ("왕", "물")], [8.5, 1.0])


def test_names_win_over_places(tmp_path):
    path = write(tmp_path / "x.tsv", ("id", "score", "word2", "word1"), [(1, 3, "b", "a")])
    assert read_pairs(path).pairs == [("a", "b")]


def test_questions(tmp_path):
    path = write(tmp_path / "x.csv", ("kind", "one", "two", "three", "four"), [("k", "a", "b", "c", "d")])
    assert read_questions(path) == ("x", ["k"], [("a", "b", "c", "d")])
    assert holds_questions(path)
    assert not holds_questions(write(tmp_path / "y.csv", ("a", "b", "c"), PAIRS))


FAULTS = {
    "no header": ("왕\t여왕\t8.5\na\tb\t1\n", "x.tsv:1: line 1 must name the columns"),
    "too few columns": ("word1\tword2\na\tb\n", "x.tsv:1: must have the columns word1, word2, score"),
    "too many columns": ("a\tb\tc\td\n1\t2\t3\t4\n", "it has a, b, c, d"),
    "not a number": ("word1\tword2\tscore\na\tb\t1\na\tb\tx\n", "x.tsv:3: the score must be a finite number; came 'x'"),
    "not finite": ("word1\tword2\tscore\na\tb\tnan\n", "x.tsv:2: the score must be a finite number"),
    "no word": ("word1\tword2\tscore\na\t\t1\n", "x.tsv:2: a word was expected; came ''"),
    "a short row": ("word1\tword2\tscore\na\tb\n", "x.tsv:2: must have 3 cells"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_named_with_its_line(tmp_path, fault):
    content, message = FAULTS[fault]
    (tmp_path / "x.tsv").write_text(content, encoding="utf-8")
    with pytest.raises(DataError) as raised:
        read_pairs(tmp_path / "x.tsv")
    assert message in str(raised.value)


def test_a_row_of_json_without_a_column(tmp_path):
    (tmp_path / "x.jsonl").write_text('{"word1": "a", "word2": "b", "score": 1}\n{"word1": "a", "word2": "b"}\n')
    with pytest.raises(DataError, match=r"x\.jsonl:2: the row must have 'score'"):
        read_pairs(tmp_path / "x.jsonl")


def test_a_name_is_looked_for_in_the_folder_of_data(tmp_path, monkeypatch):
    (tmp_path / "wordsim").mkdir()
    path = write(tmp_path / "wordsim" / "ko-mine.parquet", ("word1", "word2", "score"), PAIRS)
    monkeypatch.setenv("YEONMA_DATA", str(tmp_path))
    assert find("ko-mine") == path
    with pytest.raises(DataError, match="no word set called 'ko-mime'.*Did you mean 'ko-mine'"):
        find("ko-mime")
    monkeypatch.delenv("YEONMA_DATA")
    with pytest.raises(DataError, match="set YEONMA_DATA"):
        find("ko-mine")
