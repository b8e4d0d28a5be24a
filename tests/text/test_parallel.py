"""Texts cut by other processes: in order, to the end, and what is said when one of them dies."""

from __future__ import annotations

from contextlib import closing
from itertools import islice

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from yeonma.errors import OutOfMemory, RunError
from yeonma.text import Syllable, Whitespace, make_tokenizer, parallel
from yeonma.text.parallel import cuts


def forms(found):
    """The texts as lists of their words."""
    made = []
    for words, ids, lengths in found:
        for row in np.split(ids, np.cumsum(lengths)[:-1]):
            made.append([words[number] for number in row])
    return made


@given(st.lists(st.text("가나 다\n\x00", max_size=8), max_size=12), st.integers(1, 4))
def test_chunks_are_the_texts_in_order(texts, most):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parallel, "_TEXTS", most)
        found = list(cuts(texts, Syllable()))
    assert forms(found) == [[piece.form for piece in Syllable().pieces(text)] for text in texts]
    assert all(0 < len(chunk.lengths) <= most for chunk in found)


@pytest.mark.parametrize("name", ["whitespace", "mecab", "jamo"])
def test_two_processes_give_what_one_gives(name):
    texts = ["", *(f"{number} 좋은 영화 🎬" for number in range(2000)), "긴 글 " * 40_000, "끝"]
    assert forms(cuts(texts, make_tokenizer(name), 2)) == forms(cuts(texts, make_tokenizer(name)))


def test_a_tokenizer_that_no_name_leads_to_is_used_here():
    class Mine(Whitespace):
        name = "mine"

    assert forms(cuts(["가 나"], Mine(), 2)) == [["가", "나"]]


def test_texts_are_asked_for_as_they_are_needed():
    asked = []
    texts = (asked.append(number) or str(number) for number in range(100_000))
    found = cuts(texts, Whitespace(), 2)
    list(islice(found, 3))
    found.close()
    assert len(asked) < 512 * 10


def test_a_process_that_is_killed_is_said(tmp_path):
    Whitespace().save(tmp_path)
    with closing(parallel._Cutter(tmp_path)) as cutter:
        assert forms([cutter.cut(["가 나"])]) == [["가", "나"]]
        cutter._process.kill()
        with pytest.raises(OutOfMemory, match=r"was killed \(signal 9\)\. Try fewer threads"):
            cutter.cut(["가"])


def test_a_process_that_fails_is_said(tmp_path, capfd):
    with (
        closing(parallel._Cutter(tmp_path / "nothing")) as cutter,
        pytest.raises(RunError, match="what it said stands"),
    ):
        cutter.cut(["가"])
    assert "tokenizer_config.json is missing" in capfd.readouterr().err
