"""Encoded corpora in the cache: used again, made again when anything changed, whole or not there, bounded."""

from __future__ import annotations

import os

import numpy as np
import pytest

from builders import ended
from yeonma.errors import DiskError
from yeonma.files import cache_folder
from yeonma.pretraining import corpora, make_method
from yeonma.pretraining.corpora import corpus_key, encoded
from yeonma.pretraining.corpus import Corpus, written
from yeonma.processes import signature
from yeonma.text.tokenizers import Syllable, Whitespace

WORD2VEC = {"min_count": 1}


@pytest.fixture(autouse=True)
def _empty_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("YEONMA_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def files(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("가 나 가\n나 다\n\n가\n", encoding="utf-8")
    return [path]


def make(files, tokenizer=None, column=None, told=None, **settings):
    method, tokenizer = make_method("word2vec", **(WORD2VEC | settings)), tokenizer or Whitespace()
    key = corpus_key(files, column, tokenizer, method)
    progress = (lambda *what: told.append(what)) if told is not None else (lambda *what: None)
    return encoded(key, files, column, tokenizer, method, progress)


def kept():
    return sorted(path.name for path in (cache_folder() / "corpora").iterdir())


def test_a_corpus_is_read_once(files):
    told = []
    first, second = make(files, told=told), make(files, told=told)
    assert [what for what, *_ in told] == ["read", "read"], "only the first one reads"
    assert first.words == second.words == ["가", "나", "다"]
    assert second.counts.tolist() == [3, 2, 1]
    assert second.tokens[:].tolist() == [0, 1, 0, 1, 2, 0]
    assert second.bounds[:].tolist() == [0, 3, 5, 6]
    assert (second.dropped, second.pairs) == (0, [])


def test_what_changes_the_numbers_changes_the_name(files, tmp_path):
    make(files)
    make(files, Syllable())
    make(files, Whitespace(lowercase=True))
    make(files, min_count=2)
    make(files, vocab_size=2)
    make(files, phrases=1.0)
    make(files, dim=7, seed=1, epochs=2)  # not the numbers
    assert len(kept()) == 6
    files[0].write_text("가 나 가\n나 라\n\n가\n", encoding="utf-8")
    os.utime(files[0], ns=(1, 1))
    assert make(files).words == ["가", "나", "라"]
    assert len(kept()) == 7


def test_phrases_and_rare_words_are_kept_with_it(files):
    files[0].write_text("뉴욕 타임스 가\n나 뉴욕 타임스\n" * 5, encoding="utf-8")
    for corpus in (make(files, phrases=0.5, min_count=2), make(files, phrases=0.5, min_count=2)):
        assert ("뉴욕", "타임스") in corpus.pairs
        assert "뉴욕_타임스" in corpus.words


def test_a_broken_one_is_made_again(files):
    make(files)
    tokens = cache_folder() / "corpora" / kept()[0] / "tokens.i32"
    tokens.write_bytes(b"\xff" * tokens.stat().st_size)
    assert make(files).tokens[:].tolist() == [0, 1, 0, 1, 2, 0]


def test_the_oldest_go_beyond_the_limit(files, monkeypatch):
    for count in (1, 2, 3):
        corpus = make(files, min_count=count)
    size = sum(path.stat().st_size for path in (cache_folder() / "corpora").rglob("*") if path.is_file())
    oldest = min((cache_folder() / "corpora").iterdir(), key=lambda path: path.stat().st_mtime).name
    monkeypatch.setattr(corpora, "LIMIT", size)
    make(files, vocab_size=1)
    assert len(kept()) == 3
    assert oldest not in kept()
    monkeypatch.setattr(corpora, "LIMIT", 0)
    make(files, vocab_size=1)
    assert len(kept()) == 1
    assert corpus.tokens[:].tolist() == [0, 0, 0], "what is in use can be read to the end"


def test_what_is_no_corpus_or_goes_meanwhile_is_passed_over(files, monkeypatch):
    make(files)
    parent = cache_folder() / "corpora"
    (parent / "stray.txt").write_text("notes")
    (parent / "gone").mkdir()
    (parent / "gone" / "tokens.i32").symlink_to("evicted")
    monkeypatch.setattr(corpora, "LIMIT", 0)
    made = make(files, vocab_size=1)
    assert made.words == ["가"]
    assert len(kept()) == 3
    assert (parent / "stray.txt").read_text() == "notes"


def test_a_word_with_a_carriage_return_stays_one_word(tmp_path):
    tokens, bounds = written(tmp_path, "", [(np.arange(2, dtype=np.int32), np.array([2]))])
    corpora._write(Corpus(["a\rb", "c"], np.array([2, 1]), tokens, bounds), tmp_path)
    assert corpora._read(tmp_path).words == ["a\rb", "c"]


def test_halves_of_dead_processes_are_removed_and_those_of_living_ones_are_not(files):
    dead, alive = (cache_folder() / "corpora" / f".key.{signature(pid)}.part" for pid in (ended(), os.getppid()))
    for folder in (dead, alive):
        folder.mkdir(parents=True)
    make(files)
    assert not dead.exists()
    assert alive.exists()


def test_an_error_while_reading_leaves_nothing(files):
    files[0].write_bytes("가 나\n".encode() * 2000 + b"\xff\n")
    with pytest.raises(Exception, match=r"a\.txt:2001: the text must be UTF-8"):
        make(files)
    assert kept() == []


def test_a_cache_that_cannot_be_written_says_how_to_move_it(files, tmp_path, monkeypatch):
    (tmp_path / "taken").write_text("a file")
    monkeypatch.setenv("YEONMA_CACHE", str(tmp_path / "taken"))
    with pytest.raises(DiskError, match="YEONMA_CACHE moves it"):
        make(files)
