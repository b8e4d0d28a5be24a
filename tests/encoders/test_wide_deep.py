"""The encoder of both parts: the formula, whatever the batch; the parts' files; its settings."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from builders import examples
from yeonma import batches
from yeonma.encoders import Start
from yeonma.encoders.wide_deep import NETWORKS, WideDeep, by_label
from yeonma.records import Batch

TEXTS = [e.texts[0] for e in examples(40)]
SMALL = {"dim": 8, "min_count": 1}


def make(deep="cnn", parts=1):
    torch.manual_seed(0)
    tables = {"ngram": {"bits": 12}, "cnn": {**SMALL, "filters": 5}, "bilstm": {**SMALL, "units": 4, "attention": 6}}
    settings = WideDeep.Settings(deep=deep, **tables)
    encoder = WideDeep.prepare(settings, TEXTS, Start(tokenizer="whitespace"), parts).eval()
    torch.nn.init.normal_(encoder.wide.table.weight)
    encoder.set_mix(3.0, 0.5, 0.4)
    return encoder


def batch_of(encoder, rows, longer=0):
    windows = encoder.tokenize(rows, 16)
    lengths = np.array([len(window.ids) for window in windows])
    length = int(lengths.max()) + longer
    part = batches.padded([window.part for window in windows], length, np.int8(-1))
    mask = torch.from_numpy(np.arange(length) < lengths[:, None])
    return Batch(encoder.collate(windows, length), mask, part, {}, torch.arange(len(windows)))


@pytest.mark.parametrize("parts", [1, 2])
@pytest.mark.parametrize("deep", NETWORKS)
@torch.no_grad()
def test_the_sum_is_the_formula_whatever_the_batch(deep, parts):
    encoder = make(deep, parts)
    rows = [(text,) * parts for text in [*TEXTS[:6], "", "좋다 " * 30]]
    found = encoder(batch_of(encoder, rows)).pooled
    wide = by_label(torch.from_numpy(encoder.wide.logits(encoder.wide.read([text for row in rows for text in row]))))
    inner = encoder.scores(encoder.deep(batch_of(encoder, rows)).pooled)
    inner = inner - inner.mean(1, keepdim=True)
    whole = 0.6 * 3.0 + 0.4 * 0.5
    assert torch.allclose(found, whole * (0.6 * wide / 3.0 + 0.4 * inner / 0.5), atol=1e-5)
    assert torch.allclose(found, encoder(batch_of(encoder, rows, longer=3)).pooled, atol=1e-5)
    alone = torch.cat([encoder(batch_of(encoder, [row])).pooled for row in rows])
    assert torch.allclose(found, alone, atol=1e-5)


def test_a_text_cut_for_the_network_is_whole_for_the_n_grams():
    encoder = make()
    (window,) = encoder.tokenize([("좋다 " * 30 + "최고",)], 4)
    assert len(window.ids) == 4
    assert window.cut == 27
    assert np.array_equal(window.features, encoder.wide.read(["좋다 " * 30 + "최고"]).ids)


def test_every_weight_stands_in_one_layer():
    encoder = make()
    found = [id(weight) for layer in encoder.layers() for weight in layer.parameters()]
    assert len(found) == len({*found})
    assert {*found} == {id(weight) for weight in encoder.parameters()}


def test_both_parts_have_their_files(tmp_path):
    encoder = make("bilstm-attention")
    encoder.settle()
    encoder.save_assets(tmp_path)
    again = WideDeep.load_assets(encoder.settings, tmp_path)
    assert again.words() == encoder.words()
    assert again.wide.words() == encoder.wide.words()
    assert again.mix.tolist() == pytest.approx([3.0, 0.5, 0.4])
    assert [*again.state_dict()] == [*encoder.state_dict()]
