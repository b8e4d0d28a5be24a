"""Unknown words: one vector, hashed buckets, n-grams; each is told apart as it should be, trained, saved and loaded."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from builders import config, dataset, examples
from yeonma import api, batches, optim, plugins
from yeonma.encoders import Start
from yeonma.encoders.static import SPECIAL, UNKNOWN
from yeonma.errors import ConfigError, Interrupted
from yeonma.model import Model, build
from yeonma.records import Batch
from yeonma.subwords import Ngrams, Subwords
from yeonma.text.tokenizers import Whitespace
from yeonma.vectors import Vectors

NAMES, POLICIES = ("bag", "cnn", "bilstm-attention"), ("one", "buckets", "subwords")
TEXTS = [e.texts[0] for e in examples(40)]
SMALL = {"cnn": {"filters": 5}, "bilstm-attention": {"units": 6, "attention": 7}}
of_every_kind = pytest.mark.parametrize(("name", "policy"), [(name, policy) for name in NAMES for policy in POLICIES])
ROWS = [("좋다 처음보는낱말",), ("처음보는것 최고 그",), ("",), ("좋다",)]


def make(name="bag", policy="one", vectors=None, **settings):
    torch.manual_seed(0)
    encoder_class = plugins.load("encoder", name)
    own = {"dim": 8, "min_count": 1, "unknown": policy, "unknown_buckets": 50, **SMALL.get(name, {}), **settings}
    start = Start(vectors, tokenizer="whitespace")
    return encoder_class.prepare(encoder_class.Settings(**own), TEXTS, start, own.get("parts", 1)).eval()


def read(encoder, rows, length=None):
    windows = encoder.tokenize(rows, 128)
    lengths = np.array([len(window.ids) for window in windows])
    length = length or int(lengths.max())
    part = batches.padded([window.part for window in windows], length, np.int8(-1))
    mask = torch.from_numpy(np.arange(length) < lengths[:, None])
    return encoder(Batch(encoder.collate(windows, length), mask, part, {}, torch.arange(len(windows)))).pooled


def word(encoder, text):
    """The vector of a text of one word under a bag."""
    return read(encoder, [(text,)])[0]


@pytest.fixture(scope="module")
def composed(tmp_path_factory):
    """A vectors folder with subwords; few words are known."""
    folder, draw, words = tmp_path_factory.mktemp("v") / "vectors", np.random.default_rng(0), ["좋다", "최고", "영화"]
    ngrams = Ngrams(minn=1, maxn=3, buckets=1_000_000)
    ids = np.unique(ngrams.hashed([*words, "처음보는낱말", "재밌다"])[0])
    rows, more = (draw.normal(size=(n, 8)).astype(np.float32) for n in (len(words), len(ids)))
    Vectors(words, rows, tokenizer=Whitespace(), subwords=Subwords(ngrams, ids, more)).save(folder)
    return str(folder)


def stir(encoder):
    """Every weight somewhere else, as after training."""
    with torch.no_grad():
        for weight in encoder.parameters():
            weight.add_(torch.randn_like(weight) * 0.1)
        for module in encoder.modules():
            if isinstance(module, torch.nn.Embedding) and module.padding_idx is not None:
                module.weight[module.padding_idx] = 0
    return encoder


@of_every_kind
def test_saved_and_loaded_it_is_the_same(name, policy, tmp_path, composed):
    for number, vectors in enumerate((None, composed)):
        encoder = stir(make(name, policy, vectors))
        folder = tmp_path / str(number)
        folder.mkdir()
        encoder.save_assets(folder)
        twin = type(encoder).load_assets(type(encoder).Settings(**encoder.settings.model_dump()), folder)
        twin.load_state_dict(encoder.state_dict())
        assert torch.equal(read(encoder, ROWS), read(twin.eval(), ROWS))


@of_every_kind
def test_a_row_reads_the_same_alone_in_a_batch_and_under_padding(name, policy):
    encoder = stir(make(name, policy))
    together = read(encoder, ROWS)
    assert torch.allclose(together, read(encoder, ROWS, length=20), atol=1e-6)
    for number, row in enumerate(ROWS):
        assert torch.allclose(together[number], read(encoder, [row])[0], atol=1e-6)


@of_every_kind
def test_the_layers_hold_every_weight_once(name, policy):
    encoder = make(name, policy)
    held = [id(weight) for layer in encoder.layers() for weight in layer.parameters()]
    assert sorted(held) == sorted(id(weight) for weight in encoder.parameters())
    assert len(encoder.words()) == len(set(encoder.words())) == encoder.embeddings().num_embeddings


@pytest.mark.parametrize("policy", POLICIES)
def test_which_unknown_words_are_told_apart(policy):
    encoder = stir(make("bag", policy))
    one, other, again = (word(encoder, text) for text in ("처음보는낱말", "딴것", "처음보는낱말"))
    assert torch.equal(one, again)
    assert torch.equal(one, other) == (policy == "one")


def test_a_bucket_is_told_by_the_word_alone():
    encoder = make("bag", "buckets")
    rows = encoder.rows_of(["좋다", "처음보는낱말", "딴것", "\ud800"])
    assert rows[0] == encoder.words().index("좋다")
    first = len(SPECIAL) + len(encoder.vocabulary)
    assert ((rows[1:] >= first) & (rows[1:] < first + 50)).all()
    assert encoder.words()[rows[1]] == "<bucket 43>"  # crc32 does not change from process to process


def test_at_first_n_grams_add_nothing_to_the_one_vector():
    encoder = make("bag", "subwords")
    assert torch.equal(word(encoder, "처음보는낱말"), encoder.table.weight[UNKNOWN])


def test_unknown_words_begin_as_the_vectors_compose_them(composed):
    encoder, known = make("bag", "subwords", composed), Vectors.load(composed)
    for text in ("처음보는낱말", "재밌다", "좋다", "처음"):
        assert np.allclose(word(encoder, text).detach(), known.vector(text), atol=1e-6), text
    assert not word(encoder, "zq").any()


@pytest.mark.parametrize("policy", ["one", "buckets"])
def test_without_n_grams_unknown_words_begin_at_the_mean(policy, composed):
    mean = torch.from_numpy(Vectors.load(composed).matrix.mean(0))
    assert torch.allclose(word(make("bag", policy, composed), "처음보는낱말"), mean)


def test_vectors_whose_words_are_all_shorter_than_an_n_gram(tmp_path):
    """No bucket has a row: every unknown word is like any other."""
    none = Subwords(Ngrams(minn=6, maxn=9, buckets=1000), np.zeros(0, np.int64), np.zeros((0, 8), np.float32))
    Vectors(["좋다"], np.ones((1, 8), np.float32), tokenizer=Whitespace(), subwords=none).save(tmp_path / "v")
    encoder = make("bag", "subwords", str(tmp_path / "v"))
    assert torch.equal(word(encoder, "처음보는낱말이다"), word(encoder, "정말로새로운낱말"))


@pytest.mark.parametrize("odd", ["가\rx", "가\u2028나", "가\x85나"])
def test_a_word_of_any_line_break_but_the_usual_is_saved_and_loaded(tmp_path, odd):
    Vectors(["좋다", odd], np.ones((2, 8), np.float32), tokenizer=Whitespace()).save(tmp_path / "v")
    encoder = make("bag", "one", str(tmp_path / "v"))
    encoder.save_assets(tmp_path)
    assert type(encoder).load_assets(encoder.settings, tmp_path).vocabulary == encoder.vocabulary


def test_the_n_grams_of_an_endless_word_are_bounded():
    encoder = make("bag", "subwords")
    windows = encoder.tokenize([("가나다라" * 1000,), ("딴것",)], 128)
    assert windows[0].ngrams.shape == (1, 128)
    assert windows[1].ngrams.shape == (1, 7)  # two of one, three of two, two of three: 딴 것 <딴 딴것 것> <딴것 딴것>


def test_windows_have_the_n_grams_of_their_own_words():
    encoder = stir(make("bag", "subwords"))
    text = "좋다 하나 둘 최고 셋 넷"
    windows = encoder.tokenize([(text,)], 3, stride=1)
    assert len(windows) == 3
    whole = encoder.tokenize([(text,)], 128)[0]
    assert (windows[-1].ngrams[:, :2] == whole.ngrams[-2:, :2]).all()


@pytest.mark.parametrize("rows", ["lazy", "dense"])
@pytest.mark.parametrize("policy", ["buckets", "subwords"])
def test_rows_of_unknown_words_learn(policy, rows, tmp_path):
    """Three steps move rows of unknown words and never the padding; the model is saved with them."""
    tree = config(
        encoder__unknown=policy, encoder__unknown_buckets=20, encoder__min_count=10, encoder__rows=rows, train__epochs=1
    )
    torch.manual_seed(0)
    model = build(tree, dataset())
    before = {name: weight.clone() for name, weight in model.named_parameters()}
    optimizer = optim.make("adam", list(model.parameters()))
    prepared = model.prepare(dataset().splits["train"], cache=False)
    for _ in range(3):
        batch = batches.collate(model.encoder, prepared, np.arange(30))
        optimizer.zero_grad()
        model.task.loss(model(batch), batch).backward()
        optimizer.step()
    after = dict(model.named_parameters())
    table = "encoder.ngrams.table.weight" if policy == "subwords" else "encoder.table.weight"
    first = 1 if policy == "subwords" else len(SPECIAL) + len(model.encoder.vocabulary)
    moved = (after[table] != before[table]).any(1)
    assert moved[first:].any() and not moved[0]
    model.eval().save_pretrained(tmp_path / "model")
    twin = api.load_model(tmp_path / "model")
    texts = ["처음보는낱말 그", "좋다"]
    assert isinstance(twin, Model)
    assert [p.scores for p in twin.predict(texts)] == [p.scores for p in model.predict(texts)]


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("freeze", ["none", "embeddings"])
def test_lazy_rows_and_dense_ones_end_in_one_run(policy, freeze, composed, tmp_path):
    lines = "".join(f"{e.texts[0]}\t{e.gold}\n" for e in examples(60))
    (tmp_path / "train.tsv").write_text(f"text\tlabel\n{lines}", encoding="utf-8")
    ends = []
    for rows in ("lazy", "dense"):
        encoder = {"kind": "bag", "vectors": composed, "unknown": policy, "unknown_buckets": 100, "rows": rows}
        tree = {
            "data": {"train": str(tmp_path / "train.tsv")},
            "encoder": {**encoder, "freeze": freeze},
            "train": {"epochs": 2, "weight_decay": 0.01, "batch_size": 16},
        }
        run = api.finetune(tree, output=tmp_path / rows)
        assert api.evaluate(run.folder, str(tmp_path / "train.tsv"))["n"] == 60
        ends.append(api.load_model(run.folder).state_dict())
    assert ends[0].keys() == ends[1].keys()
    for name, weight in ends[0].items():
        assert torch.allclose(weight, ends[1][name], atol=1e-5), name


@pytest.mark.parametrize("policy", ["buckets", "subwords"])
def test_a_resumed_run_ends_with_the_bits_of_an_unbroken_one(policy, composed, tmp_path):
    lines = "".join(f"{e.texts[0]}\t{e.gold}\n" for e in examples(60))
    (tmp_path / "train.tsv").write_text(f"text\tlabel\n{lines}", encoding="utf-8")
    tree = {
        "data": {"train": str(tmp_path / "train.tsv")},
        "encoder": {"kind": "bag", "vectors": composed, "unknown": policy, "unknown_buckets": 100},
        "train": {"epochs": 3, "batch_size": 8},
    }
    asked = iter([False] * 9 + [True])
    with pytest.raises(Interrupted):
        api.finetune(tree, output=tmp_path / "broken", stop=lambda: next(asked))
    api.finetune(output=tmp_path / "broken", resume=True)
    api.finetune(tree, output=tmp_path / "whole")
    files = [(tmp_path / name / "model" / "model.safetensors").read_bytes() for name in ("broken", "whole")]
    assert files[0] == files[1]


def test_an_unknown_policy_is_refused():
    with pytest.raises(ConfigError, match="encoder.unknown"):
        config(encoder__unknown="hash")
