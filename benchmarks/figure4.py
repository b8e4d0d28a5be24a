"""BERT's Figure 4 on the data sets on hand: Yeonma beside a plain Hugging Face Trainer, and beside what is simpler.

    YEONMA_DATA=DIR python benchmarks/figure4.py                    every run that results/figure4.jsonl lacks
    YEONMA_DATA=DIR python benchmarks/figure4.py --data glue-rte    of one data set; --side and --seed choose too
    YEONMA_DATA=DIR python benchmarks/figure4.py --table            only write results/figure4.md from the rows

Sides: majority, tf-idf (with logistic or ridge regression), bilstm (Yeonma on word vectors), yeonma (an encoder
fine-tuned by Yeonma) and trainer (the same encoder, rows and settings in transformers.Trainer). The first runs choose a
learning rate on rows held out of train: for each encoder by the scores of the Trainer. A run that is finished is a line
of the file at once; a rerun goes on with what is missing. Two processes can work side by side, one thread each: a run
belongs to the one that locks it first.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import figure4_data as rows_of
import figure4_table
import torch
from figure4_data import LANGUAGE, Cap, Drawn
from figure4_statistics import Outcomes
from figure4_trainer import Setting, answers

import yeonma
from yeonma import data, plugins
from yeonma.records import Prediction
from yeonma.tasks.scores.names import figures

ONE = {"RAYON_NUM_THREADS": "1", "POLARS_MAX_THREADS": "1", "TOKENIZERS_PARALLELISM": "false", "HF_HUB_OFFLINE": "1"}
SEEDS = (1, 2, 3)
SIDES = ("majority", "tf-idf", "bilstm", "trainer", "yeonma")
EPOCHS = {"bilstm": 10, "yeonma": 2, "trainer": 2}
BATCH, QA_BATCH = 32, 16
MAX_LENGTH = {"single": 128, "pair": 256, "choice": 128, "qa": 384, "tagging": 256}
STRIDE = 128
WARMUP, DECAY = 0.1, 0.0
# One rate for each encoder and one for the BiLSTM: the best mean score on held-out rows of these, with seed 1.
RATES = {"bilstm": (1e-3, 2e-3, 4e-3), "en": (5e-5, 1e-4, 2e-4), "ko": (5e-5, 1e-4, 2e-4)}
TRIED_ON = {
    "bilstm": ("glue-sst2", "glue-qqp", "nsmc", "klue-ner"),
    "en": ("glue-sst2", "glue-qqp"),
    "ko": ("nsmc", "klue-nli", "klue-ner"),
}


class Job(NamedTuple):
    """A run: a data set, a side, a seed, the learning rate (None where there is none), and the split that is scored."""

    data: str
    side: str
    seed: int
    rate: float | None = None
    split: str = "test"


def jobs(rates: Mapping[str, float]) -> list[Job]:
    """All runs on the scored rows, data set by data set, those of little text first."""
    return [
        Job(name, side, seed, rates.get(_chooser(name, side)))
        for name in sorted(LANGUAGE, key=_weight)
        for seed in SEEDS
        for side in _sides(name, seed)
    ]


def _chooser(name: str, side: str) -> str:
    """What a run's rate was chosen for: the BiLSTM, or the encoder of a language; "" for what has no rate."""
    return "" if _simple(side) else "bilstm" if side == "bilstm" else LANGUAGE[name]


def _weight(name: str) -> int:
    """Where a data set stands among the others: kobest-boolq has long texts."""
    order = ("single", "pair", "tagging", "choice", "qa")
    return len(order) if name == "kobest-boolq" else order.index(data.entry(name).task)


def _sides(name: str, seed: int) -> Sequence[str]:
    """The simple sides know no seed, and have no answer to questions or tags."""
    simple = seed == 1 and data.entry(name).task not in ("qa", "tagging")
    return SIDES if simple else [side for side in SIDES if not _simple(side)]


def _simple(side: str) -> bool:
    return side in ("majority", "tf-idf")


def rate_jobs() -> list[Job]:
    """The runs on held-out rows by which the rates are chosen."""
    return [
        Job(name, "bilstm" if what == "bilstm" else "trainer", 1, rate, "held")
        for what, names in TRIED_ON.items()
        for name in names
        for rate in RATES[what]
    ]


