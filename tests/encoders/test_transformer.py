"""Transformer encoders of five shapes: rows and windows, layers, saving for us and for others, what is refused."""

from __future__ import annotations

import dataclasses
from itertools import pairwise

import numpy as np
import pytest
import torch
import transformers
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file

from transformer_builders import SMALL, TEXTS, encoder_of, examples, model_of
from yeonma import batches, config, plugins
from yeonma.encoders import Start, pretrained
from yeonma.errors import ConfigError
from yeonma.finetuning import prepare
from yeonma.model import Model, build
from yeonma.optim import RowTable
from yeonma.records import Dataset, Example
from yeonma.text.pretrained import Pretrained
from yeonma.train import update

SHORT = [text[:8] for text in TEXTS]


# --- texts to rows ----------------------------------------------------------------------------------------------------


def test_rows_equal_those_of_the_owners_tokenizer(folder):
    encoder, owner = encoder_of(folder), transformers.AutoTokenizer.from_pretrained(folder)
    rows = encoder.tokenize([(text,) for text in TEXTS], 40, cache=False)
    assert [row.ids.tolist() for row in rows] == [owner(text)["input_ids"] for text in TEXTS]
    pairs = encoder_of(folder, 2).tokenize([(a, b) for a, b in pairwise(SHORT)], 44, cache=False)
    expected = [owner(a, b)["input_ids"] for a, b in pairwise(SHORT)]
    assert [row.ids.tolist() for row in pairs] == expected


def test_offsets_hold_no_outer_blank(folder):
    for row in encoder_of(folder).tokenize([(text,) for text in TEXTS], 40, cache=False):
        text = TEXTS[row.row]
        for (start, end), part in zip(row.offsets.tolist(), row.part.tolist(), strict=True):
            assert (part == -1) == (start == end == 0) or text[start:end].strip() == text[start:end]


def test_a_special_token_in_a_text_is_text(folders):
    reader = Pretrained(transformers.AutoTokenizer.from_pretrained(folders["bert"]).backend_tokenizer)
    assert 3 not in [int(piece.form) for piece in reader.pieces("날씨 [SEP] 바람")]


@given(st.lists(st.sampled_from(TEXTS), min_size=1, max_size=4), st.integers(8, 30), st.integers(0, 6))
@settings(max_examples=30, deadline=None)
def test_windows_hold_every_character(folders, parts, room, stride):
    encoder, text = encoder_of(folders["bert"]), " ".join(parts)
    held = set()
    for window in encoder.tokenize([(text,)], room, stride, cache=False):
        assert len(window.ids) <= room
        held |= {place for (start, end) in window.offsets.tolist() for place in range(start, end)}
    assert held == {place for place, character in enumerate(text) if not character.isspace()}


@pytest.mark.parametrize("parts", [1, 2])
def test_a_length_beyond_the_positions_or_without_room_is_refused(folder, parts):
    encoder, row = encoder_of(folder, parts), ("글",) * parts
    least = len(encoder.frame) + parts
    assert encoder.tokenize([row], least, cache=False)
    for length in (least - 1, 1000):
        with pytest.raises(ConfigError, match=f"max_length must be from {least}"):
            encoder.tokenize([row], length, cache=False)


# --- the model --------------------------------------------------------------------------------------------------------


def test_every_weight_stands_in_one_layer(folder):
    encoder = encoder_of(folder)
    layers = [[id(weight) for weight in layer.parameters()] for layer in encoder.layers()]
    inside = [weight for layer in layers for weight in layer]
    assert len(layers) == 4
    assert len(inside) == len(set(inside))
    trained = {id(weight) for name, weight in encoder.model.named_parameters() if not name.startswith("pooler.")}
    assert set(inside) == trained
    assert id(encoder.embeddings()._parameters["weight"]) in layers[0]
    assert isinstance(encoder.embeddings(), RowTable)
    assert type(encoder_of(folder, rows="dense").embeddings()) is not RowTable


def test_a_row_does_not_see_its_padding(folder):
    model = model_of(folder).eval()
    prepared = model.prepare(examples(6), cache=False)
    together = model(batches.collate(model.encoder, prepared, np.arange(6)))
    for row in range(6):
        alone = model(batches.collate(model.encoder, prepared, np.array([row])))
        torch.testing.assert_close(alone[0], together[row], rtol=1e-4, atol=1e-5)


