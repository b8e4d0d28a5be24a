"""Fine-tuning of n-grams and a network in one run: order, share, resume, the saved model, what is refused."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

import yeonma
from builders import dataset
from yeonma import config as configs
from yeonma import finetuning, wide_deep
from yeonma.encoders.wide_deep import NETWORKS, by_label, deviation, mixed
from yeonma.errors import ConfigError
from yeonma.exporting import tuned_vectors
from yeonma.finetuning import train
from yeonma.model import Model
from yeonma.records import Dataset, Evaluated, Example, Finished, Stepped
from yeonma.run import Run
from yeonma.train import Made
from yeonma.vectors import Vectors

SMALL = {"dim": 8, "min_count": 1}
TINY = {
    "kind": "wide-deep", "tokenizer": "whitespace", "ngram": {"bits": 14, "characters": 2},
    "cnn": {**SMALL, "filters": 6}, "bilstm": {**SMALL, "units": 6, "attention": 7},
}  # fmt: skip
TRAIN = {"batch_size": 7, "epochs": 2, "threads": 1, "learning_rate": 0.01}


def settings(**changes):
    tree = {"data": {"train": "made.tsv"}, "encoder": dict(TINY), "train": dict(TRAIN), "head": {}, "checkpoint": {}}
    for key, value in changes.items():
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


def evaluations(events):
    return [event for event in events if isinstance(event, Evaluated)]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A finished run, its events and its data."""
    data = dataset(120, 40)
    return *learn(tmp_path_factory.mktemp("whole") / "run", settings(), data), data


def test_the_wide_part_comes_first_and_all_examples_pass(whole):
    run, events, _ = whole
    end = events[-1]
    assert isinstance(end, Finished)
    assert (end.reason, end.step) == ("done", 4 * 18)  # two epochs each, of as many steps
    assert sum(e.examples for e in events if isinstance(e, Stepped)) == 4 * 120
    assert [e.epoch for e in evaluations(events)] == [0, 1, 2, 3]
    assert [e.scores["share"] for e in evaluations(events)[:2]] == [0, 0]
    for name in ("model/wide/ngrams.safetensors", "model/words.txt", "embeddings/after.safetensors", "coverage.json"):
        assert (run.folder / name).exists(), name
    names = [group["name"] for group in run.read("groups.json")["groups"]]
    assert names == ["head", "layer 1", "embeddings", "n-grams"]


def test_the_sum_is_never_worse_on_validation_than_one_of_its_parts(whole):
    *_, last = evaluations(whole[1])
    assert last.scores["accuracy"] >= max(last.scores["wide"], last.scores["deep"])
    assert last.scores["share"] in wide_deep.SHARES


def test_the_share_stands_in_the_config_the_weights_and_the_log(whole):
    run, events, _ = whole
    end = events[-1]
    chosen = next(e for e in evaluations(events) if e.step == end.best_step)
    own = json.loads((run.folder / "model/config.json").read_text(encoding="utf-8"))["yeonma"]["encoder"]
    mix = load_file(run.folder / "model/model.safetensors")["encoder.mix"].tolist()
    assert [*own["deviations"], own["share"]] == pytest.approx(mix, abs=1e-5)
    assert own["share"] == chosen.scores["share"]
    assert f"share of the network {own['share']:.3g}" in (run.folder / "train.log").read_text(encoding="utf-8")


def test_the_model_comes_back_and_answers_as_the_loop_scored(whole, tmp_path):
    run, events, data = whole
    model = Model.from_pretrained(run.model_folder)
    valid = data.splits["valid"]
    found = model.predict([e.texts[0] for e in valid])
    assert np.mean([p.value == e.gold for p, e in zip(found, valid, strict=True)]) == events[-1].best_score
    model.save_pretrained(tmp_path / "again")
    same_tensors(run.model_folder / "model.safetensors", tmp_path / "again/model.safetensors")
    again = Model.from_pretrained(tmp_path / "again").predict([e.texts[0] for e in valid])
    assert again == found
    assert model.predict([""])[0].value in data.labels


