"""Each of the nine optimizers learns the bundled sample at its own default rate, from vectors of the bundled corpus."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from yeonma.optim.registry import rules

MARGIN = 0.10
ENCODER = ("--encoder", "cnn", "--set", "encoder.filters=30")


@pytest.fixture(scope="module")
def vectors(tmp_path_factory, corpus) -> Path:
    """Word vectors of the bundled corpus, cut by mecab."""
    folder = tmp_path_factory.mktemp("optimizers") / "vectors"
    settings = ("--tokenizer", "mecab", "--min-count", "2", "--epochs", "20")
    command = [sys.executable, "-m", "yeonma", "pretrain", "word2vec", str(corpus), "-o", str(folder), *settings]
    subprocess.run(command, check=True, capture_output=True)
    return folder


@pytest.mark.parametrize("rule", sorted(rules()))
def test_it_beats_the_majority_class_on_the_test_split(yeonma, vectors, rule):
    """Gradient descent makes one step an epoch and has a hundred of them, the others eight and have ten epochs."""
    epochs = 100 if rules()[rule].full_batch else 10
    done = yeonma(
        "finetune", "--data", "sample-single", "--vectors", vectors, *ENCODER, "--optimizer", rule,
        "--set", f"train.epochs={epochs}", "-o", "new",
    )  # fmt: skip
    assert done.code == 0, done.err
    scores = yeonma("evaluate", "new", "--json").json["scores"]
    assert scores["n"] == 120
    assert scores["accuracy"] >= scores["majority"]["accuracy"] + MARGIN
