"""The training loop: it learns, chooses on validation, stops, and continues bit for bit."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from builders import config, dataset
from yeonma.errors import ConfigError, Diverged, InputError, RunError
from yeonma.finetuning import train
from yeonma.optim.registry import rules
from yeonma.records import Dataset, Evaluated, Finished, Saved, Stepped
from yeonma.run import Run

RULES = sorted(rules())


def learn(folder: Path, settings, data=None, **arguments):
    run = Run.open(folder) if arguments.get("resume") else Run.create(folder, settings)
    if arguments.get("resume"):
        run.lock()
    try:
        return run, list(train(settings, run, data or dataset(), **arguments))
    finally:
        run.release()


def same_tensors(one: Path, other: Path) -> None:
    a, b = load_file(one), load_file(other)
    assert a.keys() == b.keys()
    for name in a:
        assert torch.equal(a[name], b[name]), name


def logged(run: Run) -> list[dict]:
    """The events without what the clock says."""
    lines = (run.folder / "events.jsonl").read_text(encoding="utf-8").splitlines()
    return [{k: v for k, v in json.loads(line).items() if k != "seconds"} for line in lines]


def test_it_learns_and_leaves_a_whole_run(tmp_path):
    run, events = learn(tmp_path / "run", config(train__epochs=15, train__learning_rate=0.05))
    end = events[-1]
    assert isinstance(end, Finished)
    assert end.reason == "done"
    assert end.best_score >= 0.9
    for name in ("model/model.safetensors", "embeddings/before.safetensors", "embeddings/after.safetensors",
                 "coverage.json",  "events.jsonl", "config.toml", "env.json"):  # fmt: skip
        assert (run.folder / name).exists(), name
    assert len(run.checkpoints.folders()) == 1
    assert {type(e) for e in events} == {Stepped, Evaluated, Saved, Finished}
    assert sum(e.examples for e in events if isinstance(e, Stepped)) == 15 * 60


def test_the_best_evaluation_is_what_is_kept(tmp_path):
    run, events = learn(tmp_path / "run", config(train__epochs=8, train__learning_rate=0.1))
    scored = [e for e in events if isinstance(e, Evaluated)]
    best = max(scored, key=lambda e: (e.scores["accuracy"], -e.step))
    assert events[-1].best_step == best.step
    same_tensors(
        run.folder / f"checkpoints/best-{best.step:06d}/model.safetensors", run.model_folder / "model.safetensors"
    )


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("at", [1, 3])
def test_resume_is_bit_equal(tmp_path, rule, at):
    """Stop after `at` steps (in the middle of an epoch) and continue: weights, optimizer, log as if never stopped."""
    settings = config(train__optimizer=rule, train__epochs=4 if rule == "gd" else 2)
    whole, _ = learn(tmp_path / "whole", settings)
    asked = []

    def stop():
        asked.append(1)
        return len(asked) > at * (8 if rule == "gd" else 1)  # gd asks before each of an epoch's 8 micro-batches

    _, events = learn(tmp_path / "cut", settings, stop=stop)
    assert events[-1].reason == "interrupted"
    assert events[-1].step == at
    again, _ = learn(tmp_path / "cut", settings, resume=True)
    newest = whole.checkpoints.folders()[-1].name
    assert again.checkpoints.folders()[-1].name == newest
    for name in ("model", "optimizer", "rng"):
        same_tensors(
            whole.folder / f"checkpoints/{newest}/{name}.safetensors",
            again.folder / f"checkpoints/{newest}/{name}.safetensors",
        )
    same_tensors(whole.model_folder / "model.safetensors", again.model_folder / "model.safetensors")
    assert logged(whole) == logged(again)


def test_gradient_descent_interrupted_inside_a_step_loses_nothing(tmp_path):
    """The stop comes between two micro-batches, after dropout has drawn random numbers."""
    settings = config(train__optimizer="gd", train__epochs=4)
    whole, _ = learn(tmp_path / "whole", settings)
    asked = []
    learn(tmp_path / "cut", settings, stop=lambda: asked.append(1) or len(asked) > 8 * 2 + 5)
    again, _ = learn(tmp_path / "cut", settings, resume=True)
    same_tensors(whole.model_folder / "model.safetensors", again.model_folder / "model.safetensors")


def test_gd_takes_one_step_an_epoch_with_the_mean_gradient(tmp_path):
    """However the data is cut into micro-batches, the step is the same up to rounding."""
    ends = []
    for size in (7, 60):
        settings = config(train__optimizer="gd", train__batch_size=size, encoder__dropout=0.0, head__dropout=0.0)
        run, events = learn(tmp_path / str(size), settings)
        assert events[-1].step == 2
        ends.append(load_file(run.folder / "checkpoints/step-000002/model.safetensors")["encoder.table.weight"])
    assert torch.allclose(*ends, atol=1e-4)


def test_a_broken_newest_checkpoint_is_passed_over(tmp_path):
    settings = config(checkpoint__every_steps=2)
    asked = []
    run, _ = learn(tmp_path / "run", settings, stop=lambda: asked.append(1) or len(asked) > 5)
    newest = run.checkpoints.folders()[-1] / "model.safetensors"
    newest.write_bytes(newest.read_bytes()[:-10])
    notes = []
    again, events = learn(tmp_path / "run", settings, resume=True, progress=lambda what, *_: notes.append(what))
    assert any("passed over" in note for note in notes)
    assert events[-1].reason == "done"
    whole, _ = learn(tmp_path / "whole", settings)
    same_tensors(whole.model_folder / "model.safetensors", again.model_folder / "model.safetensors")


def test_divergence_says_step_rate_and_norm(tmp_path):
    settings = config(train__optimizer="sgd", train__learning_rate=1e30, train__max_grad_norm=0, train__warmup_ratio=0)
    with pytest.raises(Diverged, match=r"step \d+: loss .*learning rate .*gradient norm"):
        learn(tmp_path / "run", settings)


def test_early_stop(tmp_path):
    _, events = learn(tmp_path / "run", config(train__epochs=200, train__patience=2, train__learning_rate=0.1))
    end = events[-1]
    assert end.reason == "early stop"
    scored = [e for e in events if isinstance(e, Evaluated)]
    assert [e.best for e in scored[-2:]] == [False, False]


def test_masked_padding_never_moves(tmp_path):
    run, _ = learn(tmp_path / "run", config(train__optimizer="adam", train__learning_rate=0.1))
    assert torch.equal(load_file(run.folder / "embeddings/after.safetensors")["embeddings"][0], torch.zeros(8))


def test_class_weights_move_the_start(tmp_path):
    plain, _ = learn(tmp_path / "plain", config())
    weighted, _ = learn(tmp_path / "weighted", config(train__class_weights="balanced"))
    a, b = (load_file(r.model_folder / "model.safetensors")["encoder.table.weight"] for r in (plain, weighted))
    assert not torch.equal(a, b)


def test_unknown_metric_and_empty_data(tmp_path):
    with pytest.raises(ConfigError, match="macro_f1"):
        learn(tmp_path / "a", config(train__metric="macro_f"))
    with pytest.raises(InputError, match="at least one"):
        learn(tmp_path / "b", config(), Dataset("made", {"train": [], "valid": []}, ("a", "b")))


def test_probes_are_written(tmp_path):
    run, events = learn(tmp_path / "run", config(train__epochs=4))
    files = sorted((run.folder / "probes").iterdir())
    first, last = load_file(files[0]), load_file(files[-1])
    assert first["states.pooled"].shape == (20, 8)
    assert {name for name in last if name.startswith("path.")} == {n for n in first if n.startswith("path.")}
    assert files[-1].name == f"step-{events[-1].step:06d}.safetensors"
    assert not math.isnan(float(last["grad_norm.embeddings"]))


def test_a_last_update_that_diverges_is_seen(tmp_path):
    """The gradient was finite, the weights after the step are not: nothing is saved over good weights."""
    settings = config(
        train__optimizer="gd", train__epochs=1, train__learning_rate=1e38, train__max_grad_norm=0, train__warmup_ratio=0
    )
    settings.train.optimizer_args["l2"] = 1e38
    settings.encoder.rows = "dense"  # lazy rows refuse such a decay before the step
    with pytest.raises(Diverged, match="not finite"):
        learn(tmp_path / "run", settings)
    assert not (tmp_path / "run" / "model").exists()


def test_a_run_whose_data_changed_is_not_resumed(tmp_path):
    settings = config()
    asked = []
    learn(tmp_path / "run", settings, stop=lambda: asked.append(1) or len(asked) > 3)
    with pytest.raises(RunError, match="have changed"):
        learn(tmp_path / "run", settings, data=dataset(train=61), resume=True)
