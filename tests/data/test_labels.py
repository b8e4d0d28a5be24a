"""Labels: cells of every type become names, or say what is wrong with them."""

from __future__ import annotations

import pytest

from yeonma.data.labels import Labels
from yeonma.data.lines import BadRow

NSMC = {"0": "negative", "1": "positive"}

NAMED = [
    (None, 1, "1"),
    (None, " 긍정 ", "긍정"),
    (None, 1.0, "1"),
    (None, True, "true"),
    (None, -1, "-1"),
    (NSMC, 0, "negative"),
    (NSMC, "1", "positive"),
    (NSMC, "positive", "positive"),
    (NSMC, 1.0, "positive"),
    (["부정", "긍정"], "긍정", "긍정"),
    ({"-1": "negative", "1": "positive"}, -1, "negative"),
]


@pytest.mark.parametrize(("labels", "cell", "name"), NAMED)
def test_cells_become_names(labels, cell, name):
    read = Labels(labels)
    assert (read.read(cell), read.read(cell)) == (name, name)


@pytest.mark.parametrize("labels", [None, NSMC])
@pytest.mark.parametrize("cell", [None, "", "  ", float("nan")])
def test_missing_labels(labels, cell):
    assert Labels(labels, required=False).read(cell) is None
    with pytest.raises(BadRow, match="the label is missing"):
        Labels(labels).read(cell)


def test_withheld_labels_are_told_from_labels_called_minus_one():
    assert Labels(NSMC, required=False).read(-1) is None
    with pytest.raises(BadRow, match="withheld"):
        Labels(NSMC).read("-1")


def test_unknown_labels_name_the_known_ones():
    with pytest.raises(BadRow, match=r"label 'postive' is not a known one\. Did you mean 'positive'\?"):
        Labels(NSMC, required=False).read("postive")


def test_true_is_not_taken_for_one_that_was_read_before():
    read = Labels()
    assert [read.read(1), read.read(True), read.read(1.0)] == ["1", "true", "1"]


def test_names_keep_their_order():
    assert Labels({"2": "z", "1": "a", "3": "z"}).names == ("z", "a")
    assert Labels(["b", "a"]).names == ("b", "a")
    assert Labels().names is None
