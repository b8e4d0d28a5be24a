"""`yeonma pretrain` for word vectors: every method by its name, settings, and the words of its errors."""

from __future__ import annotations

from pathlib import Path

import pytest

from yeonma import plugins
from yeonma.vectors import Vectors

METHODS = [name for name in plugins.names("pretrain") if name != "mlm"]
QUICK = ("--tokenizer", "whitespace", "--dim", "8", "--min-count", "2")


@pytest.mark.parametrize("method", METHODS)
def test_every_method_makes_a_folder_of_vectors(yeonma, corpus, method):
    facts = yeonma("pretrain", method, corpus, "-o", "v", *QUICK, "--vocab-size", "50", "--seed", "3", "--json").json
    vectors = Vectors.load("v")
    assert vectors.matrix.shape == (50, 8)
    assert (facts["method"], facts["words"], facts["settings"]["seed"]) == (method, 50, 3)
    assert vectors.counts.tolist() == sorted(vectors.counts.tolist(), reverse=True)
    assert not Path(".v.work").exists()


@pytest.mark.parametrize("method", METHODS)
def test_one_thread_gives_the_same_bits_again(yeonma, corpus, method):
    for name in ("one", "two"):
        assert yeonma("pretrain", method, corpus, "-o", name, *QUICK).code == 0
    assert Vectors.load("one").matrix.tobytes() == Vectors.load("two").matrix.tobytes()


def test_any_setting_can_be_set_and_goes_over_its_option(yeonma, corpus):
    made = yeonma(
        "pretrain", "word2vec", corpus, "-o", "v", *QUICK, "--epochs", "1",
        "--set", "dim=6", "--set", "model=cbow", "--set", "lr=0.01", "--json",
    )  # fmt: skip
    settings = made.json["settings"]
    assert (settings["dim"], settings["model"], settings["lr"], settings["epochs"]) == (6, "cbow", 0.01, 1)
    assert Vectors.load("v").dim == 6


def test_phrases_go_along(yeonma, corpus):
    made = yeonma("pretrain", "word2vec", corpus, "-o", "v", *QUICK, "--epochs", "1", "--phrases", "5", "--json")
    vectors = Vectors.load("v")
    phrase = next(word for word in vectors.words if "_" in word)
    assert [piece.form for piece in vectors.tokenizer.pieces(phrase.replace("_", " "))] == [phrase]
    assert made.json["corpus"]["phrases"] > 0
    tuned = yeonma("finetune", "--data", "sample-single", "--encoder", "bag", "--vectors", "v", "-o", "tuned",
                   "--set", "train.epochs=1")  # fmt: skip
    assert tuned.code == 0, tuned.err
    assert yeonma("predict", "tuned", phrase.replace("_", " ")).code == 0


def test_two_processes_read_the_same_corpus(yeonma, corpus):
    words = []
    for threads in ("1", "2"):
        yeonma("pretrain", "word2vec", corpus, "-o", "v", *QUICK, "--epochs", "1", "--threads", threads)
        vectors = Vectors.load("v")
        words.append((list(vectors.words), vectors.counts.tolist()))
    assert words[0] == words[1]


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["wrod2vec"], "There is no pretrain called 'wrod2vec'. Did you mean 'word2vec'?"),
        (["swivle"], "Did you mean 'swivel'?"),
        (["lsa", "--negative", "5"], "The method 'lsa' has no setting 'negative'. Known: "),
        (["word2vec", "--layers", "2"], "The method 'word2vec' has no setting 'layers'."),
        (["word2vec", "--set", "epoch=2"], "The method 'word2vec' has no setting 'epoch'. Did you mean 'epochs'?"),
        (["word2vec", "--set", "model=cbwo"], "cannot be 'cbwo'. Did you mean 'cbow'?"),
        (["word2vec", "--set", "lr=fast"], "must be a number from 1e-06 to 1.0 (default 0.05); 'fast' came"),
        (["word2vec", "--set", "lr"], "--set takes key=value"),
        (["word2vec", "--set", "a.b=1"], "has no setting 'a'"),
        (["word2vec", "--set", "method=glove"], "'method' is no setting of a method and cannot be set. Name it first"),
        (["word2vec", "--set", "tokenizer=syllable"], "Choose it with --tokenizer NAME"),
        (["word2vec", "--set", "corpus=other.txt"], "yeonma pretrain METHOD CORPUS..."),
        (["word2vec", "--set", "column=text"], "Choose it with --column NAME"),
        (["word2vec", "--set", "key=abc"], "'key' is no setting"),
        (["word2vec", "--vocab-size", "-1"], "'vocab_size'"),
        (["word2vec", "--phrases", "-1"], "'phrases'"),
        (["word2vec", "--phrases", "nan"], "'phrases'"),
        (["word2vec", "--threads", "0"], "'threads'"),
        (["word2vec", "--tokenizer", "phrases"], "There is no tokenizer called 'phrases'."),
        (["word2vec", "--resume"], "There is no unfinished training of new to resume"),
        (["word2vec", "--column", "text"], "corpus.txt: there is no table with a column"),
        (["word2vec", "--min-count", "100000"], "No word occurs 100000 times"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_left(yeonma, corpus, argv, message):
    before = sorted(Path.cwd().iterdir())
    shown = yeonma("pretrain", *argv, corpus, "-o", "new")
    assert (shown.code, shown.out) == (2, "")
    assert message in shown.err
    assert sorted(Path.cwd().iterdir()) == before
