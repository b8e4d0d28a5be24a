"""The other side of the transformer benchmark: Hugging Face's Trainer and pipeline, as their users run them."""

from __future__ import annotations

import contextlib
import io
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    BertForSequenceClassification,
    BertModel,
    DataCollatorWithPadding,
    Trainer,
    TrainerCallback,
    TrainingArguments,
    pipeline,
    set_seed,
)
from transformers.modeling_outputs import SequenceClassifierOutput
from transformers.utils import logging

from yeonma.records import Example

logging.set_verbosity(logging.CRITICAL)  # the pipeline calls a class it does not know an error, and runs it
logging.disable_progress_bar()

BATCH, RATE, MAX_LENGTH = 32, 5e-5, 128
GROUPED = {"train_sampling_strategy": "group_by_length"}
BEST = {**GROUPED, "bf16": True}
Watch = Callable[[int, Any, float], None]
Rows = list[dict[str, Any]]


class Pause(TrainerCallback):  # type: ignore[misc]
    """Calls `watch(steps made, model, CPU seconds so far)` after every step, and leaves its own time out."""

    def __init__(self, watch: Watch) -> None:
        self.watch, self.paused = watch, 0.0

    def on_train_begin(self, *arguments: Any, **rest: Any) -> None:
        """The Trainer's own name for it."""
        self.began = time.process_time()

    def on_step_end(self, args: Any, state: Any, control: Any, **rest: Any) -> None:
        """The Trainer's own name for it."""
        now = time.process_time()
        self.watch(state.global_step, rest["model"], now - self.began - self.paused)
        self.paused += time.process_time() - now


class Reference:
    """One encoder's Trainer runs on labelled texts; texts are tokenized once, before any clock runs."""

    def __init__(self, path: Path, labels: Sequence[str]) -> None:
        self.path, self.labels = path, list(labels)
        self.tokenizer = AutoTokenizer.from_pretrained(path)

    def rows(self, examples: Sequence[Example], padded: bool = False) -> Rows:
        """Tokenized examples; `padded` as run_glue does without flags: each to 128 pieces."""
        texts = [example.texts[0] for example in examples]
        how: dict[str, Any] = {"padding": "max_length"} if padded else {}
        found = self.tokenizer(texts, truncation=True, max_length=MAX_LENGTH, **how)
        return [
            {**{name: column[i] for name, column in found.items()}, "labels": self.labels.index(str(example.gold))}
            for i, example in enumerate(examples)
        ]

    def train(
        self, rows: Rows, seed: int, flags: dict[str, Any], epochs: int = 1, watch: Watch = lambda *_: None
    ) -> tuple[Any, float]:
        """A fresh model after `epochs`, and the CPU seconds of `Trainer.train` without those of `watch`."""
        set_seed(seed)
        model = AutoModelForSequenceClassification.from_pretrained(
            self.path, num_labels=len(self.labels), dtype=torch.float32
        )
        collator = DataCollatorWithPadding(self.tokenizer)  # rows that are padded already stay as they are
        with tempfile.TemporaryDirectory() as folder:
            arguments = TrainingArguments(
                folder, per_device_train_batch_size=BATCH, num_train_epochs=epochs, learning_rate=RATE, seed=seed,
                use_cpu=True, report_to=[], save_strategy="no", logging_strategy="no", disable_tqdm=True, **flags,
            )  # fmt: skip
            pause = Pause(watch)
            trainer = Trainer(
                model=model, args=arguments, train_dataset=rows, data_collator=collator, callbacks=[pause]
            )
            began = time.process_time()
            with contextlib.redirect_stdout(io.StringIO()):  # it prints a summary
                trainer.train()
            return model, time.process_time() - began - pause.paused

    @torch.inference_mode()
    def accuracy(self, model: Any, examples: Sequence[Example]) -> float:
        """The share of right labels, in float32."""
        was_training = model.training
        model.eval()
        order = sorted(range(len(examples)), key=lambda i: len(examples[i].texts[0]))
        right = 0
        for start in range(0, len(order), 64):
            chosen = [examples[i] for i in order[start : start + 64]]
            texts = [example.texts[0] for example in chosen]
            batch = self.tokenizer(texts, truncation=True, max_length=MAX_LENGTH, padding=True, return_tensors="pt")
            gold = torch.tensor([self.labels.index(str(example.gold)) for example in chosen])
            right += int((model(**batch).logits.argmax(1) == gold).sum())
        model.train(was_training)
        return right / len(examples)


class MeanPooled(BertForSequenceClassification):  # type: ignore[misc]
    """Mean over the tokens, then the linear layer: Yeonma's head under Hugging Face's names, so that weights agree."""

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        self.bert = BertModel(config, add_pooling_layer=False)

    def forward(self, input_ids: Any, attention_mask: Any, **rest: Any) -> SequenceClassifierOutput:
        """(B, T) ids and mask → logits (B, labels)."""
        tokens = self.bert(input_ids=input_ids, attention_mask=attention_mask, **rest).last_hidden_state
        weights = attention_mask.unsqueeze(2).to(tokens.dtype)
        return SequenceClassifierOutput(logits=self.classifier((tokens * weights).sum(1) / weights.sum(1)))


def same_model(path: Path, model: Any) -> MeanPooled:
    """Hugging Face's model with the weights of one of Yeonma's (mean pooling, linear head)."""
    labels = dict(enumerate(model.task.labels))
    found = MeanPooled.from_pretrained(
        path, dtype=torch.float32, id2label=labels, label2id={name: number for number, name in labels.items()}
    )
    found.bert.load_state_dict(
        {name: value for name, value in model.encoder.model.state_dict().items() if not name.startswith("pooler.")}
    )
    found.classifier.load_state_dict(model.head.layers[-1].state_dict())
    return found.eval()


def predictor(path: Path, model: MeanPooled) -> Callable[[Sequence[str]], list[str]]:
    """Texts → labels through `pipeline("text-classification", batch_size=64)`, in float32 as people run it."""
    run = pipeline("text-classification", model=model, tokenizer=AutoTokenizer.from_pretrained(path), device="cpu")

    def predict(texts: Sequence[str]) -> list[str]:
        return [row["label"] for row in run([*texts], batch_size=64, truncation=True, max_length=MAX_LENGTH)]

    return predict
