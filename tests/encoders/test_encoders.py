"""The contract of every encoder: shapes, masks, batching, saving, gradients."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from builders import GOOD, PLAIN, examples
from yeonma import batches, plugins
from yeonma.encoders.static import PAD, UNKNOWN
from yeonma.tasks.single import Single

NAMES = plugins.names("encoder")
TEXTS = [e.texts[0] for e in examples(40)]


def make(name, **settings):
    torch.manual_seed(0)
    encoder_class = plugins.load("encoder", name)
    settings = encoder_class.Settings(**{"dim": 8, "min_count": 1, **settings})
    return encoder_class.prepare(settings, TEXTS, vectors=None, tokenizer="whitespace").eval()


def encoded(encoder, texts, length=None):
    windows = encoder.tokenize([(t,) for t in texts], 128)
    lengths = np.array([len(w.ids) for w in windows])
    width = length or int(lengths.max())
    mask = torch.from_numpy(np.arange(width) < lengths[:, None])
    prepared = batches.Prepared(windows, np.arange(len(texts)), lengths, {}, 0)
    batch = batches.collate(encoder, prepared, np.arange(len(texts)))
    return encoder(dataclasses.replace(batch, inputs=encoder.collate(windows, width), mask=mask))


@pytest.mark.parametrize("name", NAMES)
def test_shapes(name):
    encoder = make(name)
    out = encoded(encoder, TEXTS[:7])
    assert out.pooled.shape == (7, encoder.width)
    assert out.tokens.shape[:2] == (7, max(len(t.split()) for t in TEXTS[:7]))


@pytest.mark.parametrize("name", NAMES)
def test_a_text_reads_the_same_alone_in_a_batch_and_under_padding(name):
    encoder = make(name)
    together = encoded(encoder, TEXTS).pooled
    alone = torch.cat([encoded(encoder, [t]).pooled for t in TEXTS])
    assert torch.allclose(together, alone, atol=1e-6)
    assert torch.allclose(encoded(encoder, TEXTS[:5], length=40).pooled, alone[:5], atol=1e-6)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("text", ["", "   ", "처음보는낱말", "좋다"])
def test_blank_unknown_and_one_word_texts_have_a_finite_vector(name, text):
    assert torch.isfinite(encoded(make(name), [text, TEXTS[0]]).pooled).all()


@pytest.mark.parametrize("name", NAMES)
def test_visible_padding_is_read(name):
    encoder = make(name, padding="visible")
    narrow, wide = encoded(encoder, TEXTS[:3]).pooled, encoded(encoder, TEXTS[:3], length=40).pooled
    assert not torch.allclose(narrow, wide, atol=1e-4)


@pytest.mark.parametrize("name", NAMES)
def test_every_weight_gets_a_gradient(name):
    encoder = make(name).train()
    encoded(encoder, TEXTS).pooled.square().sum().backward()
    for key, weight in encoder.named_parameters():
        if "score.bias" not in key:  # softmax does not see a constant
            assert weight.grad is not None and weight.grad.abs().sum() > 0, key


@pytest.mark.parametrize("name", NAMES)
def test_saved_and_loaded_it_is_the_same(name, tmp_path):
    encoder = make(name)
    encoder.save_assets(tmp_path)
    twin = type(encoder).load_assets(encoder.settings, tmp_path)
    twin.load_state_dict(encoder.state_dict())
    assert torch.equal(encoded(encoder, TEXTS).pooled, encoded(twin.eval(), TEXTS).pooled)


@pytest.mark.parametrize("name", NAMES)
def test_the_table_is_named_row_by_row(name):
    encoder = make(name)
    assert len(encoder.words()) == encoder.embeddings().weight.shape[0]
    assert encoder.tokenize([("좋다 처음보는낱말",)], 128)[0].ids.tolist() == [encoder.words().index("좋다"), UNKNOWN]
    assert not encoder.embeddings().weight[PAD].any()


@pytest.mark.parametrize("name", NAMES)
def test_the_layers_hold_every_weight_once_and_begin_with_the_embeddings(name):
    encoder = make(name)
    layers = [list(layer.parameters()) for layer in encoder.layers()]
    names = {id(weight): key for key, weight in encoder.named_parameters()}
    assert sorted(names[id(weight)] for layer in layers for weight in layer) == sorted(names.values())
    assert any(weight is encoder.embeddings().weight for weight in layers[0])
    assert all(layers)


def test_the_layers_of_each_encoder():
    assert [len(make(name).layers()) for name in ("bag", "cnn", "bilstm-attention")] == [1, 2, 3]


@pytest.mark.parametrize("name", NAMES)
def test_long_texts_are_cut_and_counted(name):
    encoder, task = make(name), Single(("긍정", "부정"))
    rows = batches.prepare(encoder, task, [dataclasses.replace(examples(1)[0], texts=(" ".join(PLAIN * 9),))], 5)
    assert rows.lengths.tolist() == [5]
    assert rows.truncated == 1
    whole = batches.prepare(encoder, task, [dataclasses.replace(examples(1)[0], texts=(" ".join(PLAIN[:5]),))], 5)
    assert whole.truncated == 0


def test_coverage_counts_types_and_tokens():
    encoder = make("bag", max_words=3)
    facts = encoder.coverage()
    assert facts["rows"] == 3
    assert facts["known_types"] == 3
    assert facts["types"] == len({w for t in TEXTS for w in t.split()})
    assert facts["tokens"] == sum(len(t.split()) for t in TEXTS)
    assert 0 < facts["known_tokens"] < facts["tokens"]
    assert facts["unknown"]


def test_pairs_are_joined_with_their_parts():
    encoder = make("bag")
    window = encoder.tokenize([("좋다 최고", "감동")], 128)[0]
    assert window.part.tolist() == [0, 0, 1]
    assert window.offsets.tolist() == [[0, 2], [3, 5], [0, 2]]
    assert GOOD[0] == "좋다"


def test_attention_weighs_real_tokens_only():
    encoder = make("bilstm-attention", merge="sum", init="glorot")
    assert torch.isfinite(encoded(encoder, TEXTS).pooled).all()
    bias = encoder.inverse.bias_ih_l0
    assert bias[100:200].eq(1).all() and bias[:100].eq(0).all()  # TensorFlow's forget bias


def test_cnn_agrees_with_the_formula():
    encoder = make("cnn", widths=[2], filters=3)
    text = TEXTS[0]
    rows = encoder.table.weight[torch.from_numpy(encoder.tokenize([(text,)], 128)[0].ids)]
    conv = encoder.convolutions[0]
    padded = torch.cat([rows, torch.zeros(1, 8)])
    seen = [torch.relu((conv.weight * padded[t : t + 2].T).sum((1, 2)) + conv.bias) for t in range(len(rows))]
    assert torch.allclose(encoded(encoder, [text]).pooled[0], torch.stack(seen).amax(0), atol=1e-6)


def test_both_directions_equal_torchs_packed_bilstm():
    encoder = make("bilstm-attention", units=4)
    torchs = torch.nn.LSTM(8, 4, batch_first=True, bidirectional=True)
    ours = {**dict(encoder.onward.named_parameters())}
    ours |= {f"{name}_reverse": weight for name, weight in encoder.inverse.named_parameters()}
    torchs.load_state_dict(ours)
    lengths = torch.tensor([5, 1, 7, 3])
    mask, x = torch.arange(7) < lengths[:, None], torch.randn(4, 7, 8)
    packed = torch.nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
    expected = torch.nn.utils.rnn.pad_packed_sequence(torchs(packed)[0], batch_first=True)[0]
    assert torch.allclose(encoder._directions(x, mask)[mask], expected[mask], atol=1e-6)
