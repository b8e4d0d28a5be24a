"""The contract of every static encoder, for one text and for two, with and without characters."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from builders import GOOD, PLAIN, examples
from yeonma import batches, plugins
from yeonma.encoders import Start
from yeonma.encoders.static import PAD, UNKNOWN
from yeonma.errors import ConfigError, RunError
from yeonma.records import Batch
from yeonma.tasks.single import Single

NAMES = ("bag", "cnn", "bilstm-attention")
TEXTS = [e.texts[0] for e in examples(40)]
ONE = [(text,) for text in TEXTS]
TWO = [*zip(TEXTS[:4], TEXTS[4:8], strict=True), ("", TEXTS[0]), (TEXTS[1], ""), ("", ""), ("좋다", "최악")]
SMALL = {"cnn": {"filters": 5}, "bilstm-attention": {"units": 6, "attention": 7}}

of_every_kind = pytest.mark.parametrize(
    ("name", "parts", "characters"),
    [(name, parts, characters) for name in NAMES for parts in (1, 2) for characters in (0, 4)],
)


def make(name, parts=1, **settings):
    torch.manual_seed(0)
    encoder_class = plugins.load("encoder", name)
    settings = encoder_class.Settings(**{"dim": 8, "min_count": 1, **settings})
    return encoder_class.prepare(settings, TEXTS, Start(tokenizer="whitespace"), parts).eval()


def small(name, parts, characters):
    return make(name, parts, characters=characters, character_filters=3, **SMALL.get(name, {}))


def batch_of(encoder, windows, length=None):
    lengths = np.array([len(window.ids) for window in windows])
    length = length or int(lengths.max())
    part = batches.padded([window.part for window in windows], length, np.int8(-1))
    mask = torch.from_numpy(np.arange(length) < lengths[:, None])
    return Batch(encoder.collate(windows, length), mask, part, {}, torch.arange(len(windows)))


def read(encoder, rows, length=None):
    return encoder(batch_of(encoder, encoder.tokenize(rows, 128), length))


def encoded(encoder, texts, length=None):
    return read(encoder, [(text,) for text in texts], length)


def rows_for(parts):
    return [*ONE[:8], ("",)] if parts == 1 else TWO


@of_every_kind
def test_shapes(name, parts, characters):
    encoder, rows = small(name, parts, characters), rows_for(parts)
    out = read(encoder, rows)
    assert out.pooled.shape == (len(rows), encoder.width)
    longest = max(sum(len(text.split()) for text in row) for row in rows)
    assert out.tokens.shape == (len(rows), longest, encoder.width)
    assert torch.isfinite(out.pooled).all() and torch.isfinite(out.tokens).all()


@of_every_kind
def test_a_row_reads_the_same_alone_in_a_batch_and_under_padding(name, parts, characters):
    encoder, rows = small(name, parts, characters), rows_for(parts)
    together, padded = read(encoder, rows), read(encoder, rows, length=40)
    assert torch.allclose(padded.pooled, together.pooled, atol=1e-6)
    for number, row in enumerate(rows):
        alone = read(encoder, [row])
        size = alone.tokens.shape[1]
        assert torch.allclose(together.pooled[number], alone.pooled[0], atol=1e-6)
        assert torch.allclose(together.tokens[number, :size], alone.tokens[0], atol=1e-6)
        assert torch.allclose(padded.tokens[number, :size], alone.tokens[0], atol=1e-6)


@of_every_kind
def test_every_weight_gets_a_gradient(name, parts, characters):
    encoder = small(name, parts, characters).train()
    read(encoder, rows_for(parts)).pooled.square().sum().backward()
    for key, weight in encoder.named_parameters():
        if "score.bias" not in key:  # softmax does not see a constant
            assert weight.grad is not None and weight.grad.abs().sum() > 0, key
            assert torch.isfinite(weight.grad).all(), key


@of_every_kind
def test_saved_and_loaded_it_is_the_same(name, parts, characters, tmp_path):
    encoder, rows = small(name, parts, characters), rows_for(parts)
    encoder.save_assets(tmp_path)
    assert (tmp_path / "characters.txt").exists() == bool(characters)
    settings = type(encoder).Settings(**encoder.settings.model_dump())
    twin = type(encoder).load_assets(settings, tmp_path)
    twin.load_state_dict(encoder.state_dict())
    assert torch.equal(read(encoder, rows).pooled, read(twin.eval(), rows).pooled)


@of_every_kind
def test_the_layers_hold_every_weight_once_and_begin_with_the_embeddings(name, parts, characters):
    encoder = small(name, parts, characters)
    layers = [list(layer.parameters()) for layer in encoder.layers()]
    names = {id(weight): key for key, weight in encoder.named_parameters()}
    assert sorted(names[id(weight)] for layer in layers for weight in layer) == sorted(names.values())
    assert [weight is encoder.embeddings().weight for weight in layers[0]] == [True]
    assert all(layers)


@of_every_kind
def test_the_same_seed_makes_the_same_encoder(name, parts, characters):
    first, second = (small(name, parts, characters) for _ in range(2))
    assert torch.equal(read(first, rows_for(parts)).pooled, read(second, rows_for(parts)).pooled)
    assert first.settings.parts == parts


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("text", ["", "   ", "처음보는낱말", "좋다"])
def test_blank_unknown_and_one_word_texts_have_a_finite_vector(name, text):
    assert torch.isfinite(encoded(make(name), [text, TEXTS[0]]).pooled).all()


@pytest.mark.parametrize("name", NAMES)
def test_each_text_of_a_pair_knows_the_other(name):
    encoder = small(name, 2, 0)
    row, changed = (TEXTS[0], "좋다 최고"), (TEXTS[0], "나쁘다 최고")
    length = len(TEXTS[0].split())
    one, other = read(encoder, [row]), read(encoder, [changed])
    assert not torch.allclose(one.pooled, other.pooled, atol=1e-4)
    assert (one.tokens[0, :length] - other.tokens[0, :length]).abs().amax(1).gt(1e-6).all()


@pytest.mark.parametrize("name", NAMES)
def test_the_order_of_the_two_texts_matters_only_where_they_are_compared(name):
    encoder = small(name, 2, 0)
    length = len(TEXTS[0].split())
    one, other = read(encoder, [(TEXTS[0], TEXTS[1])]).tokens[0], read(encoder, [(TEXTS[1], TEXTS[0])]).tokens[0]
    assert torch.allclose(one, torch.cat((other[-length:], other[:-length])), atol=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_visible_padding_is_for_one_text(name):
    with pytest.raises(ConfigError, match="rows of one text"):
        make(name, parts=2, padding="visible")


def test_a_path_is_for_pretrained_encoders():
    encoder_class = plugins.load("encoder", "bag")
    with pytest.raises(ConfigError, match=r"encoder\.vectors"):
        encoder_class.prepare(encoder_class.Settings(), TEXTS, Start(tokenizer="whitespace", path="some/model"))


@pytest.mark.parametrize("name", ["words.txt", "characters.txt"])
def test_a_folder_without_its_words_is_refused(name, tmp_path):
    encoder = small("bag", 1, 4)
    encoder.save_assets(tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(RunError, match=name):
        type(encoder).load_assets(encoder.settings, tmp_path)


@pytest.mark.parametrize("name", NAMES)
def test_visible_padding_is_read(name):
    encoder = make(name, padding="visible")
    narrow, wide = encoded(encoder, TEXTS[:3]).pooled, encoded(encoder, TEXTS[:3], length=40).pooled
    assert not torch.allclose(narrow, wide, atol=1e-4)


@pytest.mark.parametrize("name", NAMES)
def test_the_table_is_named_row_by_row(name):
    encoder = make(name)
    assert len(encoder.words()) == encoder.embeddings().weight.shape[0]
    assert encoder.tokenize([("좋다 처음보는낱말",)], 128)[0].ids.tolist() == [encoder.words().index("좋다"), UNKNOWN]
    assert not encoder.embeddings().weight[PAD].any()


def test_the_layers_of_each_encoder():
    assert [len(make(name).layers()) for name in NAMES] == [1, 2, 3]
    assert [len(make(name, characters=4).layers()) for name in NAMES] == [2, 3, 4]
    assert [len(make(name, parts=2).layers()) for name in NAMES] == [3, 4, 6]


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


def test_long_pairs_are_cut_at_the_longest_text_or_read_in_windows():
    encoder = make("bag", parts=2, characters=4)
    row = ("좋다 최고", " ".join(PLAIN))  # 2 and 8 words
    (cut,) = encoder.tokenize([row], 6)
    assert cut.part.tolist() == [0, 0, 1, 1, 1, 1]
    assert cut.cut == 4
    found = encoder.tokenize([("",), row], 6, stride=2)[1:]
    assert [window.row for window in found] == [1] * 3
    assert [window.start for window in found] == [0, 2, 4]
    assert all(window.cut == 0 and window.part.tolist() == [0, 0, 1, 1, 1, 1] for window in found)
    for window in found:
        read = [row[part][a:b] for part, (a, b) in zip(window.part, window.offsets, strict=True)]
        assert read == ["좋다", "최고", *PLAIN[window.start : window.start + 4]]
        assert [len(word) for word in read] == (window.characters > 0).sum(1).tolist()


def test_one_long_text_is_read_in_windows():
    found = make("bag").tokenize([(" ".join(PLAIN),), ("좋다",)], 5, stride=2)
    assert [(window.row, window.start, len(window.ids), window.cut) for window in found] == [
        (0, 0, 5, 0), (0, 3, 5, 0), (1, 0, 1, 0),
    ]  # fmt: skip


LSTM = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
SINGLE = {
    "bag": ["table.weight"],
    "cnn": ["table.weight", *(f"convolutions.{i}.{kind}" for i in range(3) for kind in ("weight", "bias"))],
    "bilstm-attention": [
        *("table.weight", *(f"onward.{key}" for key in LSTM), *(f"inverse.{key}" for key in LSTM)),
        *("project.weight", "project.bias", "score.weight", "score.bias"),
    ],
}


@pytest.mark.parametrize("name", NAMES)
def test_an_encoder_of_one_text_has_no_weights_for_two(name):
    single, pair = make(name).state_dict(), make(name, parts=2).state_dict()
    assert list(single) == SINGLE[name]
    assert {key: pair[key].shape for key in single} == {key: single[key].shape for key in single}


def test_bag_agrees_with_the_formula():
    encoder = make("bag")
    ids = encoder.tokenize([(TEXTS[0],)], 128)[0].ids
    assert torch.allclose(encoded(encoder, TEXTS[:3]).pooled[0], encoder.table.weight[ids].mean(0), atol=1e-6)


def test_attention_agrees_with_the_formula():
    encoder = make("bilstm-attention", units=4, attention=5)
    x = encoder.table.weight[encoder.tokenize([(TEXTS[0],)], 128)[0].ids]
    h = torch.cat((encoder.onward(x)[0], encoder.inverse(x.flip(0))[0].flip(0)), dim=1)
    u = torch.tanh(h @ encoder.project.weight.T + encoder.project.bias)
    a = torch.exp(u @ encoder.score.weight[0])
    assert torch.allclose(encoded(encoder, TEXTS[:3]).pooled[0], (a / a.sum()) @ u, atol=1e-6)


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
