"""Likeness against scipy, analogies by hand and against the whole product, unknown words composed and said so."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from yeonma import intrinsic, neighbours
from yeonma.data.wordsim import Pairs, Questions, read_pairs, read_questions
from yeonma.errors import ConfigError, VectorsError
from yeonma.intrinsic import COMPOSED, KNOWN, UNKNOWN
from yeonma.subwords import Ngrams, Subwords
from yeonma.text.tokenizers import Syllable, Whitespace
from yeonma.vectors import Vectors

KINGS = {
    "왕": [1, 0, 1], "여왕": [1, 1, 0.2], "남자": [0, 0, 1], "여자": [0, 1, 0.2],
    "물": [-1, 0, 0], "왕비": [1, 0.5, -1],
}  # fmt: skip


def vectors(table=None, **parts) -> Vectors:
    table = table or KINGS
    return Vectors(list(table), np.array(list(table.values()), np.float32), **parts)


def subwords(dim: int, words: list[str]) -> Subwords:
    ngrams = Ngrams(minn=1, maxn=2, buckets=100)
    ids = np.unique(ngrams.hashed(words)[0])
    return Subwords(ngrams, ids, np.random.default_rng(0).normal(size=(len(ids), dim)).astype(np.float32))


@given(st.lists(st.tuples(st.integers(0, 5), st.floats(-1, 1, width=16)), min_size=3, max_size=20))
@settings(deadline=None)
def test_the_correlation_is_scipys(rows):
    scipy = pytest.importorskip("scipy.stats")
    x, y = (np.array(column, np.float64) for column in zip(*rows, strict=True))
    if np.ptp(x) and np.ptp(y):
        assert intrinsic.spearman(x, y) == pytest.approx(scipy.spearmanr(x, y).statistic)


def test_likeness_is_over_the_pairs_that_are_known():
    tests = Pairs("t", [("왕", "여왕"), ("왕", "남자"), ("왕", "물"), ("왕", "없음")], [9, 7, 1, 10])
    found = intrinsic.similarity(vectors(), tests)
    assert found == (
        "t",
        4,
        3,
        pytest.approx(spearman_of([("왕", "여왕"), ("왕", "남자"), ("왕", "물")], [9, 7, 1])),
        0,
        None,
    )


def spearman_of(pairs, scores):
    unit = {word: np.array(row) / np.linalg.norm(row) for word, row in KINGS.items()}
    return intrinsic.spearman(np.array(scores), np.array([unit[a] @ unit[b] for a, b in pairs]))


def test_fewer_than_two_known_pairs_have_no_correlation():
    assert intrinsic.similarity(vectors(), Pairs("t", [("왕", "물"), ("a", "b")], [1, 2])).spearman is None


def test_where_all_scores_or_all_cosines_are_equal_there_is_no_correlation():
    pairs = [("왕", "여왕"), ("왕", "남자"), ("왕", "물")]
    assert intrinsic.similarity(vectors(), Pairs("t", pairs, [5, 5, 5])).spearman is None
    assert intrinsic.similarity(vectors(), Pairs("t", [("왕", "물"), ("물", "왕")], [1, 2])).spearman is None


def test_words_of_several_pieces_are_composed_and_counted_apart():
    made = vectors({"왕": [1, 0], "비": [0, 1], "물": [1, 1]}, tokenizer=Syllable())
    rows, how = intrinsic.look_up(made, ["왕", "왕비", "왕자"])
    assert how.tolist() == [KNOWN, COMPOSED, UNKNOWN]
    assert rows.tolist() == [[1, 0], [0.5, 0.5], [0, 0]]
    found = intrinsic.similarity(made, Pairs("t", [("왕", "비"), ("왕비", "물"), ("왕", "물")], [1, 9, 5]))
    assert (found.known, found.composed) == (2, 1)
    assert (found.spearman, found.spearman_composed) == pytest.approx((1, 1))


def test_one_piece_of_another_form_is_known():
    made = vectors({"king": [1, 0], "각": [0, 1]}, tokenizer=Whitespace(lowercase=True))
    assert intrinsic.look_up(made, ["King", "\u1100\u1161\u11a8"])[1].tolist() == [KNOWN, KNOWN]


def test_subwords_compose_what_is_unknown():
    made = vectors(subwords=subwords(3, ["왕", "여왕"]))
    rows, how = intrinsic.look_up(made, ["왕", "여왕님", "zzz"])
    assert how.tolist() == [KNOWN, COMPOSED, UNKNOWN]
    assert np.allclose(rows[1], made.subwords.rows(["여왕님"])[0])


def test_an_analogy_by_hand():
    tests = Questions(
        "t",
        ["royal", "royal", "royal", "other"],
        [
            ("남자", "왕", "여자", "여왕"), ("왕", "남자", "여왕", "여자"),
            ("남자", "왕", "여자", "물"), ("남자", "왕", "a", "b"),
        ],
    )  # fmt: skip
    found = intrinsic.analogies(vectors(), tests)
    assert (found.questions, found.covered, found.accuracy) == (4, 3, pytest.approx(2 / 3))
    assert found.categories["royal"] == {"questions": 3, "covered": 3, "accuracy": pytest.approx(2 / 3)}
    assert found.categories["other"] == {"questions": 1, "covered": 0, "accuracy": None}


def test_the_words_of_the_question_are_no_answer():
    """Without leaving c out, c itself would be nearest to b − a + c where b and a are alike."""
    made = vectors({"a": [1, 0], "b": [1, 0.01], "c": [0, 1], "d": [0.6, 1]})
    assert intrinsic.analogies(made, Questions("t", ["x"], [("a", "b", "c", "d")])).accuracy == 1


@given(st.integers(0, 10_000), st.integers(1, 5))
@settings(deadline=None, max_examples=30)
def test_pieces_of_the_product_give_what_the_whole_gives(seed, k):
    draw = np.random.default_rng(seed)
    matrix, targets = draw.normal(size=(50, 4)).astype(np.float32), draw.normal(size=(7, 4)).astype(np.float32)
    left_out = draw.integers(-1, 50, size=(7, 2))
    whole = targets @ (matrix / np.linalg.norm(matrix, axis=1, keepdims=True)).T
    for row, out in zip(whole, left_out, strict=True):
        row[out[out >= 0]] = -np.inf
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(neighbours, "ROWS", 8)
        places, products = neighbours.nearest_rows(matrix, targets, left_out, k)
    assert (places == np.argsort(-whole, axis=1, kind="stable")[:, :k]).all()
    assert np.allclose(products, np.sort(whole, axis=1)[:, ::-1][:, :k], atol=1e-5)


def test_nearest_words_are_those_of_the_vectors():
    made = vectors()
    assert [word for word, _ in intrinsic.nearest(made, "왕", 3)] == [word for word, _ in made.nearest("왕", 3)]
    assert len(intrinsic.nearest(made, "왕", 99)) == len(KINGS) - 1


def test_a_word_that_cannot_be_composed_has_no_neighbours():
    with pytest.raises(VectorsError, match="'왕자' must be one of the 6 words"):
        intrinsic.nearest(vectors(), "왕자")


def test_coverage_counts_the_words_of_texts():
    found = intrinsic.coverage(vectors(), ["왕 여왕 왕", "모름 왕", ""], Whitespace())
    assert found == (2, 3, 4, 5, [("모름", 1)], 0, 0)


@pytest.mark.parametrize(
    ("words", "language"),
    [(["영화", "a", "."], "ko"), (["the", "영", "a", "b"], "en"), (["ㅎ", "ㅏ"], "ko"), (["1"], "en")],
)
def test_the_likely_language(words, language):
    assert intrinsic.language_of(words) == language


def test_without_sets_there_is_nothing_to_evaluate_on(monkeypatch):
    monkeypatch.delenv("YEONMA_DATA", raising=False)
    with pytest.raises(ConfigError, match="--similarity FILE.*wordsim/ko-NAME"):
        intrinsic.likely_sets(vectors())


def test_the_shared_sets_are_known_by_name(real_data):
    pairs, questions = read_pairs("ko-ws353"), read_questions("ko-analogy")
    assert (len(pairs.pairs), len(questions.words), len(set(questions.categories))) == (353, 10_000, 10)
    assert intrinsic.likely_sets(vectors()) == (["ko-ws353"], ["ko-analogy"])
    assert "en-simlex-999" in intrinsic.likely_sets(vectors({"word": [1, 2]}))[0]
