"""Descending with care: the rate of every layer, what stays frozen to the bit, what is unfrozen when, and resuming."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest
import torch
from safetensors.torch import load_file

from builders import config, dataset
from test_train import learn, logged, same_tensors
from yeonma.errors import ConfigError, RunError
from yeonma.files import write_manifest
from yeonma.finetuning import prepare
from yeonma.groups import first_epochs, learning_rates
from yeonma.records import Stepped

SMALL = {"encoder__kind": "bilstm-attention", "encoder__units": 3, "encoder__attention": 4}
NAMES = ["head", "layer 2", "layer 1", "embeddings"]  # of the BiLSTM
STEPS = 8  # in an epoch of the made data
PREFIXES = {
    "head": ("head.",),
    "layer 2": ("encoder.project.", "encoder.score."),
    "layer 1": ("encoder.onward.", "encoder.inverse."),
    "embeddings": ("encoder.table.",),
}


def start(settings):
    """The weights that training begins with."""
    return {name: w.detach().clone() for name, w in prepare(settings, dataset()).model.named_parameters()}


def moved(before, after):
    """The groups that have moved, every weight of them; any other group must be the same to the bit."""
    found = []
    for group in NAMES:
        names = [name for name in before if name.startswith(PREFIXES[group])]
        if not all(torch.equal(before[name], after[name]) for name in names):
            assert not any(torch.equal(before[n], after[n]) for n in names if "score.bias" not in n), group
            found.append(group)
    return found


def groups_of(run):
    return json.loads((run.folder / "groups.json").read_text(encoding="utf-8"))["groups"]


# -- rates -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "rates"),
    [
        ({}, [0.1, 0.1, 0.1, 0.1]),
        ({"layer_decay": 0.5}, [0.1, 0.1 * 0.5, 0.1 * 0.5**2, 0.1 * 0.5**3]),
        ({"layer_decay": 0.5, "head_lr": 3.0}, [3.0, 0.1 * 0.5, 0.1 * 0.5**2, 0.1 * 0.5**3]),
        ({"layer_decay": 0.5, "embedding_lr": 0.7}, [0.1, 0.1 * 0.5, 0.1 * 0.5**2, 0.7]),
        ({"learning_rate": None, "layer_decay": 0.9}, [1e-3, 1e-3 * 0.9, 1e-3 * 0.9**2, 1e-3 * 0.9**3]),
        ({"learning_rate": None, "optimizer_args": {"eta": 0.2}, "layer_decay": 0.5}, [0.2, 0.1, 0.05, 0.025]),
    ],
)
def test_rates_are_the_formula(changes, rates):
    settings = config(**SMALL, **{f"train__{k}": v for k, v in {"learning_rate": 0.1, **changes}.items()})
    made = prepare(settings, dataset()).optimizer.param_groups
    assert [group["name"] for group in made] == NAMES
    assert [group["lr"] for group in made] == rates


def test_twelve_layers_over_embeddings():
    settings = config(train__learning_rate=2e-5, train__layer_decay=0.8, encoder__freeze="gradual")
    rates = learning_rates(settings.train, 13)
    assert rates == [2e-5 * 0.8**below for below in range(13, 0, -1)] + [2e-5]
    assert rates == sorted(rates)
    assert first_epochs(settings, 13) == list(range(13, 0, -1))
    assert first_epochs(config(encoder__freeze="lower:12"), 13) == [None] * 13
    assert first_epochs(config(encoder__freeze="lower:5"), 13) == [None] * 6 + [0] * 7


def test_a_rate_given_twice_is_refused():
    settings = config(train__learning_rate=0.1, train__optimizer_args={"eta": 0.2})
    with pytest.raises(ConfigError, match="lr was given twice"):
        prepare(settings, dataset())


def test_the_first_step_of_a_layer_is_its_rate_times_its_gradient(tmp_path):
    """One step of gradient descent: against equal rates every layer goes its own share of the way."""
    plain = {"train__optimizer": "gd", "train__epochs": 1, "train__warmup_ratio": 0, "train__max_grad_norm": 0}
    begun = start(config(**SMALL, **plain))
    ways = []
    for decay in (1.0, 0.5):
        settings = config(**SMALL, **plain, train__learning_rate=0.5, train__layer_decay=decay)
        run, _ = learn(tmp_path / str(decay), settings)
        after = load_file(run.checkpoints.folders()[-1] / "model.safetensors")
        ways.append({name: after[name] - weight for name, weight in begun.items()})
    for below, group in enumerate(NAMES):
        for name in (name for name in begun if name.startswith(PREFIXES[group])):
            assert torch.allclose(ways[1][name], ways[0][name] * 0.5**below, atol=1e-6), name
            assert ways[0][name].abs().max() > 1e-5 or "score.bias" in name, name


def test_the_rate_that_is_reported_is_the_heads(tmp_path):
    settings = config(train__schedule="constant", train__warmup_ratio=0, train__head_lr=0.03, train__embedding_lr=0.5)
    _, events = learn(tmp_path / "run", settings)
    assert {event.learning_rate for event in events if isinstance(event, Stepped)} == {0.03}


# -- frozen ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rule", ["momentum", "adam"])
@pytest.mark.parametrize(
    ("what", "trained"),
    [("none", 4), ("embeddings", 3), ("lower:1", 2), ("lower:2", 1), ("all", 1)],
)
def test_frozen_weights_stay_to_the_bit(tmp_path, rule, what, trained):
    settings = config(
        **SMALL, encoder__freeze=what, train__optimizer=rule, train__learning_rate=0.02, train__weight_decay=0.1
    )
    run, _ = learn(tmp_path / "run", settings)
    last = run.checkpoints.folders()[-1]
    assert moved(start(settings), load_file(last / "model.safetensors")) == NAMES[:trained]
    assert [group["first_epoch"] for group in groups_of(run)] == [1] * trained + [None] * (4 - trained)
    assert [group["name"] for group in prepare(settings, dataset()).optimizer.param_groups] == NAMES[:trained]
    held = {key.split(".")[0] for key in load_file(last / "optimizer.safetensors")}
    names = [name for group in NAMES[:trained] for name in start(settings) if name.startswith(PREFIXES[group])]
    assert len(held) == len(names)  # no state for what is frozen


@pytest.mark.parametrize(("kind", "above"), [("bag", 0), ("cnn", 1), ("bilstm-attention", 2)])
def test_more_layers_than_there_are(tmp_path, kind, above):
    with pytest.raises(ConfigError, match=rf"encoder.freeze: 'lower:{above + 1}' .* {kind} has .*: {above}\."):
        learn(tmp_path / "run", config(encoder__kind=kind, encoder__freeze=f"lower:{above + 1}"))


# -- gradual unfreezing ------------------------------------------------------------------------------------------------

GRADUAL = {
    **SMALL, "encoder__freeze": "gradual", "train__learning_rate": 0.02, "train__weight_decay": 0.1,
    "checkpoint__every_steps": STEPS, "checkpoint__keep": 9,
}  # fmt: skip


@pytest.mark.parametrize("rule", ["momentum", "adam"])
def test_every_epoch_trains_one_layer_more(tmp_path, rule):
    settings = config(**GRADUAL, train__optimizer=rule, train__epochs=5)
    run, _ = learn(tmp_path / "run", settings)
    at = [start(settings), *(load_file(folder / "model.safetensors") for folder in run.checkpoints.folders())]
    assert len(at) == 6
    assert [moved(*pair) for pair in pairwise(at)] == [NAMES[:n] for n in (1, 2, 3, 4, 4)]
    assert [group["first_epoch"] for group in groups_of(run)] == [1, 2, 3, 4]


def test_gradient_descent_unfreezes_by_epochs_too(tmp_path):
    run, _ = learn(tmp_path / "run", config(**GRADUAL, train__optimizer="gd", train__epochs=3))
    assert moved(start(run.config()), load_file(run.checkpoints.folders()[-1] / "model.safetensors")) == NAMES[:3]


def test_too_few_epochs_are_told(tmp_path):
    told = []
    settings = config(**GRADUAL, train__epochs=2)
    run, _ = learn(tmp_path / "run", settings, progress=lambda what, *_: told.append(what))
    assert [group["first_epoch"] for group in groups_of(run)] == [1, 2, None, None]
    assert any("train.epochs = 2 does not reach" in line and "4 or more" in line for line in told)
    assert moved(start(settings), load_file(run.checkpoints.folders()[-1] / "model.safetensors")) == NAMES[:2]


@pytest.mark.parametrize("rule", ["momentum", "adam", "nadam"])
@pytest.mark.parametrize("at", [STEPS - 1, STEPS, STEPS + 1, 2 * STEPS])
def test_resume_across_an_unfreezing_is_bit_equal(tmp_path, rule, at):
    settings = config(**{**GRADUAL, "checkpoint__every_steps": 500}, train__optimizer=rule, train__epochs=3)
    whole, _ = learn(tmp_path / "whole", settings)
    asked = []
    _, events = learn(tmp_path / "cut", settings, stop=lambda: asked.append(1) or len(asked) > at)
    assert events[-1].step == at
    again, _ = learn(tmp_path / "cut", settings, resume=True)
    newest = whole.checkpoints.folders()[-1].name
    for name in ("model", "optimizer", "rng"):
        file = f"checkpoints/{newest}/{name}.safetensors"
        same_tensors(whole.folder / file, again.folder / file)
    same_tensors(whole.model_folder / "model.safetensors", again.model_folder / "model.safetensors")
    assert logged(whole) == logged(again)
    assert groups_of(whole) == groups_of(again)


# -- the record --------------------------------------------------------------------------------------------------------


def test_what_was_trained_is_recorded_and_told_once(tmp_path):
    told = []
    settings = config(encoder__freeze="embeddings", train__head_lr=0.25)
    run, _ = learn(tmp_path / "run", settings, progress=lambda what, *_: told.append(what))
    table = load_file(run.folder / "embeddings/before.safetensors")["embeddings"]
    assert groups_of(run) == [
        {"name": "head", "weights": 2 * 8 + 2, "learning_rate": 0.25, "first_epoch": 1},
        {"name": "embeddings", "weights": table.numel(), "learning_rate": 1e-3, "first_epoch": None},
    ]
    lines = (run.folder / "train.log").read_text(encoding="utf-8").splitlines()
    assert [line.split()[2] for line in lines] == ["head", "embeddings"]
    assert lines[0].endswith("18 weights  rate 0.25")
    assert lines[1].endswith("weights  frozen")
    assert sum("weights" in line for line in told) == 2


def test_plain_training_says_nothing_of_groups(tmp_path):
    told = []
    learn(tmp_path / "run", config(), progress=lambda what, *_: told.append(what))
    assert not any("weights" in line for line in told)


def test_a_checkpoint_of_other_groups_is_not_continued(tmp_path):
    asked = []
    run, _ = learn(tmp_path / "run", config(), stop=lambda: asked.append(1) or len(asked) > 3)
    folder = run.checkpoints.folders()[-1]
    state = json.loads((folder / "state.json").read_text(encoding="utf-8"))
    state["optimizer"]["groups"].pop()
    (folder / "state.json").write_text(json.dumps(state), encoding="utf-8")
    write_manifest(folder)
    with pytest.raises(RunError, match="other parameter groups"):
        learn(tmp_path / "run", config(), resume=True)