@pytest.mark.parametrize("deep", NETWORKS)
@pytest.mark.parametrize("at", [3, 18, 23, 30])
def test_resume_is_bit_equal(tmp_path, deep, at):
    """Stopped in the wide part, at its end, in the network's first epoch, in its second."""
    chosen = settings(encoder__deep=deep, train__optimizer="adam", checkpoint__every_steps=5)
    one, _ = learn(tmp_path / "one", chosen)
    part, events = learn(tmp_path / "part", chosen, at=at)
    assert (events[-1].reason, events[-1].step) == ("interrupted", at)
    _, rest = learn(tmp_path / "part", chosen, resume=True)
    assert (rest[-1].reason, rest[-1].step) == ("done", 36)
    last = one.checkpoints.folders()[-1].name
    for name in ("model/model.safetensors", f"checkpoints/{last}/optimizer.safetensors"):
        same_tensors(one.folder / name, part.folder / name)
    steps = [e.step for e in part.events() if isinstance(e, Stepped)]
    assert steps == [e.step for e in one.events() if isinstance(e, Stepped)]


def test_a_part_learns_as_it_does_alone():
    """The network's first step is that of a run with the network alone; the n-grams' weights are then left alone."""
    chosen = settings(train__optimizer="sgd")
    both = wide_deep.prepare(chosen, dataset())
    alone = finetuning.prepare(wide_deep._deep(chosen, both.encoder.settings), dataset())
    both.state.step = both.wide.steps
    table = both.encoder.wide.table.weight.detach().clone()
    found = []
    for objective in (both, alone):
        torch.manual_seed(5)
        found.append(objective.advance())
    assert isinstance(found[0], Made)
    assert found[0] == found[1]
    assert torch.equal(both.encoder.wide.table.weight, table)
    for name, weight in alone.model.encoder.state_dict().items():
        assert torch.equal(weight, both.encoder.deep.state_dict()[name]), name


def test_patience_counts_for_the_network_alone(tmp_path):
    chosen = settings(encoder__wide_epochs=4, train__patience=1, train__learning_rate=1e-9, encoder__share=0.0)
    _, events = learn(tmp_path / "run", chosen)
    assert events[-1].reason == "early stop"
    assert events[-1].step == 5 * 9


def test_a_given_share_is_kept(tmp_path):
    run, events = learn(tmp_path / "run", settings(encoder__share=0.35))
    assert {e.scores["share"] for e in evaluations(events)} == {0.0, 0.35}
    assert run.config().encoder.model_extra["share"] == 0.35


def test_the_vectors_are_the_networks(tmp_path):
    words = ["영화", "최고", "최악"]
    Vectors(words, np.eye(3, 5, dtype=np.float32)).save(tmp_path / "vectors")
    changes = {"encoder__vectors": str(tmp_path / "vectors"), "encoder__freeze": "embeddings"}
    run, _ = learn(tmp_path / "run", settings(**changes))
    before, after = (load_file(run.folder / f"embeddings/{w}.safetensors")["embeddings"] for w in ("before", "after"))
    assert torch.equal(before, after)
    assert before.shape == (2 + 3, 5)
    assert Model.from_pretrained(run.model_folder).encoder.deep.settings.dim == 5
    moved, _ = learn(
        tmp_path / "moved", settings(encoder__vectors=changes["encoder__vectors"], train__embedding_lr=0.5)
    )
    rates = {g["name"]: g["learning_rate"] for g in moved.read("groups.json")["groups"]}
    assert (rates["embeddings"], rates["layer 1"]) == (0.5, 0.01)


def test_several_labels_and_two_texts(tmp_path):
    names = ("가", "나", "다")
    labels = [names[i % 3] for i in range(45)]
    rows = [Example(str(i), (f"{y} 영화", f"음악 {y}"), y) for i, y in enumerate(labels)]
    data = Dataset("made", {"train": rows, "valid": rows}, names)
    run, events = learn(tmp_path / "run", settings(task="pair", train__class_weights="balanced"), data)
    assert events[-1].best_score == 1
    assert [p.value for p in Model.from_pretrained(run.model_folder).predict([("나 영화", "음악 나")])] == ["나"]


