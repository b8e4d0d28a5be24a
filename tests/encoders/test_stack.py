"""A stack: words stand beside the tokens whose characters they share, both parts learn, and both are saved."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import transformers

from yeonma import batches, config, plugins
from yeonma.encoders import Start
from yeonma.encoders.static import PAD, SPECIAL
from yeonma.errors import ConfigError
from yeonma.finetuning import prepare
from yeonma.model import Model
from yeonma.records import Dataset, Example, Span
from yeonma.text.subword import WordPiece
from yeonma.train import update

TEXTS = ["오늘은 날씨가 참 맑다", "내일은 비가 온다고 한다", "바람이 불면 잎이 흔들린다", "Take an umbrella with you"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("bert")
    WordPiece.train(TEXTS * 3, vocab_size=90).save(made)
    size = transformers.AutoTokenizer.from_pretrained(made).vocab_size
    torch.manual_seed(0)
    small = {"hidden_size": 12, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 16}
    transformers.BertModel(transformers.BertConfig(vocab_size=size, **small)).save_pretrained(made)
    return made


def encoder_of(folder, parts=1, **own):
    kind = plugins.load("encoder", "stack")
    settings = kind.Settings(dim=6, min_count=1, **own)
    return kind.prepare(settings, TEXTS, Start(tokenizer="whitespace", path=str(folder)), parts)


def test_words_stand_beside_the_tokens_that_share_their_characters(folder):
    encoder = encoder_of(folder, 2)
    rows = [(TEXTS[0], TEXTS[1]), (TEXTS[2], "새 낱말")]
    for window in encoder.tokenize(rows, 100, cache=False):
        for (start, end), part, words in zip(window.offsets, window.part, window.words, strict=True):
            if part < 0:
                assert not words.any()
                continue
            text = rows[window.row][part]
            left = len(text[: start + 1].split(" ")) - 1
            word = text.split(" ")[left]
            expected = encoder.static.index.get(word, 1)
            assert words.tolist() == [expected, PAD, PAD, PAD], (text[start:end], word)


def test_a_token_over_several_words_has_their_mean(folder):
    kind = plugins.load("encoder", "stack")
    start = Start(tokenizer="syllable", path=str(folder))
    encoder = kind.prepare(kind.Settings(dim=6, min_count=1), TEXTS, start).eval()
    windows = encoder.tokenize([(TEXTS[0],)], 60, cache=False)
    length = np.array([len(windows[0].ids)])
    made = batches.Prepared(windows, np.zeros(1, np.int64), np.array([0, 1]), length, length, {}, 0)
    tokens = encoder(batches.collate(encoder, made, np.arange(1))).tokens[0, :, 12:]
    names = encoder.words()
    for (start, end), part, vector in zip(windows[0].offsets, windows[0].part, tokens, strict=True):
        letters = [names.index(letter) for letter in TEXTS[0][start:end] if part >= 0]
        expected = encoder.static.table.weight[letters[:4]].mean(0) if letters else torch.zeros(6)
        torch.testing.assert_close(vector, expected)


@pytest.mark.parametrize("task", ["single", "pair", "tagging", "qa", "choice"])
def test_every_task_learns_and_both_parts_move(folder, task, tmp_path):
    golds = {
        "single": lambda n: Example(str(n), (TEXTS[n],), "가나"[n % 2]),
        "pair": lambda n: Example(str(n), (TEXTS[n], TEXTS[0]), "가나"[n % 2]),
        "choice": lambda n: Example(str(n), (TEXTS[n], "하나", "둘"), str(n % 2 + 1)),
        "tagging": lambda n: Example(str(n), (TEXTS[n],), (Span(0, TEXTS[n].index(" "), "가"),)),
        "qa": lambda n: Example(str(n), ("언제", TEXTS[n]), (Span(0, TEXTS[n].index(" "), "", 1),)),
    }
    examples = [golds[task](n) for n in range(4)]
    labels = {"single": ("가", "나"), "pair": ("가", "나"), "tagging": ("가",)}.get(task, ())
    encoder = {"kind": "stack", "path": str(folder), "tokenizer": "whitespace", "dim": 6, "min_count": 1}
    tree = {
        "task": task, "data": {"train": "made.tsv"}, "encoder": encoder,
        "train": {"batch_size": 4, "epochs": 30, "learning_rate": 1e-2, "warmup_ratio": 0.0},
    }  # fmt: skip
    t = prepare(config.resolve(tree), Dataset("made", {"train": examples, "valid": examples}, labels))
    before = {name: weight.clone() for name, weight in t.model.state_dict().items()}
    losses = [update(t)[0] for _ in range(20)]
    assert losses[-1] < losses[0]
    after = t.model.state_dict()
    moved = {name for name in after if not torch.equal(after[name], before[name])}
    assert "encoder.static.table.weight" in moved
    assert any("layer.1." in name for name in moved)
    t.model.eval().save_pretrained(tmp_path / "model")
    texts = [example.texts for example in examples]
    assert Model.from_pretrained(tmp_path / "model").predict(texts) == t.model.predict(texts)
    _, found = transformers.AutoModel.from_pretrained(tmp_path / "model", output_loading_info=True)
    assert not found["missing_keys"]


def test_every_weight_stands_in_one_layer_and_padding_changes_nothing(folder):
    encoder = encoder_of(folder).eval()
    inside = [id(weight) for layer in encoder.layers() for weight in layer.parameters()]
    trained = [id(weight) for name, weight in encoder.named_parameters() if "pooler" not in name]
    assert sorted(inside) == sorted(trained)
    windows = encoder.tokenize([(text,) for text in TEXTS], 60, cache=False)
    lengths = np.array([len(window.ids) for window in windows])
    made = batches.Prepared(windows, np.arange(4), np.arange(5), lengths, lengths, {}, 0)
    together = encoder(batches.collate(encoder, made, np.arange(4))).pooled
    for row in range(4):
        alone = encoder(batches.collate(encoder, made, np.array([row]))).pooled[0]
        torch.testing.assert_close(alone, together[row], rtol=1e-4, atol=1e-5)
    assert encoder.words()[:2] == list(SPECIAL)


def test_a_stack_without_a_transformer_or_with_kept_layers_is_refused(folder):
    kind = plugins.load("encoder", "stack")
    with pytest.raises(ConfigError, match=r"encoder\.path must name"):
        kind.prepare(kind.Settings(), TEXTS, Start(tokenizer="whitespace"))
    with pytest.raises(ConfigError, match=r"encoder\.cache"):
        encoder_of(folder, cache=True)
