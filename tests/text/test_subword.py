"""Trained subword tokenizers: what they learn, what they cannot spell, and what other programs read."""

from __future__ import annotations

import unicodedata

import pytest

from yeonma.errors import ConfigError, DataError
from yeonma.text import BPE, Unigram, WordPiece, load_tokenizer, make_tokenizer

KINDS = [WordPiece, BPE, Unigram]
LINES = ["영화가 정말 재밌어요", "영화는 정말 최고였다", "배우가 정말 좋다!!", "Great movie, Great cast"] * 5


@pytest.fixture(scope="module", params=KINDS, ids=lambda kind: kind.name)
def trained(request):
    return request.param.train(LINES, vocab_size=150)


def forms(tokenizer, text):
    return [piece.form for piece in tokenizer.pieces(text)]


def test_a_frequent_word_becomes_one_piece():
    assert forms(WordPiece.train(LINES, vocab_size=150), "정말 배가") == ["정말", "배", "##가"]
    assert forms(BPE.train(LINES, vocab_size=150), "정말") == ["▁정말"]
    assert "▁영화" in Unigram.train(LINES, vocab_size=150).model.get_vocab()


def test_forms_are_entries_of_the_vocabulary(trained):
    entries = trained.model.get_vocab()
    pieces = trained.pieces("영화 뷁뷁영화 😀 [MASK] [PAD] Great!")
    assert {piece.form for piece in pieces} <= set(entries)
    assert "[UNK]" in {piece.form for piece in pieces}
    assert not {"[MASK]", "[PAD]"} & {piece.form for piece in pieces}


def test_every_character_that_is_not_blank_is_covered(trained):
    text = unicodedata.normalize("NFD", " 영화가\u3000뷁! 😀\n정말 é")
    covered = {i for _, start, end in trained.pieces(text) for i in range(start, end)}
    assert covered == {i for i, character in enumerate(text) if not character.isspace()}


def test_training_on_decomposed_text_learns_the_same(trained):
    apart = type(trained).train([unicodedata.normalize("NFD", line) for line in LINES], vocab_size=150)
    assert set(apart.model.get_vocab()) == set(trained.model.get_vocab())


@pytest.mark.parametrize("kind", [WordPiece, BPE])
@pytest.mark.parametrize("lowercase", [False, True])
def test_the_same_text_trains_the_same_tokenizer(kind, lowercase):
    texts = [f"{a}{b} {b}{a}{c}! 😀{a}{b} A{a}" for a in "가나다라마" for b in "거너더러" for c in "고노도"]
    made = {kind.train(texts, vocab_size=90, lowercase=lowercase).fingerprint() for _ in range(3)}
    assert len(made) == 1


def test_other_training_text_has_another_fingerprint(trained):
    other = type(trained).train([*LINES, "다른 글 다른 글"], vocab_size=150)
    assert other.fingerprint() != trained.fingerprint()


@pytest.mark.parametrize("kind", KINDS)
def test_lowercase_keeps_the_offsets(kind):
    tokenizer = kind.train(LINES, vocab_size=150, lowercase=True)
    assert tokenizer.settings == {"vocab_size": 150, "lowercase": True}
    assert forms(tokenizer, "İ GREAT 영화") == forms(tokenizer, "i\u0307 great 영화")
    assert tokenizer.pieces("GREAT 영화")[-1].end == 8


@pytest.mark.parametrize("kind", KINDS)
def test_an_untrained_one_says_how_to_train(kind, tmp_path):
    tokenizer = make_tokenizer(kind.name, vocab_size=500)
    assert not tokenizer.trained
    for use in (lambda: tokenizer.pieces("영화"), lambda: list(tokenizer.batch(["영화"])), tokenizer.fingerprint):
        with pytest.raises(ConfigError, match=rf"{kind.__name__}\.train\(texts\)"):
            use()
    with pytest.raises(ConfigError, match="must be trained"):
        tokenizer.save(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("texts", [[], [""], [" \n\u3000", "\x1f"]])
def test_nothing_to_learn_from_is_refused(kind, texts):
    with pytest.raises(DataError, match="needs text"):
        kind.train(texts)


@pytest.mark.parametrize("kind", KINDS)
def test_a_vocabulary_without_room_is_refused(kind):
    with pytest.raises(ConfigError, match="greater than 5"):
        make_tokenizer(kind.name, vocab_size=5)


def test_special_tokens_stand_first(trained):
    entries = trained.model.get_vocab()
    assert [entries[token] for token in ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")] == [0, 1, 2, 3, 4]


@pytest.mark.slow
def test_transformers_reads_the_folder(trained, tmp_path):
    transformers = pytest.importorskip("transformers", reason="transformers is wanted")
    trained.save(tmp_path)
    theirs = transformers.AutoTokenizer.from_pretrained(tmp_path)
    assert len(theirs) == trained.model.get_vocab_size()
    assert (theirs.pad_token_id, theirs.unk_token_id, theirs.mask_token_id) == (0, 1, 4)
    row = theirs("영화가 정말", "좋다")
    assert theirs.convert_ids_to_tokens(row["input_ids"])[0] == "[CLS]"
    assert row["token_type_ids"][-1] == 1
    text = "영화가 정말 재밌다!"
    assert theirs.tokenize(text) == forms(load_tokenizer(tmp_path), text)
