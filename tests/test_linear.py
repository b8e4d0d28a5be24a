"""Fine-tuning of linear n-grams: the same events, run folder, resume and model as with any encoder."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

import yeonma
from builders import config, dataset
from yeonma import config as configs
from yeonma import linear
from yeonma.errors import ConfigError
from yeonma.finetuning import train
from yeonma.model import Model
from yeonma.records import Dataset, Evaluated, Example, Finished, Saved, Stepped
from yeonma.run import Run

RULES = ("gd", "sgd", "momentum", "nag", "adagrad", "rmsprop", "adadelta", "adam", "nadam")


def settings(**changes):
    tree = {
        "task": "single",
        "encoder": {"kind": "ngram", "bits": 16},
        "data": {"train": "made.tsv"},
        "train": {},
        "head": {},
    }
    for key, value in {"train__batch_size": 7, "train__epochs": 2, **changes}.items():
        section, _, name = key.rpartition("__")
        (tree[section] if section else tree)[name] = value
    return configs.resolve(tree)


def learn(folder, chosen, data=None, *, resume=False, at=None):
    run = Run.open(folder) if resume else Run.create(folder, chosen)
    if resume:
        run.lock()
    asked = iter(range(10**6))
    try:
        stop = (lambda: next(asked) >= at) if at is not None else (lambda: False)
        return run, list(train(chosen, run, data or dataset(), resume=resume, stop=stop))
    finally:
        run.release()


def same_tensors(one, other):
    a, b = load_file(one), load_file(other)
    assert a.keys() == b.keys()
    for name in a:
        assert torch.equal(a[name], b[name]), name


def test_it_learns_and_leaves_a_whole_run(tmp_path):
    run, events = learn(tmp_path / "run", settings(train__epochs=3), dataset(120, 40))
    end = events[-1]
    assert isinstance(end, Finished)
    assert (end.reason, end.step) == ("done", 3 * 18)
    assert end.best_score >= 0.9
    assert {type(e) for e in events} == {Stepped, Evaluated, Saved, Finished}
    assert sum(e.examples for e in events if isinstance(e, Stepped)) == 3 * 120
    for name in ("model/model.safetensors", "model/ngrams.safetensors", "embeddings/before.safetensors",
                 "embeddings/after.safetensors", "coverage.json", "groups.json", "events.jsonl"):  # fmt: skip
        assert (run.folder / name).exists(), name


@pytest.mark.parametrize("rule", RULES)
def test_resume_is_bit_equal(tmp_path, rule):
    chosen = settings(train__optimizer=rule, train__epochs=4 if rule == "gd" else 2)
    whole, _ = learn(tmp_path / "whole", chosen)
    part, events = learn(tmp_path / "part", chosen, at=3)
    assert events[-1].reason == "interrupted"
    learn(tmp_path / "part", chosen, resume=True)
    for name in ("model/model.safetensors", "embeddings/after.safetensors"):
        same_tensors(whole.folder / name, part.folder / name)
    last = whole.checkpoints.folders()[-1].name
    same_tensors(*(run.folder / f"checkpoints/{last}/optimizer.safetensors" for run in (whole, part)))


def test_the_model_comes_back_and_answers_as_the_loop_scored(tmp_path):
    data = dataset()
    run, events = learn(tmp_path / "run", settings(encoder__words="whitespace"), data)
    model = Model.from_pretrained(run.model_folder)
    valid = data.splits["valid"]
    found = model.predict([e.texts[0] for e in valid])
    right = np.mean([p.value == e.gold for p, e in zip(found, valid, strict=True)])
    assert right == pytest.approx(events[-1].best_score)
    model.save_pretrained(tmp_path / "again")
    same_tensors(run.model_folder / "model.safetensors", tmp_path / "again/model.safetensors")
    assert not [*run.folder.rglob("*.pkl"), *run.folder.rglob("*.bin")]


def made(texts, labels, names):
    rows = [Example(str(i), t, y) for i, (t, y) in enumerate(zip(texts, labels, strict=True))]
    return Dataset("made", {"train": rows, "valid": rows}, names)


def test_several_classes(tmp_path):
    words = ["가", "나", "다"]
    labels = [words[i % 3] for i in range(30)]
    data = made([(f"{y} 영화 {y}",) for y in labels], labels, tuple(words))
    run, events = learn(tmp_path / "run", settings(train__class_weights="balanced"), data)
    assert events[-1].best_score == 1
    assert [p.value for p in Model.from_pretrained(run.model_folder).predict(["나 영화", "다"])] == ["나", "다"]


def test_two_texts_by_what_both_have(tmp_path):
    draw = np.random.default_rng(0)
    word = lambda: "".join(draw.choice([*"가나다라마바사아자차"], 2))  # noqa: E731
    texts = [(a, a if i % 2 else word()) for i, a in enumerate(word() for _ in range(60))]
    labels = ["같다" if a == b else "다르다" for a, b in texts]
    chosen = settings(task="pair", encoder__characters=2, train__epochs=6)
    run, events = learn(tmp_path / "run", chosen, made(texts, labels, ("다르다", "같다")))
    assert events[-1].best_score >= 0.9
    names = Model.from_pretrained(run.model_folder).encoder.words()
    assert any(name.startswith("both: ") for name in names)


@pytest.mark.parametrize("outputs", [2, 3])
def test_a_step_goes_along_the_gradient_that_torch_finds(outputs):
    labels = ("가", "나", "다")[:outputs]
    golds = [labels[i % outputs] for i in range(12)]
    data = made([(f"{y} 영화 {i}",) for i, y in enumerate(golds)], golds, labels)
    chosen = settings(train__optimizer="sgd", train__learning_rate=0.5, train__class_weights="balanced",
                      train__schedule="constant")  # fmt: skip
    t = linear.prepare(chosen, data)
    one = np.array([4])
    loss = t.loss(one)
    torch.autograd.backward(loss)
    weight = t.model.encoder.table.weight
    wanted, before = -0.5 * weight.grad, weight.detach().clone()
    t.epoch_plan = (0, [one])
    made_step = t.advance()
    assert torch.allclose(weight.detach() - before, wanted, atol=1e-6)
    assert made_step.loss == pytest.approx(float(loss.detach()), rel=1e-5)
    assert made_step.norm == pytest.approx(float(weight.grad.norm()), rel=1e-5)


def test_a_setting_that_is_left_out_is_the_encoders_own():
    chosen = settings()
    assert (chosen.train.optimizer, chosen.train.learning_rate) == ("adagrad", 0.2)
    assert chosen.train.optimizer_args == {"eps": 0.01}
    other = settings(train__optimizer="adam")
    assert other.train.optimizer_args == {}
    assert other.train.learning_rate < 0.1
    assert settings(train__learning_rate=3.0).train.learning_rate == 3.0
    assert configs.resolve(chosen.model_dump(exclude_none=True)) == chosen
    assert config().train.optimizer == "adam"  # another encoder's


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"task": "qa"}, "'qa' came"),
        ({"task": "tagging"}, "'tagging' came"),
        ({"task": "choice"}, "'choice' came"),
        ({"encoder__freeze": "embeddings"}, "freeze"),
        ({"encoder__vectors": "v"}, "vectors"),
        ({"data__stride": 8}, "stride"),
        ({"train__batch_tokens": 64}, "batch_tokens"),
        ({"train__head_lr": 0.1}, "head_lr"),
        ({"head__hidden": 4}, "hidden"),
        ({"train__metric": "acuracy"}, "accuracy"),
    ],
)
def test_what_has_no_meaning_is_refused(changes, said):
    with pytest.raises(ConfigError, match=said):
        linear.prepare(settings(**changes), dataset())


def test_numbers_are_refused():
    data = made([("가",), ("나",)], [1.0, 2.0], ())
    with pytest.raises(ConfigError, match="numbers came"):
        linear.prepare(settings(), Dataset(data.name, data.splits, (), scale=(0.0, 5.0)))


def test_the_commands_work_on_a_run(tmp_path):
    run = yeonma.finetune(data="sample-single", encoder="ngram", output=tmp_path / "run",
                          overrides={"encoder": {"bits": 16}})  # fmt: skip
    assert yeonma.evaluate(run.folder, split="valid")["scores"]["accuracy"] > 0.5
    assert yeonma.Report(run.folder).write().exists()
