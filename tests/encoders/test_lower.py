"""Frozen lower layers computed once and kept: the same vectors, and training moves the upper layers alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import transformers

from transformer_builders import TEXTS, encoder_of, examples
from yeonma import batches, config
from yeonma.encoders.lower import states
from yeonma.errors import ConfigError
from yeonma.finetuning import prepare
from yeonma.records import Dataset
from yeonma.train import update


@pytest.mark.parametrize("layers", [0, 1, 2])
@pytest.mark.parametrize("parts", [1, 2])
def test_what_is_kept_of_lower_layers_gives_what_the_whole_model_gives(folder, layers, parts):
    encoder = encoder_of(folder, parts).eval()
    fresh = encoder.tokenize([(text, text[::-1])[:parts] for text in TEXTS], 44, cache=False)
    kept = encoder.remember(fresh, layers)
    assert [row.states.shape for row in kept] == [(len(row.ids), 16) for row in fresh]
    lengths = np.array([len(row.ids) for row in fresh])

    def vectors(windows):
        made = batches.Prepared(windows, np.arange(6), np.arange(7), lengths, lengths, {}, 0)
        return encoder(batches.collate(encoder, made, np.arange(6)))

    one, other = vectors(kept), vectors(fresh)
    torch.testing.assert_close(one.pooled, other.pooled, rtol=2e-2, atol=5e-3)
    assert len([*encoder.parameters()]) == len([*encoder_of(folder, parts).parameters()])


def kept_training(folder, **train):
    tree = {
        "data": {"train": "made.tsv", "max_length": 24},
        "encoder": {"kind": "transformer", "path": str(folder), "freeze": "lower:1", "cache": True},
        "train": {"epochs": 10, "batch_size": 6, "learning_rate": 1e-2, **train},
    }
    return prepare(config.resolve(tree), Dataset("made", {"train": examples(), "valid": examples(4)}, ("가", "나")))


def test_training_on_what_is_kept_moves_the_upper_layers_alone(folders):
    training = kept_training(folders["bert"])
    before = {name: weight.clone() for name, weight in training.model.state_dict().items()}
    losses = [update(training)[0] for _ in range(20)]
    assert losses[-1] < losses[0]
    after = training.model.state_dict()
    moved = {name for name in after if not torch.equal(after[name], before[name])}
    assert moved
    assert not any("embeddings" in name or "layer.0." in name for name in moved)


def test_what_all_layers_read_is_frozen_with_the_embeddings(folders):
    encoder = encoder_of(folders["deberta-v2"])
    bottom = {id(weight) for weight in encoder.layers()[0].parameters()}
    shared = [weight for name, weight in encoder.model.named_parameters() if "rel_embeddings" in name]
    assert shared
    assert all(id(weight) in bottom for weight in shared)


def test_keeping_without_freezing_is_refused(folders):
    tree = {
        "data": {"train": "made.tsv", "max_length": 24},
        "encoder": {"kind": "transformer", "path": str(folders["bert"]), "cache": True},
    }
    with pytest.raises(ConfigError, match="freeze some"):
        prepare(config.resolve(tree), Dataset("made", {"train": examples(), "valid": examples(4)}, ("가", "나")))


def test_the_depths_are_the_hidden_states_also_beside_kept_layers(folder):
    encoder = encoder_of(folder).eval()
    fresh = encoder.tokenize([(text,) for text in TEXTS], 44, cache=False)
    encoder.remember(fresh, 1)
    lengths = np.array([len(row.ids) for row in fresh])
    made = batches.Prepared(fresh, np.arange(6), np.arange(7), lengths, lengths, {}, 0)
    batch = batches.collate(encoder, made, np.arange(6))
    depths = encoder.depths(batch)
    assert [*depths] == ["embeddings", "layer 1", "layer 2", "layer 3"]
    types = {"token_type_ids": batch.inputs["types"]} if encoder.typed else {}
    inputs = {"input_ids": batch.inputs["ids"], "attention_mask": batch.mask.long(), **types}
    expected = encoder_of(folder).eval().model(**inputs, output_hidden_states=True).hidden_states
    for found, state in zip(depths.values(), expected, strict=True):
        torch.testing.assert_close(found, state)


def test_what_a_model_pads_for_its_layers_is_cut_off_again():
    torch.manual_seed(0)
    shape = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24}
    settings = transformers.LongformerConfig(vocab_size=30, attention_window=4, max_position_embeddings=40, **shape)
    model = transformers.LongformerModel(settings).eval()
    inputs = {"input_ids": torch.randint(3, 30, (2, 6)), "attention_mask": torch.ones(2, 6, dtype=torch.long)}
    found = states(model, model.encoder.layer, **inputs)
    expected = model(**inputs, output_hidden_states=True).hidden_states
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other)
