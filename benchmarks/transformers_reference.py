"""The other side of the transformer benchmark: Hugging Face's Trainer and pipeline, as their users run them."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    BertForSequenceClassification,
    BertModel,
    DataCollatorWithPadding,
    Trainer,
    TrainerCallback,
    TrainingArguments,
    default_data_collator,
    pipeline,
    set_seed,
)
from transformers.modeling_outputs import SequenceClassifierOutput
from transformers.utils import logging

from yeonma.records import Example

logging.set_verbosity_error()
logging.disable_progress_bar()

BATCH, RATE, MAX_LENGTH = 32, 5e-5, 128
GROUPED = {"train_sampling_strategy": "group_by_length"}
BEST = {**GROUPED, "bf16": True}
Watch = Callable[[int, Any], None]


class After(TrainerCallback):  # type: ignore[misc]
    """Calls `watch(steps made, model)` after every step."""

    def __init__(self, watch: Watch) -> None:
        self.watch = watch

    def on_step_end(self, args: Any, state: Any, control: Any, **rest: Any) -> None:
        """The Trainer's own name for it."""
        self.watch(state.global_step, rest["model"])


class Reference:
    """One encoder's Trainer runs on labelled texts; texts are tokenized once, before any clock runs."""

    def __init__(self, path: Path, labels: Sequence[str]) -> None:
        self.path, self.labels = path, list(labels)
        self.tokenizer = AutoTokenizer.from_pretrained(path)

    def rows(self, examples: Sequence[Example], padded: bool = False) -> Dataset:
        """Tokenized examples; `padded` as run_glue does without flags: each to 128 pieces."""
        texts = [example.texts[0] for example in examples]
        found = self.tokenizer(texts, truncation=True, max_length=MAX_LENGTH, padding="max_length" if padded else False)
        labels = [self.labels.index(str(example.gold)) for example in examples]
        lengths = {} if padded else {"length": [len(ids) for ids in found["input_ids"]]}
        return Dataset.from_dict({**found, "labels": labels, **lengths})

    def train(
        self, rows: Dataset, seed: int, flags: dict[str, Any], epochs: int = 1, watch: Watch | None = None
    ) -> tuple[Any, float]:
        """A fresh model after `epochs`, and the CPU seconds of `Trainer.train`."""
        set_seed(seed)
        model = AutoModelForSequenceClassification.from_pretrained(
            self.path, num_labels=len(self.labels), dtype=torch.float32
        )
        collator = DataCollatorWithPadding(self.tokenizer) if "length" in rows.column_names else default_data_collator
        with tempfile.TemporaryDirectory() as folder:
            arguments = TrainingArguments(
                folder, per_device_train_batch_size=BATCH, num_train_epochs=epochs, learning_rate=RATE, seed=seed,
                use_cpu=True, report_to=[], save_strategy="no", logging_strategy="no", disable_tqdm=True, **flags,
            )  # fmt: skip
            trainer = Trainer(
                model=model, args=arguments, train_dataset=rows, data_collator=collator,
                callbacks=[After(watch)] if watch else None,
            )  # fmt: skip
            began = time.process_time()
            trainer.train()
            return model, time.process_time() - began

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
