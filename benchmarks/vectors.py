"""Five ways to pre-train word vectors on Korean, by themselves and under a classifier.

    YEONMA_DATA=DIR python benchmarks/vectors.py                  what results/vectors.jsonl lacks
    YEONMA_DATA=DIR python benchmarks/vectors.py --method glove   of one method
    YEONMA_DATA=DIR python benchmarks/vectors.py --table          only write results/vectors.md from the rows

Corpus: the unlabelled reviews without those 13,000 whose text is that of a test review (most are a word or two),
Microsoft's Korean documentation, court decisions, petitions and chatbot lines, one text a line. The training and
validation reviews are among the unlabelled ones. It is read once for each tokenizer; then every method trains on the
same tokens, one thread, its own defaults, 100 numbers for each of the 50,000 most frequent words. CPU seconds and the
highest resident memory are those of the process that trains. WS353: Spearman's ρ over the pairs whose words are
known, and over those composed of pieces or subwords too. NSMC: the network and settings of the preset
ratsgo-6.3-fixed on the first 30,000 training reviews, with the vectors frozen and tuned, three seeds; a tenth is held
out and chooses the checkpoint; all 50,000 test reviews once a run.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from pyarrow import parquet

from yeonma import api, chosen
from yeonma.data import wordsim
from yeonma.files import cache_folder, staged_file, write_text
from yeonma.intrinsic import analogies, similarity
from yeonma.pretraining import make_method
from yeonma.pretraining.corpora import corpus_key, encoded
from yeonma.pretraining.work import work_folder
from yeonma.text.tokenizers import make_tokenizer
from yeonma.vectors import Vectors

ROWS, TABLE = Path("results/vectors.jsonl"), Path("results/vectors.md")
SEEDS = (1, 2, 3)
WORDS = 50_000
SOURCES = {
    "nsmc-raw": ("review",), "ko-msdocs": ("text",), "ko-precedents": ("text",), "petitions": ("content",),
    "chatbot": ("Q", "A"),
}  # fmt: skip


class Cell(NamedTuple):
    """A method on the tokens of a tokenizer."""

    method: str
    tokens: str


# What cuts the texts, and what goes beside: morphemes, or what is smaller than a word.
TOKENS: dict[str, list[str]] = {
    "mecab": ["--tokenizer", "mecab"],
    "syllable": ["--tokenizer", "syllable"],
    "mecab, jamo subwords": ["--tokenizer", "mecab", "--set", "units=jamo", "--set", "minn=3", "--set", "maxn=9"],
}
METHODS = ("word2vec", "fasttext", "glove", "swivel", "lsa")
CELLS = [Cell(m, t) for m in METHODS for t in ("mecab", "mecab, jamo subwords" if m == "fasttext" else "syllable")]


def folder() -> Path:
    """Where corpus, vectors and runs stand."""
    return cache_folder() / "bench" / "vectors"


def corpus() -> Path:
    """The corpus as one file, made if it is not there."""
    path = folder() / "texts.txt"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        with staged_file(path) as stage, stage.open("w", encoding="utf-8") as stream:
            stream.writelines(f"{' '.join(text.split())}\n" for text in _texts())
    return path


def _texts() -> Iterator[str]:
    asked = parquet.read_table(Path(os.environ["YEONMA_DATA"]) / "nsmc" / "test.parquet")["document"].to_pylist()
    hidden = {text.strip() for text in asked if text}
    for name, columns in SOURCES.items():
        table = parquet.read_table(Path(os.environ["YEONMA_DATA"]) / "corpora" / name / "train.parquet").to_pylist()
        for row in table:
            if row.get("path") != "precedent-kr/README.md":  # no court decision
                texts = (row[column] for column in columns if row[column])
                yield from (text for text in texts if name != "nsmc-raw" or text.strip() not in hidden)


def vectors(cell: Cell) -> Path:
    """Where a cell's vectors stand."""
    return folder() / f"{cell.method}-{cell.tokens}".replace(", ", "-").replace(" ", "-")


def made(cell: Cell) -> dict[str, Any]:
    """Pre-train, and look at the vectors by themselves."""
    shutil.rmtree(work_folder(vectors(cell)), ignore_errors=True)  # going on would count a part of the seconds
    command = [sys.executable, "-m", "yeonma", "pretrain", cell.method]
    own = [*TOKENS[cell.tokens], "--dim", "100", "--threads", "1", "--json"]
    with tempfile.TemporaryDirectory() as place:  # kernels are compiled outside of the clock
        small = Path(place) / "small.txt"
        small.write_text("가 나 다 라 마 바 사 아 자 차\n" * 200, encoding="utf-8")
        _used([*command, str(small), "-o", f"{place}/vectors", *own])
    used = _used([*command, str(corpus()), "-o", str(vectors(cell)), "--vocab-size", str(WORDS), *own])
    found = Vectors.load(vectors(cell))
    similar, asked = (
        similarity(found, wordsim.read_pairs("ko-ws353")),
        analogies(found, wordsim.read_questions("ko-analogy")),
    )
    return {
        "words": len(found.words), **used,
        "ws353": similar._asdict(), "analogy": asked.accuracy, "covered": asked.covered, "questions": asked.questions,
    }  # fmt: skip


