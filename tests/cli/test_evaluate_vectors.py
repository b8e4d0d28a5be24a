"""`yeonma evaluate VECTORS` and `yeonma export`: what they print, what they refuse."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from yeonma.text.tokenizers import Whitespace
from yeonma.vectors import Vectors

TABLE = {"왕": [1, 0, 1], "여왕": [1, 1, 0.2], "남자": [0, 0, 1], "여자": [0, 1, 0.2]}


@pytest.fixture
def words(place: Path) -> Path:
    """A folder with vectors, as a folder and as a file, pairs and questions."""
    vectors = Vectors(list(TABLE), np.array(list(TABLE.values()), np.float32), tokenizer=Whitespace())
    vectors.save(place / "v")
    vectors.write_file(place / "v.bin", "word2vec-binary")
    pairs = "word1\tword2\tscore\n왕\t여왕\t5\n왕\t남자\t9\n여왕\t남자\t1\n왕\t모름\t2\n"
    (place / "pairs.tsv").write_text(pairs, encoding="utf-8")
    (place / "asks.csv").write_text("category,a,b,c,d\nk,남자,왕,여자,여왕\nk,a,b,c,d\n", encoding="utf-8")
    return place


@pytest.mark.parametrize("name", ["v", "v.bin"])
def test_all_of_it(yeonma, words, name):
    done = yeonma("evaluate", name, "--similarity", "pairs.tsv", "--analogies", "asks.csv", "--nearest", "왕")
    assert (done.code, done.err) == (0, "")
    lines = done.out.splitlines()
    assert lines[0] == "4 words × 3"
    assert lines[3].split() == ["pairs", "4", "3", "1.0000", "0", "–"]
    assert lines[6].split() == ["asks", "2", "1", "1.0000"]
    assert lines[-1].startswith("왕: 남자 0.707, 여왕 0.594")


def test_as_json(yeonma, words):
    found = yeonma("evaluate", "v", "--similarity", "pairs.tsv", "--analogies", "asks.csv", "--json").json
    assert set(found) == {"words", "dim", "similarity", "analogies", "nearest"}
    assert found["similarity"][0]["spearman"] == pytest.approx(1)
    assert found["analogies"][0]["categories"]["k"] == {"questions": 2, "covered": 1, "accuracy": 1.0}


def test_coverage_of_a_file_and_of_a_data_set(yeonma, words):
    (words / "texts.tsv").write_text("text\n왕 왕 모름\n여왕 모름 딴것\n", encoding="utf-8")
    done = yeonma("evaluate", "v", "--data", "texts.tsv")
    assert "2 of           4 known   50.00%" in done.out
    assert "3 of           6 known   50.00%" in done.out
    assert "모름 2, 딴것 1" in done.out
    found = yeonma("evaluate", "v", "--data", "sample-single", "--json").json["coverage"]
    assert (found["data"], found["tokenizer"]) == ("sample-single : train", "whitespace")


def test_without_word_sets_it_says_what_to_give(yeonma, words, monkeypatch):
    monkeypatch.delenv("YEONMA_DATA", raising=False)
    done = yeonma("evaluate", "v")
    assert (done.code, done.out) == (2, "")
    assert "--similarity FILE" in done.err and "YEONMA_DATA" in done.err


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (("v", "--similarity", "none.tsv"), "none.tsv: there is no such file"),
        (("v", "--similarity", "asks.csv"), "must have the columns word1, word2, score"),
        (("v", "--nearest", "왕자"), "'왕자' must be one of the 4 words"),
        (("v", "--data", "pairs.tsv", "--split", "test"), "'test' cannot be read of pairs.tsv"),
        (("v", "--nearest", "왕", "--split", "test"), "Leave out --split"),
        (("run", "--nearest", "왕"), "yeonma export run --to vectors"),
        (("none", "--nearest", "왕"), "none"),
    ],
)
def test_what_is_wrong_is_said(yeonma, words, argv, message):
    done = yeonma("evaluate", *argv)
    assert (done.code, done.out) == (2, "")
    assert message in done.err


def test_export_prints_where_the_vectors_are(yeonma, words):
    done = yeonma("export", "run", "--to", "vectors", "--format", "word2vec")
    assert (done.code, done.out) == (0, "run/vectors.vec\n")
    assert Vectors.load("run/vectors.vec").dim == 8
    assert yeonma("evaluate", "run").code == 0


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (("run", "--to", "onnx"), "ONNX is not there yet"),
        (("run", "--format", "pickle"), "no format called 'pickle'"),
        (("none",), "none does not exist"),
        (("run", "-o", "train.tsv/v", "--format", "glove"), "could not be written"),
    ],
)
def test_export_says_what_is_wrong(yeonma, words, argv, message):
    done = yeonma("export", *argv)
    assert done.code in (2, 5)
    assert message in done.err and done.out == ""
