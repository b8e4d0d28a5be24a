"""The commands from Python: pretrain, finetune, evaluate and load on tiny data; what importing them costs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import yeonma
from builders import examples
from yeonma.errors import ConfigError, DataError, Diverged, Interrupted, RunError, VectorsError
from yeonma.model import Model
from yeonma.records import Evaluated, Finished, Stepped
from yeonma.vectors import Vectors

TREE = {
    "data": {"train": "train.tsv", "valid": "valid.tsv", "test": "test.tsv"},
    "encoder": {"kind": "bag", "tokenizer": "whitespace", "dim": 8, "min_count": 1},
    "train": {"batch_size": 8, "epochs": 8, "learning_rate": 0.05},
}


@pytest.fixture
def place(tmp_path, monkeypatch) -> Path:
    """A working folder with train.tsv, valid.tsv, test.tsv and corpus.txt."""
    monkeypatch.chdir(tmp_path)
    for seed, (split, count) in enumerate({"train": 120, "valid": 40, "test": 40}.items(), start=1):
        rows = [f"{example.texts[0]}\t{example.gold}\n" for example in examples(count, seed)]
        Path(f"{split}.tsv").write_text("text\tlabel\n" + "".join(rows), encoding="utf-8")
    texts = [example.texts[0] for example in examples(400, 9)]
    Path("corpus.txt").write_text("\n".join(texts), encoding="utf-8")
    return tmp_path


def in_a_fresh_python(code: str) -> list[str]:
    """What a program prints as JSON."""
    done = subprocess.run(
        [sys.executable, "-c", f"import json, sys\n{code}"], capture_output=True, text=True, check=True
    )
    return list(json.loads(done.stdout))


def test_from_vectors_to_labels(place):
    """The whole way: pre-train, fine-tune what came out, score it, load it, ask it."""
    vectors = yeonma.pretrain("word2vec", ["corpus.txt"], "vectors", dim=8, epochs=2, min_count=1)
    assert isinstance(vectors, Vectors)
    loaded = yeonma.load("vectors")
    assert isinstance(loaded, Vectors)
    assert (list(loaded.words), loaded.dim) == (list(vectors.words), 8)

    events = []
    tree = {**TREE, "encoder": {"kind": "bag", "vectors": "vectors"}}
    run = yeonma.finetune(tree, output="run", on_event=events.append)
    assert run.folder == Path("run")
    assert {Stepped, Evaluated} <= set(map(type, events))
    assert run.status()["state"] == "done"

    result = yeonma.evaluate("run")
    assert set(result) == {"n", "data", "split", "scores"}
    assert (result["n"], result["split"]) == (40, "test")
    assert result["scores"]["accuracy"] >= 0.9
    assert run.scores() == {"test.tsv:test": result["scores"]}

    model = yeonma.load("run")
    assert isinstance(model, Model)
    golds = examples(40, 3)
    said = model.predict([example.texts[0] for example in golds])
    right = sum(prediction.value == example.gold for prediction, example in zip(said, golds, strict=True))
    assert right / 40 == result["scores"]["accuracy"]
    assert [p.value for p in yeonma.load("run/model").predict(["정말 최악", "정말 최고"])] == ["부정", "긍정"]


def test_choices_are_those_of_the_command_line(place):
    run = yeonma.finetune(
        data="train.tsv", encoder="cnn", optimizer="nag", output="run",
        overrides={"encoder": {"tokenizer": "whitespace", "filters": 4, "dim": 8}, "train": {"epochs": 1}},
    )  # fmt: skip
    config = run.config()
    assert (config.encoder.kind, config.encoder.filters, config.train.optimizer) == ("cnn", 4, "nag")
    assert run.read("data.json")["examples"] == {"train": 108, "valid": 12}


def test_a_stopped_run_is_resumed(place, monkeypatch):
    """The stop is that of `training`, which the command line's signals use."""
    from yeonma import api, chosen

    settings = chosen.settings(TREE)
    asked: list[int] = []
    events = list(api.training(settings, "run", stop=lambda: asked.append(1) or len(asked) > 20))
    assert events[-1].reason == "interrupted"
    assert api.Run.open("run").status()["state"] == "interrupted"
    with pytest.raises(RunError, match="not finished"):
        yeonma.load("run")
    with pytest.raises(RunError, match="already holds a run"):
        yeonma.finetune(TREE, output="run")
    assert yeonma.finetune(output="run", resume=True).status()["state"] == "done"
    yeonma.finetune(TREE, output="whole")
    weights = [Path(run, "model/model.safetensors").read_bytes() for run in ("run", "whole")]
    assert weights[0] == weights[1]


def test_an_interrupted_run_raises(place):
    asked: list[int] = []
    with pytest.raises(Interrupted, match="step 3"):
        yeonma.finetune(TREE, output="run", stop=lambda: asked.append(1) or len(asked) > 3)


def test_errors_are_of_their_kind(place):
    with pytest.raises(DataError, match="Did you mean 'train.tsv'"):
        yeonma.finetune(data="trian.tsv", output="run")
    with pytest.raises(ConfigError, match="Did you mean 'adam'"):
        yeonma.finetune(data="train.tsv", optimizer="adamm", output="run")
    with pytest.raises(ConfigError, match="There is no data"):
        yeonma.finetune(encoder="bag", output="run")
    with pytest.raises(VectorsError, match="no such folder or file"):
        yeonma.finetune(data="train.tsv", vectors="none", output="run")
    with pytest.raises(RunError, match="does not exist"):
        yeonma.load("none")
    assert not Path("run").exists()
    wild = {"train": {"learning_rate": 1e30, "max_grad_norm": 0, "warmup_ratio": 0, "optimizer": "sgd", "epochs": 1}}
    with pytest.raises(Diverged, match=r"step \d+: loss .*, learning rate \S+, gradient norm"):
        yeonma.finetune(TREE, overrides=wild, output="wild")


def test_importing_it_is_light():
    heavy = ("torch", "numpy", "numba", "polars", "pyarrow", "tokenizers", "pydantic", "mecab", "typer", "rich")
    loaded = in_a_fresh_python(
        f"import yeonma\nyeonma.__version__\nprint(json.dumps([n for n in {heavy!r} if n in sys.modules]))"
    )
    assert loaded == []


def test_the_names_are_functions_in_any_order():
    """No submodule of the same name takes a function's place when something imports it."""
    kinds = in_a_fresh_python(
        "import yeonma\nimport yeonma.cli, yeonma.train\n"
        "names = ('finetune', 'evaluate', 'load', 'pretrain')\n"
        "print(json.dumps([type(getattr(yeonma, n)).__name__ for _ in range(2) for n in names]))"
    )
    assert set(kinds) == {"function"}, kinds


@pytest.mark.parametrize("name", ["nothing", "_private", "train_it"])
def test_an_unknown_name_is_an_attribute_error(name):
    with pytest.raises(AttributeError, match=f"module 'yeonma' has no attribute '{name}'"):
        getattr(yeonma, name)
    with pytest.raises(ImportError):
        exec(f"from yeonma import {name}")


def test_leaving_the_events_at_the_last_one_keeps_the_run_done(place):
    from yeonma import api, chosen

    for event in api.training(chosen.settings(TREE, overrides={"train": {"epochs": 1}}), "run"):
        if isinstance(event, Finished):
            break
    assert api.Run.open("run").status()["state"] == "done"
