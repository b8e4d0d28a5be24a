"""The options of careful descent: --layer-decay, --embedding-lr, --head-lr, --freeze."""

from __future__ import annotations

import json
import tomllib

import pytest

TINY = ("--encoder", "cnn", "--set", "encoder.tokenizer=whitespace", "--set", "encoder.dim=8", "--set",
        "encoder.filters=3", "-o", "new")  # fmt: skip


def test_the_help_names_them(yeonma):
    shown = yeonma("finetune", "--help").out
    assert all(option in shown for option in ("--layer-decay", "--embedding-lr", "--head-lr", "--freeze", "lower:K"))


def test_they_reach_the_run_its_record_and_its_page(yeonma, place):
    done = yeonma(
        "finetune", "--data", "train.tsv", "--layer-decay", "0.5", "--embedding-lr", "1e-5", "--head-lr", "0.01",
        "--freeze", "gradual", "--set", "train.epochs=3", *TINY,
    )  # fmt: skip
    assert (done.code, done.out) == (0, "")
    written = tomllib.loads((place / "new/config.toml").read_text(encoding="utf-8"))
    assert written["encoder"]["freeze"] == "gradual"
    train = written["train"]
    assert (train["layer_decay"], train["embedding_lr"], train["head_lr"]) == (0.5, 1e-5, 0.01)
    groups = json.loads((place / "new/groups.json").read_text(encoding="utf-8"))["groups"]
    assert [(g["name"], g["learning_rate"], g["first_epoch"]) for g in groups] == [
        ("head", 0.01, 1), ("layer 1", 5e-4, 2), ("embeddings", 1e-5, 3),
    ]  # fmt: skip
    assert "rate 0.0005, from epoch 2 on" in done.err
    page = (place / "new/report/index.html").read_text(encoding="utf-8")
    assert '<span lang="en">layer 1</span><span lang="ko">1층</span></td><td>' in page
    assert "<td>0.0005</td><td>2</td>" in page


def test_set_wins_over_an_option(yeonma, place):
    told = yeonma("finetune", "--data", "train.tsv", "--freeze", "all", "--set", "encoder.freeze=lower:1",
                  "--set", "train.epochs=1", *TINY)  # fmt: skip
    assert told.code == 0
    assert tomllib.loads((place / "new/config.toml").read_text(encoding="utf-8"))["encoder"]["freeze"] == "lower:1"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--freeze", "lower:2"), "error: encoder.freeze: 'lower:2' freezes more layers than cnn has above its"),
        (("--freeze", "embedings"), "Did you mean 'embeddings'?"),
        (("--freeze", "true"), "error: encoder.freeze"),
        (("--layer-decay", "1.5"), "error: train.layer_decay: Input should be less than or equal to 1. It got 1.5."),
        (("--embedding-lr", "-1"), "error: train.embedding_lr"),
        (("--head-lr", "nan"), "error: train.head_lr"),
        (("--head-lr", "fast"), "--head-lr"),
        (("--freeze", "all", "--embedding-lr", "0.1"), "leave one of them out"),
    ],
)
def test_what_does_not_fit_ends_with_two_and_leaves_nothing(yeonma, place, options, said):
    told = yeonma("finetune", "--data", "train.tsv", *options, *TINY)
    assert (told.code, told.out) == (2, "")
    assert said in told.err
    assert not (place / "new").exists()
