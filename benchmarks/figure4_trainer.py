"""The reference: a plain Hugging Face Trainer with its best flags and the heads of transformers, a class to a shape."""

from __future__ import annotations

import collections
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import transformers
from transformers import AutoTokenizer, Trainer, TrainingArguments

from yeonma.records import Dataset, Example, Prediction, Span
from yeonma.tasks.scores import spans_of, tags_of

Feature = dict[str, Any]
Offsets = list[tuple[int, int]]
N_BEST, LONGEST_ANSWER = 20, 30  # as in run_qa
IGNORED = -100

transformers.logging.set_verbosity_error()
transformers.logging.disable_progress_bar()


@dataclass(frozen=True)
class Setting:
    """What both sides are trained with."""

    path: str
    rate: float
    epochs: int
    batch: int
    max_length: int
    stride: int | None
    warmup: float
    decay: float
    seed: int


def answers(task: str, dataset: Dataset, split: str, setting: Setting) -> list[Prediction]:
    """Train on the data set's training rows and answer those of `split`."""
    shape = SHAPES[task](dataset, setting)
    transformers.set_seed(setting.seed)
    with tempfile.TemporaryDirectory() as folder:
        trainer = Trainer(
            model=shape.model(),
            args=_arguments(folder, setting),
            train_dataset=shape.features(dataset.splits["train"], training=True),
            data_collator=shape.collate,
        )
        trainer.remove_callback(transformers.PrinterCallback)
        trainer.train()
        # Grouping by length would also put the answers into another order.
        trainer.args.train_sampling_strategy = "random"
        return shape.answers(trainer, dataset.splits[split])


def _arguments(folder: str, setting: Setting) -> TrainingArguments:
    return TrainingArguments(
        output_dir=folder, use_cpu=True, bf16=True, train_sampling_strategy="group_by_length",
        per_device_train_batch_size=setting.batch, per_device_eval_batch_size=64, num_train_epochs=setting.epochs,
        learning_rate=setting.rate, lr_scheduler_type="linear", warmup_steps=setting.warmup,
        weight_decay=setting.decay, max_grad_norm=1.0, seed=setting.seed, remove_unused_columns=False,
        dataloader_pin_memory=False, report_to=[], save_strategy="no", logging_strategy="no", disable_tqdm=True,
    )  # fmt: skip


class Shape(ABC):
    """How a task's rows are read, which head is trained, and how its numbers become answers."""

    head: str

    def __init__(self, dataset: Dataset, setting: Setting) -> None:
        self.labels, self.scale, self.setting = dataset.labels, dataset.scale, setting
        self.tokenizer = AutoTokenizer.from_pretrained(setting.path)

    def model(self, **settings: Any) -> Any:
        """The encoder under a fresh head."""
        made: Any = getattr(transformers, self.head)
        return made.from_pretrained(self.setting.path, dtype=torch.float32, **settings)

    @abstractmethod
    def features(self, examples: Sequence[Example], training: bool) -> list[Feature]:
        """What the trainer reads, with its labels where it trains."""

    def collate(self, features: list[Feature]) -> Any:
        """A batch, padded to its longest row."""
        return transformers.DataCollatorWithPadding(self.tokenizer)([_read(each) for each in features])

    @abstractmethod
    def answers(self, trainer: Trainer, examples: Sequence[Example]) -> list[Prediction]:
        """The answers of the trained model."""


def _read(feature: Feature) -> Feature:
    """What the model is given of a feature."""
    return {key: value for key, value in feature.items() if not key.startswith("own_")}


def outputs(trainer: Trainer, features: list[Feature]) -> Any:
    """The model's numbers for each feature, in their order; read sorted by length, which spares padding."""
    order = np.argsort([len(each["input_ids"]) for each in features], kind="stable")
    back = np.argsort(order)
    found = trainer.predict([features[i] for i in order]).predictions
    return tuple(column[back] for column in found) if isinstance(found, tuple) else found[back]


