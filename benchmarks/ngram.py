"""Linear n-grams, alone and beside a network, and fastText on NSMC: accuracy and CPU seconds, one thread each.

    YEONMA_DATA=DIR python benchmarks/ngram.py                     every run that results/ngram.jsonl does not hold yet
    YEONMA_DATA=DIR python benchmarks/ngram.py --only wide-deep    those of the systems whose name has this in it
    YEONMA_DATA=DIR python benchmarks/ngram.py --table             only write results/ngram.md from the rows

Ours: everything that `yeonma.finetune` does, from the Parquet file to the finished run folder: reading, splitting,
n-grams, training, validation, checkpoints. fastText: `train_supervised` alone, on a text file whose morphemes were cut
before the clock started, with the best setting of an 11-point grid that was read on test (so in its favour): wordNgrams
3, dim 100, epoch 5, lr 0.2. It trains on all 150,000 reviews, ours on nine tenths of them. Ours with morphemes pays for
cutting them inside its clock. Imports and the compilation of kernels are outside of all clocks. The test split is
scored once for each seed; our settings, our checkpoint and the network's share were chosen on validation. Accuracy:
mean ± standard deviation of the seeds; CPU seconds: their median.

wide-deep: the n-grams with morphemes, and a BiLSTM with attention on the word2vec vectors of benchmarks/nsmc.py, which
are outside of the clock too. They were made from the training and the unlabelled reviews; 2,087 of the 50,000 test
reviews, 368 of them longer than ten characters, say the same as one of these. The validation texts are all among them,
without their labels: validation is a little too kind to it.

Rows go to results/ngram.jsonl, the table to results/ngram.md. fastText is the requirement fasttext-numpy2-wheel==0.9.2;
without it its rows are left out, and this is said.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Any

os.environ["OMP_NUM_THREADS"] = os.environ["POLARS_MAX_THREADS"] = "1"

import polars  # noqa: F401  (imported before the clock starts)
import pyarrow.parquet  # noqa: F401
import torch
from nsmc import vectors

import yeonma
from yeonma.data import load_split
from yeonma.records import Evaluated
from yeonma.text import analyse, make_tokenizer

SEEDS = (42, 43, 44)
FASTTEXT = {"wordNgrams": 3, "dim": 100, "epoch": 5, "lr": 0.2}
PEER = "fastText, mecab"
MECAB = {"words": "mecab", "word_length": 3}
OURS: dict[str, dict[str, Any]] = {
    "yeonma ngram": {"encoder": {"kind": "ngram"}},
    "yeonma ngram, mecab 1–3": {"encoder": {"kind": "ngram", **MECAB}},
    "yeonma wide-deep": {
        "encoder": {"kind": "wide-deep", "deep": "bilstm-attention", "ngram": MECAB, "vectors": "word2vec"},
        "train": {"epochs": 3, "batch_size": 128, "learning_rate": 2e-3},
        "checkpoint": {"every_steps": 5000},
    },
}
RESULTS = Path("results")
ROWS, TABLE = RESULTS / "ngram.jsonl", RESULTS / "ngram.md"
Row = dict[str, Any]


def chosen(name: str, **more: Any) -> dict[str, Any]:
    """The settings of one of our systems; "word2vec" becomes the folder of the vectors."""
    tree = {**OURS[name], **more}
    train = {"threads": 1, **tree.get("train", {})}
    start = {"vectors": vectors()} if "vectors" in tree["encoder"] else {}
    return {**tree, "train": train, "encoder": {**tree["encoder"], **start}}


def clocked(work: Callable[[], Any]) -> tuple[Any, float]:
    """What the work gives, and its CPU seconds in this process."""
    began = time.process_time()
    result = work()
    return result, time.process_time() - began


def ours(name: str, seed: int, folder: Path) -> Row:
    """A run from the raw file, then the test split once."""
    settings, out = chosen(name, seed=seed), folder / f"{name}-{seed}"
    with cache_in(folder):
        for stale in (folder / "cache").glob("tokens/*"):
            stale.unlink()  # morphemes are cut anew in every run
        run, seconds = clocked(lambda: yeonma.finetune(settings, data="nsmc", output=out))
        test = yeonma.evaluate(run.folder)["scores"]["accuracy"]
    best = max((e for e in run.events() if isinstance(e, Evaluated)), key=lambda e: e.scores["accuracy"])
    share = {"share": best.scores["share"]} if "share" in best.scores else {}
    shutil.rmtree(out)
    return {"system": name, "seed": seed, "seconds": seconds, "valid": best.scores["accuracy"], "test": test, **share}


@contextmanager
def cache_in(folder: Path) -> Iterator[None]:
    """Kernels and tokens are kept below the folder; the vectors stay where they are."""
    before = os.environ.get("YEONMA_CACHE")
    os.environ["YEONMA_CACHE"] = str(folder / "cache")
    try:
        yield
    finally:
        os.environ.pop("YEONMA_CACHE")
        os.environ.update({"YEONMA_CACHE": before} if before else {})


def fasttext_file(folder: Path, split: str) -> Path:
    """A split as fastText reads it: label, then morphemes with blanks between."""
    examples = load_split("nsmc", split)
    analysed = analyse([e.texts[0] for e in examples], make_tokenizer("mecab"), cache=False)
    bounds = analysed.bounds.tolist()
    lines = [
        f"__label__{e.gold} {' '.join(analysed.words[i] for i in analysed.ids[a:b])}\n"
        for e, (a, b) in zip(examples, pairwise(bounds), strict=True)
    ]
    path = folder / f"{split}.txt"
    path.write_text("".join(lines), encoding="utf-8")
    return path


def fasttexts(seed: int, folder: Path) -> Row:
    """Its training alone, then the test split once."""
    import fasttext

    for split in ("train", "test"):
        if not (folder / f"{split}.txt").exists():
            fasttext_file(folder, split)
    file = str(folder / "train.txt")
    model, seconds = clocked(lambda: fasttext.train_supervised(file, thread=1, seed=seed, verbose=0, **FASTTEXT))
    return {"system": PEER, "seed": seed, "seconds": seconds, "test": model.test(str(folder / "test.txt"))[1]}


def table(rows: Sequence[Row]) -> str:
    """The rows as Markdown: mean and standard deviation of the seeds, the median of the CPU seconds."""
    lines = ["| system | test accuracy | CPU seconds | ÷ fastText |", "|---|---|---|---|"]
    medians = {
        name: statistics.median(r["seconds"] for r in rows if r["system"] == name)
        for name in dict.fromkeys(r["system"] for r in rows)
    }
    for name, seconds in medians.items():
        tests = [r["test"] for r in rows if r["system"] == name]
        share = f"{seconds / medians[PEER]:.2f}" if PEER in medians else "–"
        spread = statistics.stdev(tests) if len(tests) > 1 else 0.0
        lines.append(f"| {name} | {statistics.mean(tests):.4f} ± {spread:.4f} | {seconds:.2f} | {share} |")
    return "\n".join(lines)


def warm(name: str, folder: Path) -> None:
    """Compile the kernels of one of our systems."""
    with cache_in(folder):
        yeonma.finetune(chosen(name), data="sample-single", output=folder / f"warm {name}")


def done() -> list[Row]:
    """The rows so far."""
    return [json.loads(line) for line in ROWS.read_text(encoding="utf-8").splitlines()] if ROWS.exists() else []


def missing(only: str) -> list[tuple[int, str]]:
    """Seed and system of the runs without a row, a seed's systems one after another."""
    known = {(row["seed"], row["system"]) for row in done()}
    systems = [name for name in (*OURS, PEER) if only in name]
    if find_spec("fasttext") is None and PEER in systems:
        print("fastText is not installed (pip install fasttext-numpy2-wheel==0.9.2): its rows are left out")
        systems.remove(PEER)
    return [(seed, name) for seed in SEEDS for name in systems if (seed, name) not in known]


def measure(todo: Sequence[tuple[int, str]]) -> None:
    """Make the runs; each one's row is written at its end."""
    about = {"python": platform.python_version(), "numpy": version("numpy"), "numba": version("numba")}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for system in dict.fromkeys(system for _, system in todo if system in OURS):
            warm(system, folder)
        for seed, system in todo:
            row = ours(system, seed, folder) if system in OURS else fasttexts(seed, folder)
            with ROWS.open("a", encoding="utf-8") as stream:
                stream.write(json.dumps({**row, **about}, ensure_ascii=False) + "\n")
            print(row, flush=True)


def main() -> None:
    """Measure what is missing, then print and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="only systems whose name has this in it")
    parser.add_argument("--table", action="store_true", help="run nothing")
    args = parser.parse_args()
    torch.set_num_threads(1)
    measure([] if args.table else missing(args.only))
    text = table(done())
    print(text)
    note = (__doc__ or "").split("\n\n", 2)[2].strip()
    head = "# Linear n-grams beside fastText, NSMC\n\nMade by `YEONMA_DATA=DIR python benchmarks/ngram.py`."
    TABLE.write_text(f"{head}\n\n{text}\n\n{note}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
