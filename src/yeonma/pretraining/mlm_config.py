"""The settings of masked language modelling: single choices and a tree laid over the defaults, checked as one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field, model_validator

from yeonma.config import CheckpointConfig, Section, TrainConfig, checked, merge, set_value
from yeonma.errors import ConfigError, nearest

FRESH_RATE, CONTINUED_RATE = 5e-4, 1e-4


class CorpusConfig(Section):
    """Which text is read, and how it is laid out."""

    files: list[str] = Field(min_length=1, description="files, folders and globs of plain text")
    column: str | None = Field(None, description="the text column, where a table has several")
    max_length: int = Field(128, ge=8, le=1_000_000, description="tokens of a block, special ones among them")
    held_out: float = Field(0.01, gt=0, lt=0.5, description="share of the blocks that is scored and not trained on")


class ShapeConfig(Section):
    """A new encoder: a small BERT and the tokenizer that is trained for it."""

    tokenizer: Literal["wordpiece", "bpe", "unigram"] = Field("wordpiece", description="what is trained on the corpus")
    vocab_size: int = Field(16_000, ge=6, le=1_000_000, description="pieces, special ones among them")
    lowercase: bool = Field(False, description="lower-case the text first")
    layers: int = Field(4, ge=1, le=96, description="transformer layers")
    width: int = Field(256, ge=4, le=16_384, description="width of a token's vector; feed-forward: four times that")
    heads: int = Field(4, ge=1, le=256, description="attention heads; they divide the width")
    dropout: float = Field(0.1, ge=0, lt=1, description="on hidden states and attention")

    @model_validator(mode="after")
    def _divides(self) -> ShapeConfig:
        if self.width % self.heads:
            raise ValueError(f"shape.heads must divide shape.width; {self.heads} does not divide {self.width}")
        return self


class MaskedTrainConfig(TrainConfig):
    """How to descend; a batch is blocks of like length, and the held-out log-likelihood chooses the best weights."""

    epochs: int = Field(1, ge=1, description="passes over the blocks")
    batch_size: int = Field(32, ge=1, description="blocks a step")
    eval_steps: int | None = Field(None, ge=1, description="left out: twenty times over the run")
    bucket: Literal[True] = Field(True, exclude=True)
    batch_tokens: None = Field(None, exclude=True)
    class_weights: Literal["none"] = Field("none", exclude=True)
    metric: None = Field(None, exclude=True)


class MLMConfig(Section):
    """All settings of a run of masked language modelling."""

    seed: int = Field(42, ge=0, lt=2**31, description="start of all random numbers")
    encoder: str | None = Field(None, description="continue this one: a folder, or hub:NAME; left out: a new one")
    mask: float = Field(0.15, gt=0, lt=1, description="share of the words whose tokens are to be told")
    steps: int | None = Field(None, ge=1, description="instead of train.epochs")
    corpus: CorpusConfig
    shape: ShapeConfig | None = Field(None, description="of a new encoder")
    train: MaskedTrainConfig = MaskedTrainConfig()
    checkpoint: CheckpointConfig = CheckpointConfig()

    @model_validator(mode="before")
    @classmethod
    def _starts(cls, tree: Any) -> Any:
        """A new encoder has a shape, a continued one brings its own; Adam's rate goes by which it is."""
        if not isinstance(tree, dict) or not isinstance(tree.get("train", {}), dict):
            return tree
        train, path = tree.get("train", {}), tree.get("encoder")
        rate = CONTINUED_RATE if path else FRESH_RATE
        own = {"learning_rate": rate} if train.get("optimizer", "adam") in ("adam", "nadam") else {}
        if path is None:
            return {**tree, "shape": tree.get("shape") or {}, "train": {**own, **train}}
        if tree.get("shape"):
            own_shape = ", ".join(f"shape.{name}" for name in tree["shape"])
            raise ValueError(f"encoder continues {path}, which has a tokenizer and a shape: leave out {own_shape}")
        return {**tree, "train": {**own, **train}}


CHOICES = {
    "encoder": "encoder", "steps": "steps", "seed": "seed", "mask": "mask", "column": "corpus.column",
    "max_length": "corpus.max_length", "held_out": "corpus.held_out",
    **{name: f"shape.{name}" for name in ShapeConfig.model_fields},
    **{name: f"train.{name}" for name in (
        "optimizer", "learning_rate", "schedule", "epochs", "batch_size", "precision", "threads")},
}  # fmt: skip
"""Where each single choice of `configure` stands in the tree."""


def configure(
    files: list[str],
    choices: Mapping[str, Any],
    overrides: Mapping[str, Any] | None = None,
    given: tuple[str, ...] = (),
) -> MLMConfig:
    """Settings from single choices by name (None: not chosen), then a tree, then `key=value` assignments over both.

    Raises: ConfigError, one line for each wrong setting.
    """
    tree: dict[str, Any] = {"corpus": {"files": files}}
    for name, value in choices.items():
        if name not in CHOICES:
            raise ConfigError(f"The method 'mlm' has no setting {name!r}.{nearest(name, CHOICES)}")
        if value is not None:
            _put(tree, CHOICES[name], value)
    tree = merge(tree, overrides or {})
    for assignment in given:
        set_value(tree, assignment)
    return check(tree)


def _put(tree: dict[str, Any], place: str, value: Any) -> None:
    *path, last = place.split(".")
    for name in path:
        tree = tree.setdefault(name, {})
    tree[last] = value


def check(tree: Mapping[str, Any]) -> MLMConfig:
    """A tree as settings.

    Raises: ConfigError.
    """
    config: MLMConfig = checked(MLMConfig, tree, "")
    return config
