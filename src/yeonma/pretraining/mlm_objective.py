"""Masked language modelling as an objective of the loop: blocks in, the words that were hidden in them told."""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from yeonma import groups, optim
from yeonma.encoders import pretrained
from yeonma.errors import ConfigError
from yeonma.files import staged_folder
from yeonma.groups import Group
from yeonma.plugins import load as plugin
from yeonma.precision import autocast
from yeonma.pretraining import mlm_blocks, mlm_model
from yeonma.pretraining.mlm_blocks import Blocks, Masked
from yeonma.pretraining.mlm_config import MLMConfig
from yeonma.pretraining.mlm_model import MaskedLM
from yeonma.pretraining.sources import corpus_files, texts
from yeonma.records import Progress, silent
from yeonma.run import Run
from yeonma.text.pretrained import Pretrained
from yeonma.train import Descent

METRIC = "log_likelihood"
_PLAN, _MASKS, _HELD_OUT, _HELD_OUT_MASKS = range(4)  # what random numbers are for
_EVALUATIONS = 20


@dataclass(kw_only=True)
class Masking(Descent):
    """Blocks, which of them are trained on and which scored, and how they are masked.

    Which words a step hides is a function of the seed, the step and the blocks; those that are scored keep their masks.
    ordinary  the pieces that may stand in for a hidden one        output  where the encoder will stand
    """

    config: MLMConfig
    model: MaskedLM
    tokenizer: Any
    blocks: Blocks
    train: np.ndarray
    valid: np.ndarray
    mask_id: int
    ordinary: np.ndarray
    output: Path

    def plan(self, epoch: int) -> list[np.ndarray]:
        """The training blocks in a new order, cut."""
        order = self.train[self._random(_PLAN, epoch).permutation(len(self.train))]
        return _cut(order, self.config.train.batch_size)

    def loss(self, examples: np.ndarray) -> Tensor:
        """Mean cross-entropy of the hidden tokens, in nats."""
        masked = self.masked(examples, self._random(_MASKS, self.state.step, int(examples[0])))
        return cross_entropy(self._told(masked), torch.from_numpy(masked.labels))

    def masked(self, examples: np.ndarray, random: np.random.Generator) -> Masked:
        """The blocks with words hidden."""
        rows = self.blocks.ids[examples], self.blocks.words[examples]
        return mlm_blocks.mask(*rows, self.config.mask, self.mask_id, self.ordinary, random)

    def _told(self, masked: Masked) -> Tensor:
        with autocast(self.config.train.precision):
            scores: Tensor = self.model(torch.from_numpy(masked.ids), torch.from_numpy(masked.places))
        return scores.float()

    @torch.inference_mode()
    def scores(self) -> Mapping[str, Any]:
        """Of the held-out blocks, over the n hidden tokens: loss and log_likelihood in nats, perplexity, accuracy."""
        self.model.eval()
        count, loss, right = 0, 0.0, 0
        for rows in _cut(self.valid, self.config.train.batch_size):
            masked = self.masked(rows, self._random(_HELD_OUT_MASKS, int(rows[0])))
            told, labels = self._told(masked), torch.from_numpy(masked.labels)
            loss += float(cross_entropy(told, labels, reduction="sum"))
            right += int((told.argmax(1) == labels).sum())
            count += len(labels)
        mean = loss / count
        shown = {"loss": mean, "perplexity": math.exp(min(mean, 700.0)), "accuracy": right / count}
        return {"n": count, METRIC: -mean, **shown}

    def _random(self, *what: int) -> np.random.Generator:
        return np.random.default_rng([self.config.seed, *what])

    def inputs(self) -> str:
        """A hash of the blocks and of the weights' shapes."""
        key = hashlib.sha256(repr([(name, [*w.shape]) for name, w in self.model.named_parameters()]).encode())
        for part in (self.blocks.ids, self.blocks.words):
            key.update(np.ascontiguousarray(part).tobytes())
        return key.hexdigest()

    def begin(self, run: Run, progress: Progress) -> None:
        """Record what was read, and the groups."""
        ids = self.blocks.ids[self.blocks.words != mlm_blocks.SPECIAL]
        run.save_encoder_facts(
            {
                "path": self.config.encoder,
                "texts": self.blocks.texts,
                "blocks": {"train": len(self.train), "held_out": len(self.valid)},
                "tokens": len(ids),
                "unknown": int((ids == self.tokenizer.unk_token_id).sum()),
                "left_over": self.blocks.left_over,
                "max_length": self.blocks.ids.shape[1],
                "steps": self.steps,
                "steps_per_epoch": self.steps_per_epoch,
            }
        )
        run.save_groups(groups.record(self.groups))

    def look(self) -> None:
        """Nothing: no page draws these weights."""

    def watch(self, run: Run, scored: bool) -> None:
        """Nothing, for the same reason."""

    def finish(self, run: Run) -> None:
        """Write the encoder with its head and tokenizer; config.json, by which others know a folder, comes last."""
        made = run.folder / "encoder"
        with staged_folder(made) as stage:
            self.model.eval().save(stage)
            self.tokenizer.save_pretrained(stage)
            (stage / "README.md").write_text(_card(self), encoding="utf-8")
        for path in sorted(made.iterdir(), key=lambda path: path.name == "config.json"):
            os.replace(path, self.output / path.name)
        made.rmdir()