def test_the_vectors_are_those_of_the_owners_model(folder):
    encoder = encoder_of(folder, 2).eval()
    owner = transformers.AutoModel.from_pretrained(folder).eval()
    tokens = transformers.AutoTokenizer.from_pretrained(folder)(SHORT[0], SHORT[1], return_tensors="pt")
    row = encoder.tokenize([(SHORT[0], SHORT[1])], 44, cache=False)[0]
    prepared = batches.Prepared(
        [row], np.zeros(1, np.int64), np.array([0, 1]), np.array([len(row.ids)]), np.array([1]), {}, 0
    )
    if not encoder.typed:
        tokens.pop("token_type_ids", None)
    expected = owner(**tokens).last_hidden_state.detach()
    found = encoder(batches.collate(encoder, prepared, np.arange(1)))
    torch.testing.assert_close(found.tokens.detach(), expected, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(found.pooled.detach(), expected.mean(1), rtol=1e-4, atol=1e-5)


def test_saved_it_is_whole_for_us_and_for_others(folder, tmp_path):
    model = model_of(folder).eval()
    model.save_pretrained(tmp_path / "model")
    again = Model.from_pretrained(tmp_path / "model")
    assert again.predict(TEXTS) == model.predict(TEXTS)
    other, found = transformers.AutoModel.from_pretrained(tmp_path / "model", output_loading_info=True)
    assert not found["missing_keys"]
    assert not found["mismatched_keys"]
    assert all(name.startswith("head.") for name in found["unexpected_keys"])
    assert str(folder) not in (tmp_path / "model" / "config.json").read_text(encoding="utf-8")
    ids = transformers.AutoTokenizer.from_pretrained(tmp_path / "model")(TEXTS[0], return_tensors="pt")
    torch.testing.assert_close(
        other.eval()(**ids).last_hidden_state, model.encoder.model(**ids).last_hidden_state, rtol=1e-4, atol=1e-5
    )


def test_training_moves_the_rows_it_read_and_all_layers(folder):
    model = model_of(folder)
    before = {name: weight.clone() for name, weight in model.state_dict().items()}
    settings_ = config.resolve(
        {
            "data": {"train": "made.tsv", "max_length": 24},
            "encoder": {"kind": "transformer", "path": str(folder)},
            "train": {"epochs": 2, "batch_size": 6, "learning_rate": 1e-2, "warmup_ratio": 0.0},
        }
    )
    training = prepare(settings_, Dataset("made", {"train": examples(), "valid": examples(4)}, ("가", "나")))
    for _ in range(3):
        update(training)
    after = training.model.state_dict()
    assert before.keys() == after.keys()
    moved = {name for name in after if not torch.equal(after[name], before[name]) and not name.startswith("head.")}
    for number in range(3):
        assert any(f".{number}." in name for name in moved)
    table = next(name for name in after if (after[name] is not None and "word" in name) or "tok_embeddings" in name)
    assert table in moved
    assert not any("pooler" in name for name in moved)


# --- what is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda folder: (folder / "model.safetensors").rename(folder / "pytorch_model.bin"), "pickle"),
        (lambda folder: (folder / "config.json").unlink(), "holds no config.json"),
        (lambda folder: (folder / "model.safetensors").write_bytes(b"cut"), "could not be loaded"),
        (lambda folder: (folder / "config.json").write_text('{"model_type": "nobody-knows"}'), "could not be loaded"),
    ],
    ids=["pickle", "no config", "cut weights", "unknown type"],
)
def test_a_damaged_folder_is_refused_in_one_line(folders, tmp_path, damage, message):
    for file in folders["bert"].iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    damage(tmp_path)
    with pytest.raises(ConfigError, match=message) as told:
        encoder_of(tmp_path)
    assert "\n" not in str(told.value)


def test_weights_that_are_missing_are_named(folders, tmp_path):
    from safetensors.torch import save_file

    for file in folders["bert"].iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    tensors = load_file(tmp_path / "model.safetensors")
    del tensors["encoder.layer.1.output.dense.weight"]
    save_file(tensors, tmp_path / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ConfigError, match=r"lacks weights.*encoder\.layer\.1\.output\.dense\.weight"):
        encoder_of(tmp_path)


def test_a_model_that_reads_on_is_refused(tmp_path, folders):
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (tmp_path / name).write_bytes((folders["bert"] / name).read_bytes())
    small = transformers.BertConfig(vocab_size=120, is_decoder=True, **SMALL)
    transformers.BertModel(small, add_pooling_layer=False).save_pretrained(tmp_path)
    with pytest.raises(ConfigError, match="no encoder"):
        encoder_of(tmp_path)


def test_positions_behind_the_padding_are_not_counted(folders):
    assert encoder_of(folders["roberta"]).longest == 47
    assert encoder_of(folders["bert"]).longest == 48


def test_no_path_and_foreign_settings_are_refused(folders):
    kind = plugins.load("encoder", "transformer")
    with pytest.raises(ConfigError, match=r"encoder\.path must name"):
        kind.prepare(kind.Settings(), [], Start())
    with pytest.raises(ConfigError, match="brings its own"):
        kind.prepare(kind.Settings(), [], Start(vectors="v", path=str(folders["bert"])))
    with pytest.raises(ConfigError, match="hub:no/where"):
        kind.prepare(kind.Settings(), [], Start(path="no/where"))


def test_a_pooler_without_weights_is_zero(folders, tmp_path):
    for file in folders["bert"].iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    transformers.BertModel.from_pretrained(folders["bert"], add_pooling_layer=False).save_pretrained(tmp_path)
    assert not pretrained.model(tmp_path).pooler.dense.weight.any()


def test_the_config_of_a_task_reaches_the_encoder(folders):
    tree = {
        "task": "pair",
        "data": {"train": "made.tsv", "max_length": 24},
        "encoder": {"kind": "transformer", "path": str(folders["bert"]), "pooling": "first"},
    }
    pairs = [Example(str(n), (TEXTS[n % 6], TEXTS[0]), "가" if n % 2 else "나") for n in range(4)]
    model = build(config.resolve(tree), Dataset("made", {"train": pairs}, ("가", "나")))
    assert model.encoder.settings.parts == 2
    assert model.encoder.typed
    prepared = model.prepare(pairs, cache=False)
    types = batches.collate(model.encoder, prepared, np.arange(4)).inputs["types"]
    assert types.any()
    assert dataclasses.is_dataclass(prepared)
