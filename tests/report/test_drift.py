"""Drift: distances by hand, rows that moved and those that did not, neighbours gone and come, a frozen run."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from builders import config, dataset
from yeonma.errors import VectorsError
from yeonma.finetuning import train
from yeonma.report import drift
from yeonma.report.drift import Drift
from yeonma.run import Run

WORDS = ["<pad>", "<unk>", "좋다", "최고", "나쁘다", "최악", "영화", "<bucket 0>"]
BEFORE = np.array(
    [[0, 0, 0], [1, 1, 1], [1, 0, 0.1], [1, 0.1, 0], [-1, 0, 0.1], [-1, 0.1, 0], [0, 1, 0], [1, 0, 0]], np.float32
)


def moved(**rows: list[float]) -> Drift:
    after = BEFORE.copy()
    for word, row in rows.items():
        after[WORDS.index(word)] = row
    return Drift(WORDS, BEFORE, after)


def table(rows: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(rows, width)).astype(np.float32)


def test_a_row_that_was_turned_around():
    found = moved(좋다=[-1, 0, 0.1])
    assert found.touched.tolist() == [word == "좋다" for word in WORDS]
    assert found.untouched == pytest.approx(7 / 8)
    assert found.distance[2] == pytest.approx(2)
    assert found.cosine[2] == pytest.approx((-1 + 0.01) / 1.01)
    (row,) = found.most_moved(5, k=2).rows(named=True)
    assert row["word"] == "좋다"
    assert row["relative"] == pytest.approx(2 / np.sqrt(1.01))
    assert (row["before"], row["after"]) == (["최고"], ["나쁘다", "최악"])  # the others are at a right angle or further
    assert (row["gone"], row["come"]) == (["최고"], ["나쁘다", "최악"])


def test_the_furthest_come_first_and_stand_in_the_histogram():
    found = moved(영화=[0, 4, 0], 최고=[1, 0.1, 1], 최악=[-1, 0.1, 2])
    assert found.most_moved(2)["word"].to_list() == ["영화", "최악"]
    assert found.histogram(3).rows() == [(0, 1, 0), (1, 2, 1), (2, 3, 2)]


def test_rows_that_stand_for_no_word_are_neither_listed_nor_neighbours():
    found = Drift(WORDS, BEFORE, BEFORE + np.float32(0.5))
    assert set(found.most_moved(99)["word"]) == set(WORDS[2:7])
    assert {word for end in found.neighbours("좋다", 99) for word, _ in end} <= set(WORDS[2:7])
    marks = ["[CLS]", "[unused12]", "<s>", "</s>", "<|endoftext|>", "<unused 7>", "<bias>", "", "[영화]", "<", "##다"]
    whole = Drift(marks, table(11, 2), table(11, 2))
    assert [word for word, named in zip(marks, whole.named, strict=True) if named] == ["[영화]", "<", "##다"]


def test_a_word_that_began_as_zeros_had_no_neighbours_to_leave():
    before = BEFORE.copy()
    before[2] = 0
    found = Drift(WORDS, before, BEFORE)
    assert found.touched[2] and found.distance[2] == pytest.approx(np.sqrt(1.01))
    assert found.most_moved().is_empty()
    assert found.neighbours("좋다", 1) == ([], [("최고", pytest.approx(1 / 1.01))])
    assert "좋다" not in dict(found.neighbours("최고", 9).before)
    assert np.isnan([found.cosine[2], found.relative[2]]).all()


def test_a_frozen_table_reads_well():
    found = moved()
    assert found.untouched == 1
    assert not found.distance.any()
    assert found.cosine[1:].tolist() == [1] * 7
    shown = found.most_moved()
    assert shown.is_empty() and shown.columns == moved(영화=[9, 9, 9]).most_moved().columns
    assert found.histogram().is_empty()


def test_bits_tell_what_was_touched_where_the_distance_is_zero():
    found = moved(영화=[-0.0, 1, 0])
    assert found.touched[6] and found.distance[6] == 0
    assert found.histogram().is_empty()


@given(st.integers(0, 1000), st.integers(1, 40), st.integers(1, 5))
@settings(deadline=None, max_examples=30)
def test_pieces_give_what_the_whole_gives(seed, rows, width):
    before, after = table(rows, width, seed), table(rows, width, seed + 1)
    still = np.random.default_rng(seed).random(rows) < 0.5
    after[still] = before[still]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(drift, "_ROWS", 7)
        found = Drift([f"낱말{row}" for row in range(rows)], before, after)
        assert np.array_equal(found.touched, ~still)
        assert np.allclose(found.distance, np.linalg.norm(after.astype(float) - before, axis=1), rtol=1e-12)
        assert np.allclose(found.norms, [np.linalg.norm(x.astype(float), axis=1) for x in (before, after)], rtol=1e-12)
        assert (found.cosine[still] == 1).all() and not found.distance[still].any()
    shown = found.most_moved(10)
    assert shown["distance"].to_list() == sorted(found.distance[~still], reverse=True)[:10]
    assert all(word not in near for word, near in shown.select("word", "after").iter_rows())


def test_neighbours_are_those_of_the_whole_product():
    before, after = table(60, 8), table(60, 8, 1)
    words = [f"낱말{row}" if row % 9 else "<unk>" for row in range(60)]
    found = Drift(words, before, after).neighbours("낱말31", 5)
    for near, whole in zip(found, (before, after), strict=True):
        unit = whole / np.linalg.norm(whole, axis=1, keepdims=True)
        cosines = unit @ unit[31]
        order = [row for row in np.argsort(-cosines) if row % 9 and row != 31][:5]
        assert near == [(words[row], pytest.approx(cosines[row], abs=1e-6)) for row in order]


def test_a_row_that_is_not_finite_is_not_listed_and_near_nothing():
    found = moved(좋다=[-1, 0, 0.1], 최고=[np.nan, 1, 0], 나쁘다=[np.inf, 0, 0])
    assert found.touched.sum() == 3
    assert found.most_moved().select("word", "after").rows() == [("좋다", ["최악"])]
    assert found.histogram()["rows"].sum() == 1


def test_of_a_table_of_width_one_there_are_distances_alone():
    found = Drift(
        ["<bias>", "좋", "나쁘"], np.array([[1], [2], [-1]], np.float32), np.array([[1], [4], [-3]], np.float32)
    )
    assert found.most_moved().select("word", "distance", "before").rows() == [("좋", 2, []), ("나쁘", 2, [])]


def test_a_word_that_is_not_in_the_table_is_named_with_those_like_it():
    with pytest.raises(VectorsError, match="'나쁘' must be one of the 8 words.*'나쁘다'"):
        moved().neighbours("나쁘")


@pytest.mark.parametrize(
    ("words", "before", "after"),
    [(WORDS[:3], BEFORE, BEFORE), (WORDS, BEFORE, BEFORE[:, :2]), ([], BEFORE[:0], BEFORE[:0])],
)
def test_tables_that_do_not_fit(words, before, after, tmp_path):
    with pytest.raises(VectorsError, match="a row for each word"):
        Drift(words, before, after)
    run = Run.create(tmp_path / "run", config())
    assert Drift.of(run) is None
    run.save_embeddings("before", torch.tensor(before), words)
    assert Drift.of(run) is None
    run.save_embeddings("after", torch.tensor(after), words)
    assert Drift.of(run) is None


@pytest.mark.parametrize("freeze", ["none", "embeddings"])
def test_a_run_moves_the_words_of_its_texts_or_none(tmp_path, freeze):
    run = Run.create(tmp_path / "run", config(encoder__freeze=freeze, train__epochs=1))
    list(train(run.config(), run, dataset()))
    found = Drift.of(run)
    assert found.words[:2] == ["<pad>", "<unk>"]
    if freeze == "none":
        assert {"좋다", "최악", "영화"} <= set(found.most_moved()["word"])
        assert not found.touched[0] and found.untouched < 0.5
    else:
        assert found.untouched == 1 and found.most_moved().is_empty()