def _cut(blocks: np.ndarray, size: int) -> list[np.ndarray]:
    return [blocks[start : start + size] for start in range(0, len(blocks), size)]


def prepare(config: MLMConfig, run: Run, output: Path, progress: Progress = silent) -> Masking:
    """Read the corpus, make or load encoder and tokenizer, set the optimizer up. The same seed gives the same start.

    A tokenizer that is trained is kept in the run: Unigram's would be another one the next time.
    Raises: ConfigError, DataError.
    """
    settings = config.train
    if settings.threads:
        torch.set_num_threads(settings.threads)
    torch.manual_seed(config.seed)
    tokenizer = _tokenizer(config, run, progress)
    mask_id = mlm_model.must_mask(tokenizer, config.encoder or "the corpus")
    model = _model(config, tokenizer, progress)
    most = pretrained.longest(model.base)
    if config.corpus.max_length > most:
        raise ConfigError(
            f"corpus.max_length must be at most {most}, the positions of this encoder; got {config.corpus.max_length}."
        )
    read = texts(config.corpus.files, config.corpus.column)
    blocks = mlm_blocks.pack(read, Pretrained(tokenizer.backend_tokenizer), config.corpus.max_length, progress)
    train, valid = mlm_blocks.held_out(
        len(blocks.ids), config.corpus.held_out, np.random.default_rng([config.seed, _HELD_OUT])
    )
    parts = _groups(model, config)
    per_epoch = 1 if optim.get(settings.optimizer).full_batch else len(_cut(train, settings.batch_size))
    steps = config.steps or per_epoch * settings.epochs
    every = settings.eval_steps or max(1, steps // _EVALUATIONS)
    return Masking(
        config=config.model_copy(update={"train": settings.model_copy(update={"eval_steps": every})}),
        model=model,
        groups=parts,
        optimizer=groups.make_optimizer(parts, settings),
        metric=METRIC,
        steps_per_epoch=per_epoch,
        steps=steps,
        tokenizer=tokenizer,
        blocks=blocks,
        train=train,
        valid=valid,
        mask_id=mask_id,
        ordinary=np.setdiff1d(np.arange(len(tokenizer)), tokenizer.all_special_ids),
        output=output,
    )


def _tokenizer(config: MLMConfig, run: Run, progress: Progress) -> Any:
    if config.shape is None:
        return pretrained.tokenizer(pretrained.place(str(config.encoder)))
    folder = run.folder / "tokenizer"
    if not folder.exists():
        progress("train tokenizer", 0, None, "texts")
        kind = plugin("tokenizer", config.shape.tokenizer)
        read = texts(config.corpus.files, config.corpus.column)
        made = kind.train(read, vocab_size=config.shape.vocab_size, lowercase=config.shape.lowercase)
        with staged_folder(folder) as stage:
            made.save(stage)
    return pretrained.tokenizer(folder)


def _model(config: MLMConfig, tokenizer: Any, progress: Progress) -> MaskedLM:
    if config.shape is not None:
        return mlm_model.fresh(config.shape, tokenizer, config.corpus.max_length)
    model, whole = mlm_model.load(str(config.encoder))
    if not whole:
        progress(f"{config.encoder} brings no head for masked words: a new one is trained with it", 0, None, "")
    return model


def _groups(model: MaskedLM, config: MLMConfig) -> list[Group]:
    """The head, then the layers from the top down to the embeddings, all trained from the start."""
    layers = model.layers()
    *rates, head_rate = groups.learning_rates(config.train, len(layers))
    names = ["embeddings", *(f"layer {number}" for number in range(1, len(layers)))]
    encoder = [Group(name, layer, rate, 0) for name, layer, rate in zip(names, layers, rates, strict=True)]
    return [Group("head", model.head(), head_rate, 0), *reversed(encoder)]


def _card(t: Masking) -> str:
    files = [file.name for file in corpus_files(t.config.corpus.files)]
    named = ", ".join(files[:8]) + (" …" if len(files) > 8 else "")
    whence = "trained from scratch" if t.config.encoder is None else f"continued from {Path(t.config.encoder).name}"
    score = f"{-float(t.state.best_score or 0):.4f} nats a token" if t.state.best_score is not None else "not scored"
    return (
        "---\nlibrary_name: transformers\npipeline_tag: fill-mask\ntags: [yeonma, fill-mask]\n---\n\n"
        f"# Encoder for masked words, {whence}\n\n"
        f"- corpus: {named}: {t.blocks.texts:,} texts in blocks of {t.blocks.ids.shape[1]} tokens\n"
        f"- masking: {t.config.mask:.0%} of the words between blanks, whole, drawn anew at each step\n"
        f"- steps: {t.state.step:,}, the best weights are those of step {t.state.best_step:,}\n"
        f"- held-out loss: {score}\n\n"
        "```python\nfrom transformers import AutoModelForMaskedLM, AutoTokenizer\n\n"
        'model = AutoModelForMaskedLM.from_pretrained("this folder")\n```\n\n'
        "Fine-tune it: `yeonma finetune --encoder transformer --set encoder.path=THIS_FOLDER …`\n"
    )
