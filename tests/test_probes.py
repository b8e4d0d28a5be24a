"""The sketch of the weights' path: linear, repeatable, and true to distances."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from builders import config, dataset
from yeonma import probes
from yeonma.finetuning import prepare, train
from yeonma.run import Run


def test_it_is_linear_and_repeatable():
    a, b = torch.randn(37, 11), torch.randn(37, 11)
    together = probes.sketch("w", a + 2 * b)
    assert torch.allclose(together, probes.sketch("w", a) + 2 * probes.sketch("w", b), atol=1e-5)
    assert not torch.equal(probes.sketch("w", a.repeat(20, 1)), probes.sketch("v", a.repeat(20, 1)))


def test_small_weights_are_kept_whole():
    w = torch.arange(5.0)
    assert probes.sketch("bias", w)[:5].tolist() == w.tolist()


def test_squared_lengths_are_kept_on_average():
    torch.manual_seed(0)
    w = torch.randn(400, 256)
    ratios = [float(probes.sketch(f"name{i}", w).square().sum() / w.square().sum()) for i in range(50)]
    assert 0.9 < sum(ratios) / 50 < 1.1


def test_about_so_many_points_over_a_run():
    assert 30 <= sum(probes.due(step, 1000) for step in range(1, 1001)) <= 40
    assert probes.due(7, 7)


@pytest.mark.parametrize("kind", ["bag", "bilstm-attention"])
def test_a_run_records_layers_and_how_far_each_step_went(tmp_path, kind):
    run = Run.create(tmp_path / "run", config(encoder__kind=kind, train__epochs=1))
    list(train(run.config(), run, dataset()))
    found = dict(run.probes())
    first, last = found[min(found)], found[max(found)]
    layers = {group["name"] for group in run.read("groups.json")["groups"]}
    assert layers >= {"head", "embeddings"}
    assert {key[10:] for key in last if key.startswith("grad_norm.")} == layers
    assert {key[12:] for key in last if key.startswith("update_norm.")} == layers
    assert not any(key.startswith("update_norm.") for key in first)
    modes = {path.stat().st_mode for path in (run.folder / "probes").iterdir()}
    assert modes == {(run.folder / "config.toml").stat().st_mode}
    states = {key for key in first if key.startswith("states.")}
    assert states == {"states.embeddings", "states.pooled"} | ({"states.network"} if kind != "bag" else set())
    assert all(last[key].shape[0] == 20 for key in states)  # the validation examples, of which there are fewer than 64


def test_the_norm_of_a_step_is_about_that_of_the_weights_difference():
    settings = config(encoder__dim=64, train__learning_rate=0.01)
    t = prepare(settings, dataset())
    t.look()
    before = t.model.encoder.table.weight.detach().clone()
    t.advance()
    told = float(t.point()["update_norm.embeddings"])
    true = float((probes.optim.current(t.model.encoder.table.weight) - before).norm())
    assert true > 0
    assert told == pytest.approx(true, rel=0.3)


def test_states_do_not_depend_on_how_many_are_read_at_once(monkeypatch):
    t = prepare(config(encoder__kind="bilstm-attention"), dataset())
    whole = probes.states(t.model, t.valid)
    monkeypatch.setattr(probes, "AT_ONCE", 3)
    for name, states in probes.states(t.model, t.valid).items():
        assert np.allclose(states, whole[name], atol=1e-6), name