def test_gradient_descent_has_one_step_an_epoch(tmp_path):
    _, events = learn(tmp_path / "run", settings(train__optimizer="gd", train__epochs=3))
    assert (events[-1].reason, events[-1].step) == ("done", 2 + 3)
    assert sum(e.examples for e in events if isinstance(e, Stepped)) == 5 * 60


def test_the_networks_vectors_are_exported(whole):
    run, *_ = whole
    vectors = tuned_vectors(Model.from_pretrained(run.model_folder), run)
    table = load_file(run.folder / "embeddings/after.safetensors")["embeddings"][2:]
    assert np.array_equal(vectors.matrix, table.numpy())


def test_the_ends_of_the_scale_are_the_parts_themselves():
    wide, deep = by_label(torch.randn(50, 1) * 3), torch.randn(50, 2)
    centre = deep - deep.mean(1, keepdim=True)
    numbers = deviation(wide), deviation(deep)
    assert torch.allclose(mixed(wide, deep, torch.tensor([*numbers, 0.0])), wide, atol=1e-6)
    assert torch.allclose(mixed(wide, deep, torch.tensor([*numbers, 1.0])), centre, atol=1e-6)
    half = mixed(wide, deep, torch.tensor([*numbers, 0.5]))
    wanted = wide / numbers[0] + centre / numbers[1]
    assert torch.allclose(half / deviation(half), wanted / deviation(wanted), atol=1e-5)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"task": "qa"}, "\"wide-deep\" learns labels.*'qa' came"),
        ({"task": "tagging"}, "'tagging' came"),
        ({"task": "choice"}, "'choice' came"),
        ({"encoder__path": "folder"}, "encoder.path"),
        ({"data__stride": 8}, "data.stride"),
        ({"train__batch_tokens": 64}, "batch_tokens"),
        ({"train__examples": 64}, "train.examples"),
        ({"train__cpu_seconds": 6.0}, "train.cpu_seconds"),
        ({"head__hidden": 4}, "head.hidden"),
        ({"train__metric": "acuracy"}, "accuracy"),
        ({"encoder__freeze": "lower:9"}, "freezes more layers"),
    ],
)
def test_what_has_no_meaning_is_refused(changes, said):
    with pytest.raises(ConfigError, match=said):
        wide_deep.prepare(settings(**changes), dataset())


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"encoder__deep": "bag"}, "encoder.deep"),
        ({"encoder__cnn": {"filter": 3}}, "filters"),
        ({"encoder__filters": 3}, "encoder.filters: there is no such setting"),
    ],
)
def test_a_wrong_setting_is_named(changes, said):
    with pytest.raises(ConfigError, match=said):
        settings(**changes)


def test_numbers_are_refused():
    data = Dataset("made", {"train": [Example("0", ("가",), 1.0)]}, (), scale=(0.0, 5.0))
    with pytest.raises(ConfigError, match="numbers came"):
        wide_deep.prepare(settings(), data)


def test_the_settings_come_back_from_a_file(tmp_path):
    chosen = settings(encoder__share=0.5)
    configs.write(chosen, tmp_path / "run.toml")
    assert configs.resolve(configs.read_toml(tmp_path / "run.toml")) == chosen
    (tmp_path / "commented.toml").write_text(configs.to_commented_toml(chosen), encoding="utf-8")
    assert configs.resolve(configs.read_toml(tmp_path / "commented.toml")) == chosen


def test_the_commands_work_on_a_run(tmp_path):
    small = {"encoder": {"ngram": {"bits": 14}, "cnn": {"dim": 8}}, "train": {"epochs": 1}}
    run = yeonma.finetune(data="sample-single", encoder="wide-deep", output=tmp_path / "run", overrides=small)
    assert yeonma.evaluate(run.folder, split="valid")["scores"]["accuracy"] > 0.5
    assert yeonma.Report(run.folder).write().exists()