class Texts(Shape):
    """One text or two: a label, or a number as it stands in the data, as run_glue does."""

    head = "AutoModelForSequenceClassification"

    def model(self, **settings: Any) -> Any:
        """As many outputs as labels; one for a number, which makes the loss a squared error."""
        return super().model(num_labels=1 if self.scale else len(self.labels))

    def features(self, examples: Sequence[Example], training: bool) -> list[Feature]:
        """Both texts cut to fit together, the longer one first."""
        read = [
            dict(self.tokenizer(*each.texts, truncation=True, max_length=self.setting.max_length)) for each in examples
        ]
        target = float if self.scale else self.labels.index
        return [{**f, "labels": target(e.gold)} for f, e in zip(read, examples, strict=True)] if training else read

    def answers(self, trainer: Trainer, examples: Sequence[Example]) -> list[Prediction]:
        """The likeliest label, or the number."""
        found = outputs(trainer, self.features(examples, training=False))
        values = found[:, 0].tolist() if self.scale else [self.labels[best] for best in found.argmax(1)]
        return [Prediction(e.id, value, 1.0) for e, value in zip(examples, values, strict=True)]


class Choice(Shape):
    """A row for each ending, as run_swag does; all examples of a data set have equally many."""

    head = "AutoModelForMultipleChoice"

    def features(self, examples: Sequence[Example], training: bool) -> list[Feature]:
        """`own_rows`, one for each ending; the longest of them stands for the example's length."""
        return [self._feature(example, training) for example in examples]

    def _feature(self, example: Example, training: bool) -> Feature:
        premise, *endings = example.texts
        cut = {"truncation": True, "max_length": self.setting.max_length}
        rows = [dict(self.tokenizer(premise, ending, **cut)) for ending in endings]
        label = {"labels": int(str(example.gold)) - 1} if training else {}
        return {"input_ids": max((row["input_ids"] for row in rows), key=len), "own_rows": rows, **label}

    def collate(self, features: list[Feature]) -> Any:
        """Tensors (examples, endings, tokens)."""
        many = len(features[0]["own_rows"])
        flat = self.tokenizer.pad([row for each in features for row in each["own_rows"]], return_tensors="pt")
        batch = {key: value.view(len(features), many, -1) for key, value in flat.items()}
        if "labels" in features[0]:
            batch["labels"] = torch.tensor([each["labels"] for each in features])
        return batch

    def answers(self, trainer: Trainer, examples: Sequence[Example]) -> list[Prediction]:
        """The number of the likeliest ending."""
        found = outputs(trainer, self.features(examples, training=False)).argmax(1)
        return [Prediction(e.id, str(best + 1), 1.0) for e, best in zip(examples, found.tolist(), strict=True)]


class QA(Shape):
    """Windows with a stride; one that lacks the answer is trained towards its first token; as run_qa does."""

    head = "AutoModelForQuestionAnswering"

    def features(self, examples: Sequence[Example], training: bool) -> list[Feature]:
        """The windows of every example; `own_offsets` are None outside of the context."""
        read = self.tokenizer(
            [example.texts[0].lstrip() for example in examples], [example.texts[1] for example in examples],
            truncation="only_second", max_length=self.setting.max_length, stride=self.setting.stride,
            return_overflowing_tokens=True, return_offsets_mapping=True,
        )  # fmt: skip
        kept = [key for key in read if key in self.tokenizer.model_input_names]
        windows = []
        for i, which in enumerate(read["overflow_to_sample_mapping"]):
            context = [part == 1 for part in read.sequence_ids(i)]
            offsets = [o if inside else None for o, inside in zip(read["offset_mapping"][i], context, strict=True)]
            gold = _ends(examples[which].gold[0], offsets) if training else {}
            windows.append(
                {**{key: read[key][i] for key in kept}, "own_example": which, "own_offsets": offsets, **gold}
            )
        return windows

    def answers(self, trainer: Trainer, examples: Sequence[Example]) -> list[Prediction]:
        """Of each example the answer whose ends have the highest sum in any of its windows."""
        windows = self.features(examples, training=False)
        begins, ends = outputs(trainer, windows)
        best: dict[int, tuple[float, str]] = collections.defaultdict(lambda: (-np.inf, ""))
        for window, begin, end in zip(windows, begins, ends, strict=True):
            which = window["own_example"]
            for score, (first, last) in _likely(begin, end, window["own_offsets"]):
                if score > best[which][0]:
                    best[which] = score, examples[which].texts[1][first:last]
        return [Prediction(e.id, best[i][1], 1.0) for i, e in enumerate(examples)]


def _ends(gold: Span, offsets: Sequence[tuple[int, int] | None]) -> Feature:
    """The tokens in which the answer begins and ends; the first token where the window does not hold it whole."""
    inside = [t for t, o in enumerate(offsets) if o is not None]
    lost = not inside or offsets[inside[0]][0] > gold.start or offsets[inside[-1]][1] < gold.end
    if lost:
        return {"start_positions": 0, "end_positions": 0}
    start = max(t for t in inside if offsets[t][0] <= gold.start)
    end = min(t for t in inside if offsets[t][1] >= gold.end)
    return {"start_positions": start, "end_positions": end}