def _used(command: list[str]) -> dict[str, Any]:
    """Run a command with one thread; CPU seconds and megabytes it took, imports too."""
    counted = (
        "import json, resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL); "
        "u = resource.getrusage(resource.RUSAGE_CHILDREN); print(json.dumps([u.ru_utime + u.ru_stime, u.ru_maxrss]))"
    )
    one = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    measured = [sys.executable, "-c", counted, *command]
    done = subprocess.run(measured, stdout=subprocess.PIPE, text=True, check=True, env=one)
    seconds, kilobytes = json.loads(done.stdout.splitlines()[-1])
    return {"cpu_seconds": round(seconds, 1), "megabytes": round(kilobytes / 1024)}


def read(tokens: str) -> dict[str, Any]:
    """Read the corpus by a tokenizer into the cache, so that no method pays for it."""
    tokenizer, method, files = make_tokenizer(TOKENS[tokens][1]), make_method("word2vec", vocab_size=WORDS), [corpus()]
    began = time.process_time()
    found = encoded(corpus_key(files, None, tokenizer, method), files, None, tokenizer, method)
    return {"tokens_read": len(found.tokens), "cpu_seconds": round(time.process_time() - began, 1)}


def classified(cell: Cell, freeze: str, seed: int) -> dict[str, Any]:
    """The preset's network on top of the vectors, frozen or tuned."""
    overrides = {
        "seed": seed, "encoder": {"freeze": freeze}, "data": {"limit": 30_000}, "train": {"threads": 1},
        "checkpoint": {"every_steps": 100_000},
    }  # fmt: skip
    config = chosen.settings(preset="ratsgo-6.3-fixed", data="nsmc", vectors=str(vectors(cell)), overrides=overrides)
    with tempfile.TemporaryDirectory() as place:
        end = list(api.training(config, Path(place) / "run"))[-1]
        scores = api.evaluate(Path(place) / "run", split="test")["scores"]
    return {"validation_accuracy": end.best_score, "test_accuracy": scores["accuracy"], "n": scores["n"]}


def rows() -> list[dict[str, Any]]:
    """The rows so far."""
    return [json.loads(line) for line in ROWS.read_text(encoding="utf-8").splitlines()] if ROWS.exists() else []


def of(**case: Any) -> list[dict[str, Any]]:
    """The rows of a case."""
    return [row for row in rows() if case.items() <= row.items()]


def keep(case: dict[str, Any], found: dict[str, Any]) -> None:
    """Append a row."""
    with ROWS.open("a", encoding="utf-8") as stream:
        stream.write(json.dumps({**case, **found}, ensure_ascii=False) + "\n")
    print({**case, **found}, flush=True)


def run(cell: Cell) -> None:
    """What a cell lacks."""
    case = cell._asdict()
    wanted = [{"freeze": freeze, "seed": seed} for freeze in ("embeddings", "none") for seed in SEEDS]
    open_ = [each for each in wanted if not of(**case, **each)]
    tokenizer = TOKENS[cell.tokens][1]
    if not of(part="read", tokenizer=tokenizer):
        keep({"part": "read", "tokenizer": tokenizer}, read(cell.tokens))
    if not of(**case, part="made") or (open_ and not vectors(cell).exists()):
        found = made(cell)
        if not of(**case, part="made"):
            keep({"part": "made", **case}, found)
    for each in open_:
        keep({"part": "nsmc", **case, **each}, classified(cell, each["freeze"], each["seed"]))


def spread(values: list[float]) -> str:
    """Mean ± sample standard deviation; "–" for none."""
    if not values:
        return "–"
    sd = f" ± {statistics.stdev(values):.4f}" if len(values) > 1 else ""
    return f"{statistics.mean(values):.4f}{sd}"


def _likeness(found: dict[str, Any]) -> str:
    if found["spearman"] is None:
        if found["spearman_composed"] is None:
            return "–"
        return f"– / {found['spearman_composed']:.3f} ({found['known'] + found['composed']})"
    composed = found["spearman_composed"]
    rest = f" / {composed:.3f} ({found['known'] + found['composed']})" if composed is not None else ""
    return f"{found['spearman']:.3f} ({found['known']}){rest}"


def table() -> str:
    """results/vectors.md."""
    lines = [
        "# Five ways to pre-train word vectors\n",
        "Made by `YEONMA_DATA=DIR python benchmarks/vectors.py`, whose first lines say what was measured how.\n",
        "| method | tokens | words | CPU s | MB | WS353 ρ (pairs) / with composed ones | analogies (covered) "
        "| NSMC frozen | NSMC tuned | seeds |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for cell in CELLS:
        for row in of(**cell._asdict(), part="made"):
            scores = [
                [r["test_accuracy"] for r in of(**cell._asdict(), part="nsmc", freeze=how)]
                for how in ("embeddings", "none")
            ]
            asked = "–" if row["analogy"] is None else f"{row['analogy']:.3f} ({row['covered']:,})"
            cells = [
                *cell, f"{row['words']:,}", f"{row['cpu_seconds']:,.0f}", f"{row['megabytes']:,}",
                _likeness(row["ws353"]), asked, *map(spread, scores), str(min(map(len, scores))),
            ]  # fmt: skip
            lines.append(f"| {' | '.join(cells)} |")
    for row in of(part="read"):
        read = f"{row['tokens_read']:,} tokens, {row['cpu_seconds']:,.0f} CPU s"
        lines.append(f"\nReading the corpus ({row['tokenizer']}): {read}.")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Run what is missing, then write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--method", choices=METHODS, help="left out: all")
    parser.add_argument("--table", action="store_true", help="run nothing")
    args = parser.parse_args()
    for cell in [] if args.table else CELLS:
        if args.method in (None, cell.method):
            run(cell)
            write_text(TABLE, table())
    write_text(TABLE, table())


if __name__ == "__main__":
    main()
