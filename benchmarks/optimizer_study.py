"""The nine optimizers on NSMC and on KLUE's entities: word vectors and a pretrained encoder, tuned alike, by `compare`.

    YEONMA_DATA=DIR python benchmarks/optimizer_study.py                      everything that is missing
    YEONMA_DATA=DIR python benchmarks/optimizer_study.py --part nsmc-vectors  of one part
    YEONMA_DATA=DIR python benchmarks/optimizer_study.py --table              only write results/optimizers.md

A part is three studies: the nine optimizers, the best of them with and without a frozen embedding, and n-grams where
they can. Every run is kept in the cache and never made again; two processes may work side by side. What came of a study
is a row of results/optimizer-study.jsonl, and results/optimizers.md is made from these. The page of a study, with
curves, the words that moved and the errors: `yeonma report` on its folder, which the program names.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

os.environ["OMP_NUM_THREADS"] = os.environ["POLARS_MAX_THREADS"] = os.environ["RAYON_NUM_THREADS"] = "1"

import numpy as np
import optimizer_study_table
from figure4_data import encoder, vectors
from figure4_data import row as as_line

import yeonma
from yeonma import data
from yeonma.files import cache_folder, write_text

ROWS, TABLE = Path("results/optimizer-study.jsonl"), Path("results/optimizers.md")
DATA = {"nsmc": "single", "klue-ner": "tagging"}
TEST = 5000


class Part(NamedTuple):
    """Studies: on which rows, with which settings, how many trials and seeds, and what each run sees."""

    data: str
    settings: Mapping[str, Any]
    rows: int  # at most; of klue-ner 3,500 are on hand
    valid: int  # rows to choose by
    rates: str
    trials: int
    seeds: int
    examples: int
    evaluations: int
    frozen: str  # what the winner is also tried with


def parts() -> dict[str, Part]:
    """What is studied."""
    static = {"encoder": {"kind": "bilstm-attention", "vectors": vectors("ko")}, "train": {"batch_size": 64}}
    tagging = {"encoder": {**static["encoder"], "characters": 30}, "head": {"crf": True}, "train": {"batch_size": 16}}
    shared = {"encoder": {"kind": "transformer", "path": encoder("ko")}, "train": {"batch_size": 8}}
    entities = {**shared, "train": {"batch_size": 4}}  # in eights Adam found no entity (validation)
    large = {"rates": "log:1e-5..10", "trials": 12, "seeds": 5, "frozen": "embeddings"}
    small = {"rows": 1500, "rates": "log:1e-5..1", "trials": 6, "seeds": 3, "frozen": "all"}
    once = {"examples": 1500, "evaluations": 2}
    return {
        "nsmc-vectors": Part("nsmc", static, rows=20_000, valid=5000, examples=40_000, evaluations=5, **large),
        "nsmc-encoder": Part("nsmc", shared, valid=1500, **small, **once),
        "klue-ner-vectors": Part("klue-ner", tagging, rows=4000, valid=1000, examples=12_000, evaluations=3, **large),
        "klue-ner-encoder": Part("klue-ner", entities, valid=1000, **small, **once),
    }


def folder(name: str) -> Path:
    """Where a study stands."""
    return cache_folder() / "bench" / "optimizer-study" / name


def files(name: str, rows: int, valid: int) -> dict[str, str]:
    """The same rows for all: the first `rows` of train after a shuffle, others of train to choose by, 5,000 of test."""
    place = folder(f"data-{name}-{rows}-{valid}")
    if not (place / "test.jsonl").exists():  # the last one that is written
        task = DATA[name]
        train = shuffled(data.load_split(name, "train", task=task))
        test = shuffled(data.load_split(name, "test", task=task))[:TEST]
        known = {example.texts for example in test}
        train = [example for example in train if example.texts not in known]
        place.mkdir(parents=True, exist_ok=True)
        for split, chosen in {"train": train[valid:][:rows], "valid": train[:valid], "test": test}.items():
            lines = [json.dumps(as_line(task, example), ensure_ascii=False) for example in chosen]
            write_text(place / f"{split}.jsonl", "\n".join(lines) + "\n")
    return {split: str(place / f"{split}.jsonl") for split in ("train", "valid", "test")}


def shuffled(examples: Sequence[Any]) -> list[Any]:
    """In an order that depends on their number alone."""
    return [examples[i] for i in np.argsort(np.random.PCG64(6).random_raw(len(examples)), kind="stable")]


def base(part: Part) -> dict[str, Any]:
    """The settings that all cells of a study share."""
    known = data.entry(part.data)
    rows = {**files(part.data, part.rows, part.valid), "max_length": 128}
    if known.labels:
        rows["labels"] = {label: label for label in known.labels.values()}
    train = {"threads": 1, "metric": known.metric, **part.settings.get("train", {})}
    return {**part.settings, "task": DATA[part.data], "seed": 42, "data": rows, "train": train}


def study(name: str, part: Part, settings: Mapping[str, Any], **grid: Any) -> yeonma.Comparison:
    """Compare, or go on with it."""
    return yeonma.compare(
        settings, tune=part.trials, seeds=part.seeds, budget_examples=part.examples, evaluations=part.evaluations,
        learning_rates=part.rates, output=folder(name), **grid,
    )  # fmt: skip


def optimizers(name: str, part: Part) -> yeonma.Comparison:
    """The nine."""
    return study(name, part, base(part), optimizers=["all"])


def frozen(name: str, part: Part) -> yeonma.Comparison:
    """The best of the nine with and without a frozen embedding."""
    settings = base(part)
    won = {**settings, "train": {**settings["train"], "optimizer": optimizer_study_table.best(row(name, "optimizers"))}}
    return study(f"{name}-frozen", part, won, freeze=["none", part.frozen])


def ngram(name: str, part: Part) -> yeonma.Comparison:
    """N-grams with a rule of their own, and the time they take to the target of the nine."""
    study(f"{name}-ngram", part, {**base(part), "encoder": {"kind": "ngram"}, "train": {"threads": 1}})
    return yeonma.Comparison(folder(f"{name}-ngram"), row(name, "optimizers")["target"])


STUDIES = {"optimizers": optimizers, "frozen": frozen, "ngram": ngram}


def missing(name: str, part: Part) -> list[str]:
    """The studies of a part that have no row; n-grams answer single texts only."""
    return [each for each in STUDIES if not row(name, each) and (each != "ngram" or DATA[part.data] == "single")]


def brief(comparison: yeonma.Comparison) -> dict[str, Any]:
    """The results without the curves of the runs, which stay in the study's folder."""
    results = comparison.results
    cells = [
        {**cell, "runs": [{k: v for k, v in run.items() if k != "curve"} for run in cell["runs"]]}
        for cell in results["cells"]
    ]
    return {**results, "cells": cells}


def done() -> list[dict[str, Any]]:
    """The rows so far."""
    return [json.loads(line) for line in ROWS.read_text(encoding="utf-8").splitlines()] if ROWS.exists() else []


def row(part: str, study: str) -> dict[str, Any]:
    """A study's row, or {}."""
    return next((each for each in done() if (each["part"], each["study"]) == (part, study)), {})


def main() -> None:
    """Make the studies that have no row, their pages, and the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", nargs="+", choices=parts(), help="only these parts")
    parser.add_argument("--table", action="store_true", help="run nothing")
    args = parser.parse_args()
    for name, part in {} if args.table else parts().items():
        for kind in missing(name, part) if name in (args.part or parts()) else []:
            result = {"part": name, "study": kind, **brief(STUDIES[kind](name, part))}
            if not row(name, kind):  # a second process may have been first
                with ROWS.open("a", encoding="utf-8") as stream:
                    stream.write(json.dumps(result, ensure_ascii=False) + "\n")
            if kind == "optimizers":
                print(name, yeonma.Report(folder(name)).write(), flush=True)
    optimizer_study_table.write(TABLE, done())


if __name__ == "__main__":
    main()