def chosen_rates(found: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """The rate with the best mean score for the BiLSTM and each encoder."""
    score = {tuple(row[field] for field in Job._fields): row["score"] for row in found}
    total: dict[str, dict[float, float]] = {what: dict.fromkeys(rates, 0.0) for what, rates in RATES.items()}
    for job in rate_jobs():
        total[_chooser(job.data, job.side)][job.rate or 0.0] += score[tuple(job)]
    return {what: max(sums, key=lambda rate: sums[rate]) for what, sums in total.items()}


def run(job: Job, cap: Cap) -> dict[str, Any]:
    """Train, answer, score."""
    drawn = rows_of.drawn(job.data, cap)
    if job.side == "bilstm":
        rows_of.vectors(LANGUAGE[job.data])  # made outside of the clock
    began = time.process_time()
    predictions = {"majority": _majority, "tf-idf": _tfidf, "trainer": _trainer}.get(job.side, _yeonma)(job, drawn)
    seconds = time.process_time() - began
    examples, own = drawn.dataset.splits[job.split], drawn.dataset
    task = plugins.load("task", drawn.task)(own.labels, scale=own.scale)
    scores = {name: round(value, 6) for name, value in figures(task.scores(predictions, examples)).items()}
    facts = {"metric": drawn.metric, "train": len(own.splits["train"]), "scored": len(examples)}
    found = {**job._asdict(), "score": scores[drawn.metric], **facts, "scores": scores}
    found["cpu_seconds"] = round(seconds, 1)
    if job.split == "test" and job.side in ("yeonma", "trainer"):
        found["outcomes"] = Outcomes(drawn.task, drawn.metric, own).pack(predictions)
    return found


def setting(job: Job, task: str) -> Setting:
    """What the encoder is trained with, on both sides."""
    stride, batch = (STRIDE, QA_BATCH) if task == "qa" else (None, BATCH)
    path, rate, epochs = rows_of.encoder(LANGUAGE[job.data]), job.rate or 0.0, EPOCHS[job.side]
    return Setting(path, rate, epochs, batch, MAX_LENGTH[task], stride, WARMUP, DECAY, job.seed)


def _trainer(job: Job, drawn: Drawn) -> list[Prediction]:
    return answers(drawn.task, drawn.dataset, job.split, setting(job, drawn.task))


def _yeonma(job: Job, drawn: Drawn) -> list[Prediction]:
    folder = rows_of.bench_folder() / f"run-{'-'.join(map(str, job))}"
    shutil.rmtree(folder, ignore_errors=True)
    yeonma.finetune(config(job, drawn), output=folder)
    model = yeonma.load(folder)
    predictions: list[Prediction] = model.predict([e.texts for e in drawn.dataset.splits[job.split]])
    shutil.rmtree(folder)
    return predictions


def config(job: Job, drawn: Drawn) -> dict[str, Any]:
    """Yeonma's config. The weights of the last step are kept: validation, which comes but once, chooses nothing."""
    given, static = setting(job, drawn.task), job.side == "bilstm"
    files: dict[str, Any] = {"train": drawn.file("train"), "valid": drawn.file("valid"), "max_length": given.max_length}
    if given.stride:
        files["stride"] = given.stride
    if drawn.dataset.scale:
        files["scale"] = drawn.dataset.scale
    elif drawn.dataset.labels:
        files["labels"] = {label: label for label in drawn.dataset.labels}
    tagging = static and drawn.task == "tagging"
    encoder = {"kind": "transformer", "path": given.path}
    if static:
        spelled = {"characters": 30} if tagging else {}
        encoder = {"kind": "bilstm-attention", "vectors": rows_of.vectors(LANGUAGE[job.data]), **spelled}
    train = {
        "optimizer": "adam", "form": "torch", "learning_rate": given.rate, "weight_decay": given.decay,
        "warmup_ratio": given.warmup, "epochs": given.epochs,
        "batch_size": given.batch, "eval_steps": 10**9, "threads": 1,
    }  # fmt: skip
    never = {"every_steps": 10**9, "after_seconds": 1e9}
    rest = {"task": drawn.task, "seed": job.seed, "data": files, "checkpoint": never, "head": {"crf": tagging}}
    return {**rest, "encoder": encoder, "train": train}


def _majority(job: Job, drawn: Drawn) -> list[Prediction]:
    """What is most frequent in train, or the mean number of train."""
    train = [e.gold for e in drawn.dataset.splits["train"]]
    value = sum(train) / len(train) if drawn.dataset.scale else Counter(train).most_common(1)[0][0]
    return [Prediction(e.id, value, 1.0) for e in drawn.dataset.splits[job.split]]


def _tfidf(job: Job, drawn: Drawn) -> list[Prediction]:
    """Logistic regression (numbers: ridge) on 1 to 4 characters of the texts, a mark between two of them."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.pipeline import make_pipeline

    train, scored = drawn.dataset.splits["train"], drawn.dataset.splits[job.split]
    last = Ridge() if drawn.dataset.scale else LogisticRegression(max_iter=1000)
    model = make_pipeline(TfidfVectorizer(analyzer="char", ngram_range=(1, 4), sublinear_tf=True), last)
    if drawn.task == "choice":
        rows = [(f"{e.texts[0]} ␟ {t}", str(n) == e.gold) for e in train for n, t in enumerate(e.texts[1:], 1)]
        model.fit(*zip(*rows, strict=True))
        shares = (model.predict_proba([f"{e.texts[0]} ␟ {t}" for t in e.texts[1:]])[:, 1] for e in scored)
        return [Prediction(e.id, str(each.argmax() + 1), 1.0) for e, each in zip(scored, shares, strict=True)]
    model.fit([" ␟ ".join(e.texts) for e in train], [e.gold for e in train])
    values = model.predict([" ␟ ".join(e.texts) for e in scored]).tolist()
    return [Prediction(e.id, value, 1.0) for e, value in zip(scored, values, strict=True)]


def done(path: Path) -> list[dict[str, Any]]:
    """The rows so far."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []


def add(path: Path, found: dict[str, Any]) -> None:
    """Append a row in one write, so that two processes never mix theirs."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        os.write(handle, (json.dumps(found, ensure_ascii=False) + "\n").encode())
    finally:
        os.close(handle)


def work(wanted: Sequence[Job], path: Path, cap: Cap, wait: bool = False) -> None:
    """Run what has no row; what another process is at is left to it, and with `wait` waited for."""
    for job in wanted:
        with rows_of.locked(f"job-{'-'.join(map(str, job))}", wait) as mine:
            known = {tuple(row[field] for field in Job._fields) for row in done(path)}
            if mine and tuple(job) not in known:
                found = run(job, cap)
                add(path, found)
                print({key: value for key, value in found.items() if key not in ("outcomes", "scores")}, flush=True)


def main() -> None:
    """Run what is missing, then write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", nargs="+", choices=LANGUAGE, default=list(LANGUAGE), help="only these data sets")
    parser.add_argument("--side", nargs="+", choices=SIDES, default=SIDES, help="only these sides")
    parser.add_argument("--seed", nargs="+", type=int, choices=SEEDS, default=SEEDS, help="only these seeds")
    parser.add_argument("--train-rows", type=int, default=Cap.train, help="cap of training rows; of questions half")
    parser.add_argument("--scored-rows", type=int, default=Cap.scored, help="cap of scored rows")
    parser.add_argument("--results", type=Path, default=Path("results/figure4.jsonl"), help="where rows are kept")
    parser.add_argument("--table", action="store_true", help="run nothing")
    args = parser.parse_args()
    cap = Cap(args.train_rows, args.train_rows // 2, args.scored_rows)
    os.environ.update(ONE)
    torch.set_num_threads(1)
    if not args.table:
        for wait in (False, True):
            work(rate_jobs(), args.results, cap, wait)
        every = jobs(chosen_rates(done(args.results)))
        wanted = [job for job in every if job.data in args.data and job.side in args.side and job.seed in args.seed]
        work(wanted, args.results, cap)
    figure4_table.write(args.results, done(args.results), cap)


if __name__ == "__main__":
    main()
