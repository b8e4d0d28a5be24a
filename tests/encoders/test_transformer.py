"""Transformer encoders of five shapes: rows and windows, layers, saving for us and for others, kept lower layers."""

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

from yeonma import api, batches, config, plugins
from yeonma.encoders import pretrained
from yeonma.encoders.transformer import Transformer
from yeonma.errors import ConfigError
from yeonma.finetuning import prepare
from yeonma.model import Model, build
from yeonma.optim import RowTable
from yeonma.records import Dataset, Encoded, Example
from yeonma.text.pretrained import Pretrained
from yeonma.text.subword import BPE, Unigram, WordPiece
from yeonma.train import micro_batches, update

TEXTS = [
    "오늘은 날씨가 참 맑고 바람이 시원하다",
    "내일은 비가 온다고 하니 우산을 챙기자",
    "The weather is fine and the wind is cool",
    "Take an umbrella with you tomorrow",
    "바람이 불면 나뭇잎이 흔들린다",
    "끌려 간 사람들은 돌아오지 못했다",
]
SHORT = [text[:8] for text in TEXTS]
SMALL = {"hidden_size": 16, "num_hidden_layers": 3, "num_attention_heads": 2, "intermediate_size": 24}
SHAPES = {
    "bert": (transformers.BertConfig, transformers.BertModel, {}),
    "roberta": (transformers.RobertaConfig, transformers.RobertaModel, {"type_vocab_size": 1}),
    "electra": (transformers.ElectraConfig, transformers.ElectraModel, {"embedding_size": 12}),
    "deberta-v2": (transformers.DebertaV2Config, transformers.DebertaV2Model, {"relative_attention": True}),
    "modernbert": (transformers.ModernBertConfig, transformers.ModernBertModel, {}),
}
KINDS = {"wordpiece": WordPiece, "bpe": BPE, "unigram": Unigram}


@pytest.fixture(scope="session")
def folders(tmp_path_factory):
    """A folder of each shape, as its owner would publish it."""
    made = {}
    for number, (shape, (settings_of, model_of, own)) in enumerate(SHAPES.items()):
        folder = tmp_path_factory.mktemp(shape)
        kind = [*KINDS.values()][number % len(KINDS)]
        kind.train(TEXTS * 3, vocab_size=120).save(folder)
        torch.manual_seed(number)
        size = transformers.AutoTokenizer.from_pretrained(folder).vocab_size
        ids = {"pad_token_id": 0, "cls_token_id": 2, "sep_token_id": 3, "bos_token_id": 2, "eos_token_id": 3}
        made_config = settings_of(vocab_size=size, max_position_embeddings=48, **SMALL, **ids, **own)
        model_of(made_config).save_pretrained(folder)
        made[shape] = folder
    return made


@pytest.fixture(params=SHAPES)
def folder(request, folders):
    return folders[request.param]


def encoder_of(folder, parts=1, **own):
    kind = plugins.load("encoder", "transformer")
    return kind.prepare(kind.Settings(**own), [], vectors=None, tokenizer=None, path=str(folder), parts=parts)


def model_of(folder, task="single", labels=("가", "나"), **own):
    task = plugins.load("task", task)(labels)
    return Model(encoder_of(folder, task.parts, **own), task, max_length=24)


def examples(count=12):
    return [Example(str(n), (TEXTS[n % 6],), "가" if n % 2 else "나") for n in range(count)]


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


# --- long documents ---------------------------------------------------------------------------------------------------


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


# --- frozen layers, kept ----------------------------------------------------------------------------------------------


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
        kind.prepare(kind.Settings(), [], vectors=None, tokenizer=None)
    with pytest.raises(ConfigError, match="brings its own"):
        kind.prepare(kind.Settings(), [], vectors="v", tokenizer=None, path=str(folders["bert"]))
    with pytest.raises(ConfigError, match="hub:no/where"):
        kind.prepare(kind.Settings(), [], vectors=None, tokenizer=None, path="no/where")


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
