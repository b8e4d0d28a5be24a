"""mecab: the raw answer gives what the library's own objects give. kiwi: restored stems keep their characters."""

from __future__ import annotations

import sys
import unicodedata

import pytest

from yeonma.errors import MissingExtra
from yeonma.text import Kiwi, Mecab
from yeonma.text.tokenizers import prepared

SENTENCES = [
    "마음이 자꾸 끌려 갔다.",
    "어제 친구랑 본 영화가 생각보다 훨씬 재밌었어요!!",
    "이건 뭐... 돈이 아깝다는 말밖에 안 나온다 ㅡㅡ",
    "2019년 3월 1일, 서울특별시 종로구에서 3.1운동 100주년 기념식이 열렸다.",
    "가격은 12,900원(부가세 포함)이고 전화는 010-1234-5678입니다.",
    "그는 “그럴 리가 없다”고 말했지만 아무도 믿지 않았습니다",
    "ㅋㅋㅋㅋㅋ 진짜 웃겨 죽는줄ㅠㅠㅠㅠ",
    "OECD 회원국의 GDP 성장률은 평균 2.3%였다",
    "아버지가방에들어가신다",
    "띄어쓰기를전혀하지않아도형태소를나누어야한다",
    "도와줘서 고마워, 빨리 나아라. 걸어서 집에 갔더니 추웠다.",
    "할게요 했잖아요 그랬나 봐요 하더라고요",
    "😀👍🏽 최고 🇰🇷",
    "漢字와 한글, かな, Ελληνικά를 섞어 쓴 文章",
    "뷁쀍 휁뉅 같은 말은 사전에 없다",
    '따옴표 "안"과 쉼표, 그리고 탭\t줄\n바꿈\r\n끝',
    "  앞뒤와   사이에 빈칸  ",
    "http://example.com/a?b=c&d=e 여기를 보세요 #해시태그 @사람",
    "EOS",
    "첫 줄\nEOS\n끝 줄",
    "a,b\\c\"d'e%m%s%%",
    "ᄒᆞᆫ글 옛말",
    "영화 보는 내내 졸았음;;;;;;;;;; 별 반개도 아까움ㅡ,.ㅡ^",
]


@pytest.fixture(scope="module")
def library():
    from mecab import MeCab

    return MeCab()


def same_as_library(library, texts) -> None:
    tokenizer = Mecab()
    for text in texts:
        ready = prepared(text).text
        assert [piece.form for piece in tokenizer.pieces(text)] == library.morphs(ready)
        if ready == text.lstrip():  # the library's own offsets are off after leading blanks
            assert [piece[1:] for piece in tokenizer.pieces(text)] == [tuple(m.span) for m in library.parse(text)]


@pytest.mark.parametrize("text", SENTENCES)
def test_mecab_is_the_library_in_another_way(library, text):
    same_as_library(library, [text])


def test_mecab_is_the_library_on_real_reviews(library, real_data):
    import pyarrow.parquet as pq

    same_as_library(library, pq.read_table(real_data / "nsmc" / "train.parquet")["document"].to_pylist()[:5000])


def test_mecab_keeps_a_contraction_whole():
    assert ("끌려", 4, 6) in Mecab().pieces("마음이 끌려 갔다")


@pytest.mark.parametrize("blank", ["", " ", "\n", " \r\n\t ", "\u3000\xa0\x1f"])
def test_blank_text_has_no_morphemes(blank):
    assert Mecab().pieces(blank) == []


def test_a_blank_that_the_dictionary_counts_to_a_word_is_not_part_of_it():
    assert ("에듀", 3, 5) in [tuple(piece) for piece in Mecab().pieces("스카이에듀 의 풀")]


def test_nothing_after_a_nul_is_lost():
    assert Mecab().pieces("한국\0한국") == [("한국", 0, 2), ("\ufffd", 2, 3), ("한국", 3, 5)]


def test_odd_blanks_are_blanks():
    assert Mecab().pieces("한국\u3000한국\xa0한국") == [("한국", 0, 2), ("한국", 3, 5), ("한국", 6, 8)]


def test_decomposed_text_keeps_its_own_offsets():
    text = unicodedata.normalize("NFD", "한국은 좋다")
    pieces = Mecab().pieces(text)
    assert [piece.form for piece in pieces] == ["한국", "은", "좋", "다"]
    assert [unicodedata.normalize("NFC", text[start:end]) for _, start, end in pieces] == ["한국", "은", "좋", "다"]


def test_digits_apart():
    text = "2019년 3D 12,900원"
    pieces = Mecab(split_digits=True).pieces(text)
    assert [piece.form for piece in pieces] == [*"2019", "년", "3", "D", *"12", ",", *"900", "원"]
    assert all(text[start:end] == form for form, start, end in pieces)
    assert "2019" in [piece.form for piece in Mecab().pieces(text)]


def test_a_very_long_word_is_cut_whole():
    text = "ㅋ" * 30_000 + "가나다라마바사" * 1_000
    assert "".join(piece.form for piece in Mecab().pieces(text)) == text


@pytest.fixture(scope="module")
def kiwi():
    pytest.importorskip("kiwipiepy", reason="kiwipiepy is wanted: pip install 'yeonma[kiwi]'")
    return Kiwi()


def test_kiwi_gives_the_stem_and_ending_of_a_contraction_with_overlapping_characters(kiwi):
    pieces = kiwi.pieces("마음이 끌려 갔다")
    assert ("끌리", 4, 6) in pieces
    assert ("어", 5, 6) in pieces


def test_kiwi_points_into_the_decomposed_text(kiwi):
    text = unicodedata.normalize("NFD", "마음이 끌려 갔다")
    found = {piece.form: unicodedata.normalize("NFC", text[piece.start : piece.end]) for piece in kiwi.pieces(text)}
    assert found["끌리"] == "끌려"
    assert found["어"] == "려"


def test_kiwi_counts_a_character_beyond_the_basic_plane_as_one(kiwi):
    assert ("한국", 3, 5) in kiwi.pieces("😀😀 한국은 좋다")


def test_kiwi_restores_what_the_text_leaves_out_without_characters(kiwi):
    assert kiwi.pieces("영화려고") == [("영화", 0, 2), ("이", 2, 2), ("려고", 2, 4)]


def test_kiwi_writes_a_name_of_two_words_as_one(kiwi):
    assert kiwi.pieces("키아누 리브스가")[0] == ("키아누_리브스", 0, 7)


def test_kiwi_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "kiwipiepy", None)
    with pytest.raises(MissingExtra, match=r"pip install 'yeonma\[kiwi\]'"):
        Kiwi()
