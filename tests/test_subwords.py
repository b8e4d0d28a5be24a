"""Subwords: fastText's n-grams, hashed as it hashes them, and the mean of its own for an unknown word."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from yeonma.errors import VectorsError
from yeonma.subwords import Ngrams, Subwords, fnv1a
from yeonma.vectors import Vectors


@pytest.mark.parametrize(
    ("data", "value"),
    [(b"", 0x811C9DC5), (b"a", 0xE40C292C), (b"b", 0xE70C2DE5), (b"foobar", 0xBF9CF968)],
)
def test_fnv1a_gives_its_published_values(data, value):
    assert fnv1a(data) == value


def test_a_byte_from_128_on_is_a_negative_number_as_in_fasttext():
    """fastText: h = h ^ uint32_t(int8_t(byte)); h = h * 16777619."""
    h = np.uint32(2166136261)
    with np.errstate(over="ignore"):
        for byte in "한".encode():
            h = (h ^ np.int8(byte - 256).astype(np.uint32)) * np.uint32(16777619)
    assert fnv1a("한".encode()) == h


def test_ngrams_by_hand():
    assert Ngrams(minn=3, maxn=4).of("where") == ["<wh", "whe", "her", "ere", "re>", "<whe", "wher", "here", "ere>"]
    assert Ngrams(minn=1, maxn=2).of("영화") == ["영", "화", "<영", "영화", "화>"]
    assert Ngrams(minn=6, maxn=6).of("영화") == []


def test_n_grams_longer_than_a_word_cost_nothing():
    endless, ngrams = Ngrams(minn=2, maxn=2**31 - 1), Ngrams(minn=2, maxn=4)
    assert endless.of("영화") == ngrams.of("영화")
    assert endless.hashed(["영화", ""])[0].tolist() == ngrams.hashed(["영화", ""])[0].tolist()
    assert endless.hashed([])[0].tolist() == []


def test_jamo_ngrams_by_hand():
    """값 = ㄱ ㅏ ㅄ; an initial ㄱ and a final ㄱ are other letters; what is no syllable stays."""
    jamo = Ngrams(minn=3, maxn=3, units="jamo")
    assert jamo.of("값") == ["<\u1100\u1161", "\u1100\u1161\u11b9", "\u1161\u11b9>"]
    assert Ngrams(minn=1, maxn=1, units="jamo").of("각ㅋ!") == ["\u1100", "\u1161", "\u11a8", "ㅋ", "!"]


@given(
    st.lists(st.text(st.characters(codec="utf-8"), max_size=7) | st.text("가각힣ㅋ<>", max_size=7), max_size=6),
    st.integers(1, 4), st.integers(0, 3), st.sampled_from(["characters", "jamo"]), st.sampled_from([7, 2_000_000]),
)  # fmt: skip
def test_many_words_are_hashed_like_one_after_the_other(words, minn, more, units, buckets):
    ngrams = Ngrams(minn=minn, maxn=minn + more, units=units, buckets=buckets)
    ids, bounds = ngrams.hashed(words)
    assert len(bounds) == len(words) + 1
    for word, start, end in zip(words, bounds, bounds[1:], strict=False):
        assert sorted(ids[start:end]) == sorted(fnv1a(each.encode()) % buckets for each in ngrams.of(word))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"minn": 0}, "1 ≤ minn ≤ maxn"),
        ({"minn": 4, "maxn": 3}, "minn=4, maxn=3"),
        ({"units": "jamos"}, "Did you mean 'jamo'"),
        ({"buckets": 0}, "buckets"),
    ],
)
def test_settings_that_do_not_fit_are_refused(settings, message):
    with pytest.raises(VectorsError, match=message):
        Ngrams(**settings)


def made(words: list[str], **settings) -> Subwords:
    ngrams = Ngrams(**({"minn": 2, "maxn": 3} | settings))
    ids = np.unique(ngrams.hashed(words)[0])
    return Subwords(ngrams, ids, np.random.default_rng(0).normal(size=(len(ids), 4)).astype(np.float32))


def test_the_row_of_a_word_is_the_mean_of_its_known_ngrams():
    subwords = made(["영화"])
    row = {bucket: subwords.matrix[place] for place, bucket in enumerate(subwords.ids)}
    known = [row[fnv1a(each.encode()) % 2_000_000] for each in ("<영", "영화", "<영화")]
    rows = subwords.rows(["영화관", "책"])
    assert rows[0] == pytest.approx(np.mean(known, axis=0), abs=1e-6)
    assert not rows[1].any()
    assert subwords.known(["영화관", "책"]).tolist() == [True, False]
    assert subwords.rows([]).shape == (0, 4)


@pytest.mark.parametrize(
    ("ids", "rows", "message"),
    [
        ([1, 1], np.zeros((2, 3), np.float32), "own bucket"),
        ([1], np.zeros((2, 3), np.float32), "own bucket"),
        ([1, 99], np.zeros((2, 3), np.float32), "0 to 9"),
        ([1], np.full((1, 3), np.nan, np.float32), "finite"),
        ([1], np.zeros((1, 3)), "float32"),
    ],
)
def test_parts_that_do_not_fit_are_refused(ids, rows, message):
    with pytest.raises(VectorsError, match=message):
        Subwords(Ngrams(buckets=10), np.array(ids), rows)


def vectors() -> Vectors:
    subwords = made(["영화", "사과"])
    return Vectors(["영화", "사과"], subwords.rows(["영화", "사과"]), config={"method": "fasttext"}, subwords=subwords)


def test_unknown_words_have_vectors_and_neighbours():
    ours = vectors()
    assert ours.vector("영화").tolist() == ours.matrix[0].tolist()
    assert ours.vector("영화관") == pytest.approx(ours.subwords.rows(["영화관"])[0])
    assert ours.nearest("영화관")[0][0] == "영화"
    assert len(ours.nearest("영화관")) == 2
    with pytest.raises(VectorsError, match="'책' must be one of the 2 words"):
        ours.vector("책")
    with pytest.raises(VectorsError, match="'영화관' must be one of"):
        Vectors(ours.words, ours.matrix).nearest("영화관")


def test_a_folder_gives_subwords_back(tmp_path):
    ours = vectors()
    ours.save(tmp_path / "v")
    read = Vectors.load(tmp_path / "v")
    assert read.subwords.ngrams == ours.subwords.ngrams
    assert read.subwords.matrix.tobytes() == ours.subwords.matrix.tobytes()
    assert read.vector("영화관").tobytes() == ours.vector("영화관").tobytes()
    assert read.config == {"method": "fasttext"}
    read.save(tmp_path / "w")
    files = ("vectors.safetensors", "words.txt", "config.json")
    assert all((tmp_path / "v" / name).read_bytes() == (tmp_path / "w" / name).read_bytes() for name in files)


@pytest.mark.parametrize("ngrams", ['{"minn": "3", "maxn": 6}', '{"size": 3}', "3", "null"])
def test_a_folder_with_other_settings_is_refused(tmp_path, ngrams):
    vectors().save(tmp_path / "v")
    (tmp_path / "v" / "config.json").write_text(f'{{"subwords": {ngrams}}}')
    for manifest in tmp_path.rglob("*manifest*"):
        manifest.unlink()
    with pytest.raises(VectorsError):
        Vectors.load(tmp_path / "v")


def test_subwords_of_another_dimension_are_refused():
    with pytest.raises(VectorsError, match="subwords must have 2 numbers"):
        Vectors(["a"], np.zeros((1, 2), np.float32), subwords=made(["영화"]))
