"""Long documents a few windows at a time: the step of a batch in parts is that of the whole, dropout included."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from transformer_builders import TEXTS, encoder_of
from yeonma import api, batches, config
from yeonma.encoders.transformer import Transformer
from yeonma.finetuning import prepare
from yeonma.records import Dataset, Encoded, Example
from yeonma.train import micro_batches, update


def steps_in_parts(folder, tree, data):
    """{number of parts: (what `update` says, the weights after it)} of a step at once and in parts, without dropout."""
    train = {"batch_size": 5, "optimizer": "gd", "learning_rate": 0.1, "precision": "fp32"}
    settings = config.resolve({**tree, "encoder": {"kind": "transformer", "path": str(folder)}, "train": train})
    made = {}
    for most in (8192, 60):
        training = prepare(settings, data(settings))
        training.model.encoder.pass_tokens = most
        training.model.eval().train = lambda mode=True: None  # dropout stays off
        made[len(micro_batches(training))] = update(training), training.model.state_dict()
    return made


def assert_the_same_step(made):
    (whole, weights), (parts, found) = made.pop(1), made.popitem()[1]
    assert parts == pytest.approx(whole, rel=1e-4)
    torch.testing.assert_close(found, weights, rtol=1e-4, atol=1e-6)


def test_a_batch_in_parts_makes_the_step_of_the_whole_batch(folder):
    """Of documents of many windows."""
    documents = [Example(str(n), (" ".join(TEXTS[n:] * 4),), "가" if n % 2 else "나") for n in range(5)]
    data = Dataset("made", {"train": documents, "valid": documents}, ("가", "나"))
    tree = {"data": {"train": "made.tsv", "max_length": 12, "stride": 4}}
    assert_the_same_step(steps_in_parts(folder, tree, lambda settings: data))


@pytest.mark.parametrize("task", ["pair", "choice", "qa", "tagging"])
def test_a_batch_of_any_task_in_parts(folders, task):
    data = {"name": f"sample-{task}", "limit": 5, "max_length": 44}
    tree = {"task": task, "data": data, "head": {"crf": task == "tagging"}}
    assert_the_same_step(steps_in_parts(folders["bert"], tree, api.dataset))


def test_what_goes_through_at_once_falls_as_the_model_grows(folders):
    encoder = encoder_of(folders["bert"])
    assert encoder.pass_tokens == 8192 * 6 * 384 // (3 * 16)
    encoder.model.config.update({"hidden_size": 768, "num_hidden_layers": 12})
    assert Transformer(encoder.settings, encoder.model, encoder.tokenizer).pass_tokens == 2048


@pytest.mark.parametrize("rows", ["lazy", "dense"])
def test_a_document_is_computed_a_few_windows_at_a_time(folder, rows, monkeypatch):
    """With dropout: what is computed again drops what it dropped before."""
    encoder = encoder_of(folder, rows=rows).train()
    windows = encoder.tokenize([(" ".join(TEXTS * 3),)], 12, 4, cache=False)
    lengths = np.array([len(window.ids) for window in windows])
    made = batches.Prepared(windows, np.zeros(len(windows)), np.array([0, len(windows)]), lengths, lengths, {}, 0)
    batch = batches.collate(encoder, made, np.arange(len(windows)))
    seen = []
    monkeypatch.setattr(encoder, "_encoded", lambda part: seen.append(part) or Transformer._encoded(encoder, part))
    encoder.pass_tokens = 5 * 12

    def gradients(encoded):
        encoder.zero_grad()
        (encoded.pooled.square().sum() + encoded.tokens.abs().sum()).backward()
        return {name: weight.grad.clone() for name, weight in encoder.named_parameters() if weight.grad is not None}

    torch.manual_seed(1)
    found = encoder(batch)
    assert 1 < len(seen) == -(-len(windows) // 5)
    again = gradients(found)
    torch.manual_seed(1)
    parts = [Transformer._encoded(encoder, part) for part in seen[: -(-len(windows) // 5)]]
    wanted = Encoded(*(torch.cat(columns) for columns in zip(*parts, strict=True)))
    torch.testing.assert_close(found, wanted, rtol=0, atol=0)
    torch.testing.assert_close(again, gradients(wanted))
