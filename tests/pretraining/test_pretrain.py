"""From files to a vectors folder: what it says, what it refuses, and that it is whole or not there."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

import yeonma
from yeonma.errors import ConfigError, DataError, DiskError, InputError
from yeonma.pretraining import pretrain
from yeonma.text.subword import BPE
from yeonma.text.tokenizers import Whitespace, make_tokenizer
from yeonma.vectors import Vectors

QUICK = {"dim": 8, "epochs": 1, "min_count": 2}


@pytest.fixture
def corpus(tmp_path):
    path = tmp_path / "corpus.txt"
    path.write_text("오늘 본 영화 정말 좋다\n\n어제 본 영화 정말 나쁘다\n한번\n" * 50, encoding="utf-8")
    return path


def test_the_folder_holds_vectors_tokenizer_and_how_they_were_made(corpus, tmp_path):
    made = pretrain("word2vec", [corpus], tmp_path / "v", tokenizer="whitespace", **QUICK)
    read = Vectors.load(tmp_path / "v")
    assert read.matrix.tobytes() == made.matrix.tobytes()
    assert list(read.words) == ["본", "영화", "정말", "오늘", "좋다", "어제", "나쁘다", "한번"]
    assert read.counts.tolist() == [100, 100, 100, 50, 50, 50, 50, 50]
    assert read.tokenizer.fingerprint() == Whitespace().fingerprint()
    config = read.config
    assert config["method"] == "word2vec"
    assert config["settings"]["dim"] == 8
    assert config["tokenizer"] == {"name": "whitespace", "settings": {"lowercase": False}}
    assert config["corpus"] == {
        "files": [{"name": "corpus.txt", "bytes": corpus.stat().st_size}],
        "column": None,
        "texts": 150,
        "tokens": 550,
        "tokens_left_out": 0,
        "vocabulary": 8,
        "phrases": 0,
    }
    assert config["yeonma"] == yeonma.__version__
    assert config["tokens_per_second"] > 0
    assert config["seconds"] > 0
    assert str(tmp_path) not in (tmp_path / "v" / "config.json").read_text(encoding="utf-8")


def test_two_runs_with_one_seed_are_equal(corpus):
    one, two = (pretrain("word2vec", [corpus], **QUICK, seed=5) for _ in range(2))
    assert one.matrix.tobytes() == two.matrix.tobytes()


@pytest.mark.parametrize("name", ["mecab", "jamo", "syllable"])
def test_a_tokenizer_by_name(corpus, tmp_path, name):
    pretrain("word2vec", [corpus], tmp_path / "v", tokenizer=name, **QUICK)
    read = Vectors.load(tmp_path / "v")
    assert read.tokenizer.name == name
    assert {piece.form for piece in read.tokenizer.pieces("정말 좋다")} <= set(read.words)


@pytest.mark.parametrize("tokenizer", ["wordpiece", BPE(vocab_size=40)])
def test_a_subword_tokenizer_is_trained_on_the_corpus_first(corpus, tmp_path, tokenizer):
    pretrain("word2vec", [corpus], tmp_path / "v", tokenizer=tokenizer, **QUICK)
    read = Vectors.load(tmp_path / "v")
    assert read.tokenizer.trained
    assert {piece.form for piece in read.tokenizer.pieces("정말 영화")} <= set(read.words)
    if isinstance(tokenizer, BPE):
        assert read.tokenizer.settings["vocab_size"] == 40
        assert not tokenizer.trained


def test_a_trained_tokenizer_is_used_as_it_is(corpus):
    trained = BPE.train(["정말 영화 좋다"] * 5, vocab_size=30)
    assert pretrain("word2vec", [corpus], tokenizer=trained, **QUICK).tokenizer is trained


def test_broken_bytes_are_named_while_a_subword_tokenizer_is_trained(tmp_path):
    (tmp_path / "a.txt").write_bytes("좋은 영화\n".encode() * 3 + b"\xff\n")
    with pytest.raises(DataError, match=r"a\.txt:4: the text must be UTF-8"):
        pretrain("word2vec", [tmp_path / "a.txt"], tokenizer="bpe", **QUICK)


def test_progress_tells_every_stage(corpus):
    stages = []
    pretrain("word2vec", [corpus], tokenizer="bpe", progress=lambda what, *_: stages.append(what), **QUICK)
    assert list(dict.fromkeys(stages)) == ["train tokenizer", "read", "train"]


@pytest.mark.parametrize("taken", ["a folder of something else", "a file"])
def test_a_place_that_holds_something_else_is_refused_and_kept(corpus, tmp_path, taken):
    place = tmp_path / "v"
    if taken == "a file":
        place.write_text("mine")
    else:
        place.mkdir()
        (place / "mine.txt").write_text("mine")
    with pytest.raises(InputError, match=r"holds something else\. Choose another place"):
        pretrain("word2vec", [corpus], place, **QUICK)
    assert (place if taken == "a file" else place / "mine.txt").read_text() == "mine"


def test_an_empty_folder_and_an_older_vectors_folder_are_replaced(corpus, tmp_path):
    (tmp_path / "v").mkdir()
    pretrain("word2vec", [corpus], tmp_path / "v", **QUICK)
    pretrain("word2vec", [corpus], tmp_path / "v", **(QUICK | {"dim": 4}))
    assert Vectors.load(tmp_path / "v").dim == 4
    assert sorted(path.name for path in tmp_path.iterdir()) == ["corpus.txt", "v"]


def test_a_place_that_cannot_be_made_is_said_first(corpus):
    with pytest.raises(DiskError, match="could not be written"):
        pretrain("word2vec", [corpus], corpus / "below" / "a file", **QUICK)


def test_what_is_wrong_is_said_before_anything_is_read(tmp_path):
    for wrong in ({"method": "word2vce"}, {"tokenizer": "mecap"}, {"dim": 0}, {"dimm": 1}):
        with pytest.raises(ConfigError):
            pretrain(**({"method": "word2vec", "paths": [tmp_path / "none"]} | wrong))
    with pytest.raises(DataError, match="no such file"):
        pretrain("word2vec", [tmp_path / "none"], tmp_path / "v")
    assert list(tmp_path.iterdir()) == []


def test_a_kill_leaves_no_half_folder(corpus, tmp_path):
    """Killed at many moments, the place holds nothing or whole vectors."""
    code = (
        "import sys; from yeonma.pretraining import pretrain; print('go', flush=True)\n"
        "while True:\n    pretrain('word2vec', [sys.argv[1]], sys.argv[2], tokenizer='whitespace', dim=300, epochs=1,"
        " min_count=1)"
    )
    place = tmp_path / "v"
    environment = os.environ | {"PYTHONDONTWRITEBYTECODE": "1"}
    for delay in (0.7, 1.2):
        child = subprocess.Popen([sys.executable, "-c", code, corpus, place], stdout=subprocess.PIPE, env=environment)
        assert child.stdout.readline() == b"go\n"
        time.sleep(delay)
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()
        assert not place.exists() or len(Vectors.load(place).words) == 8
    pretrain("word2vec", [corpus], place, **QUICK)
    assert Vectors.load(place).dim == 8


def test_all_names_what_the_package_gives():
    import yeonma.pretraining as package

    assert package.__all__ == sorted(package.__all__)
    assert all(hasattr(package, name) for name in package.__all__)
    assert make_tokenizer("whitespace").trained


def test_asking_for_settings_imports_neither_numba_nor_torch():
    code = (
        "import sys; from yeonma.pretraining import make_method; make_method('word2vec')\n"
        "print(sorted({'torch', 'numba', 'pyarrow', 'polars', 'transformers'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