def _likely(begin: np.ndarray, end: np.ndarray, offsets: Sequence[Any]) -> Iterator[tuple[float, tuple[int, int]]]:
    """Pairs of the 20 likeliest first and last tokens, as postprocess_qa_predictions takes them."""
    for first in np.argsort(begin)[-1 : -N_BEST - 1 : -1].tolist():
        for last in np.argsort(end)[-1 : -N_BEST - 1 : -1].tolist():
            known = max(first, last) < len(offsets) and offsets[first] is not None and offsets[last] is not None
            if known and first <= last < first + LONGEST_ANSWER:
                yield float(begin[first] + end[last]), (offsets[first][0], offsets[last][1])


class Tagging(Shape):
    """The first piece of a word carries its tag, as in run_ner; a text is cut at the longest length.

    A word is what stands between blanks. Where entities end inside of words (KLUE-NER), every piece is a word of its
    own, with the tag of its characters, as KLUE's own baseline has it.
    """

    head = "AutoModelForTokenClassification"

    def __init__(self, dataset: Dataset, setting: Setting) -> None:
        super().__init__(dataset, setting)
        self.tags = ["O", *(f"{border}-{label}" for label in self.labels for border in "BI")]
        self.whole = all(_whole(e) for e in dataset.splits["train"])

    def model(self, **settings: Any) -> Any:
        """As many outputs as tags."""
        return super().model(num_labels=len(self.tags))

    def features(self, examples: Sequence[Example], training: bool) -> list[Feature]:
        """`own_words` are the characters of each word on hand, `own_first` its first piece."""
        return [self._feature(example, training) for example in examples]

    def _feature(self, example: Example, training: bool) -> Feature:
        text = example.texts[0]
        cut = {"truncation": True, "max_length": self.setting.max_length}
        read = dict(self.tokenizer(text, return_offsets_mapping=True, **cut))
        pieces = {t: o for t, o in enumerate(_trimmed(text, read.pop("offset_mapping"))) if o[0] < o[1]}
        words, first = _words(text, pieces) if self.whole else ([*pieces.values()], [*pieces])
        feature = {**read, "own_words": words, "own_first": first}
        if training:
            labels = np.full(len(read["input_ids"]), IGNORED)
            labels[first] = [self.tags.index(tag) for tag in tags_of(example.gold, words)]
            feature["labels"] = labels.tolist()
        return feature

    def collate(self, features: list[Feature]) -> Any:
        """A batch, its labels padded too."""
        return transformers.DataCollatorForTokenClassification(self.tokenizer)([_read(each) for each in features])

    def answers(self, trainer: Trainer, examples: Sequence[Example]) -> list[Prediction]:
        """The spans that the likeliest tags of the words mean, broken ones read as conlleval does."""
        features = self.features(examples, training=False)
        found = outputs(trainer, features).argmax(2)
        return [
            Prediction(e.id, spans, 1.0, {}, spans)
            for e, f, tags in zip(examples, features, found, strict=True)
            for spans in [spans_of([self.tags[tag] for tag in tags[f["own_first"]]], f["own_words"])]
        ]


def _whole(example: Example) -> bool:
    """Whether all entities begin and end at blanks."""
    text = f" {example.texts[0]} "
    return all(text[s.start] == " " and text[s.end + 1] == " " for s in example.gold)


def _trimmed(text: str, offsets: Offsets) -> Offsets:
    """Offsets without the blanks that some tokenizers put before a word."""
    pieces = [text[start:end] for start, end in offsets]
    return [(e - len(p.lstrip()), s + len(p.rstrip())) for (s, e), p in zip(offsets, pieces, strict=True)]


def _words(text: str, pieces: dict[int, tuple[int, int]]) -> tuple[Offsets, list[int]]:
    """The characters of the words that have a piece, and the first piece of each."""
    words: dict[tuple[int, int], int] = {}
    for t, (start, _) in pieces.items():
        begin = text.rfind(" ", 0, start + 1) + 1
        end = text.find(" ", start)
        words.setdefault((begin, len(text) if end < 0 else end), t)
    return [*words], [*words.values()]


SHAPES = {"single": Texts, "pair": Texts, "choice": Choice, "qa": QA, "tagging": Tagging}
