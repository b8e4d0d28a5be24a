"""The lazy index of what can be added: names to `module:attribute`, in the syntax of entry points, which extend it."""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import entry_points
from typing import Any

from yeonma.errors import ConfigError, nearest

BUILT_IN: dict[str, dict[str, str]] = {
    "task": {
        "single": "yeonma.tasks.single:Single",
        "pair": "yeonma.tasks.pair:Pair",
        "choice": "yeonma.tasks.choice:Choice",
        "qa": "yeonma.tasks.qa:QA",
        "tagging": "yeonma.tasks.tagging:Tagging",
    },
    "encoder": {
        "bag": "yeonma.encoders.bag:Bag",
        "cnn": "yeonma.encoders.cnn:CNN",
        "bilstm-attention": "yeonma.encoders.bilstm:BiLSTMAttention",
        "ngram": "yeonma.encoders.ngram:Ngram",
        "transformer": "yeonma.encoders.transformer:Transformer",
        "stack": "yeonma.encoders.stack:Stack",
        "wide-deep": "yeonma.encoders.wide_deep:WideDeep",
    },
    "objective": {
        "ngram": "yeonma.linear:prepare",
        "wide-deep": "yeonma.wide_deep:prepare",
    },
    "pretrain": {
        "word2vec": "yeonma.pretraining.word2vec:Word2Vec",
        "fasttext": "yeonma.pretraining.fasttext:FastText",
        "glove": "yeonma.pretraining.glove:GloVe",
        "swivel": "yeonma.pretraining.swivel:Swivel",
        "lsa": "yeonma.pretraining.lsa:LSA",
        "mlm": "yeonma.pretraining.mlm:pretrain_mlm",
    },
    "tokenizer": {
        "whitespace": "yeonma.text.tokenizers:Whitespace",
        "syllable": "yeonma.text.tokenizers:Syllable",
        "jamo": "yeonma.text.tokenizers:Jamo",
        "mecab": "yeonma.text.morphemes:Mecab",
        "kiwi": "yeonma.text.morphemes:Kiwi",
        "wordpiece": "yeonma.text.subword:WordPiece",
        "bpe": "yeonma.text.subword:BPE",
        "unigram": "yeonma.text.subword:Unigram",
    },
    "wrapper": {
        "phrases": "yeonma.text.phrases:Phrases",
    },
}


def names(kind: str) -> list[str]:
    """The known names of a kind ("task", "encoder", "objective", "pretrain", "tokenizer"), the built-in ones first.

    A "wrapper" is a tokenizer around another one.
    """
    return [*BUILT_IN[kind], *(e.name for e in entry_points(group=f"yeonma.{kind}") if e.name not in BUILT_IN[kind])]


def load(kind: str, name: str) -> Any:
    """The class behind a name.

    Raises: ConfigError, naming the nearest known name.
    """
    if name in BUILT_IN[kind]:
        module, attribute = BUILT_IN[kind][name].split(":")
        return getattr(import_module(module), attribute)
    for entry in entry_points(group=f"yeonma.{kind}"):
        if entry.name == name:
            return entry.load()
    raise ConfigError(f"There is no {kind} called {name!r}.{nearest(name, names(kind))}")
