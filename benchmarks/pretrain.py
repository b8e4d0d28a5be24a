"""Word vectors beside gensim's: speed, quality, threads and memory.

    YEONMA_DATA=DIR python benchmarks/pretrain.py                     every row that results/pretrain.jsonl lacks
    YEONMA_DATA=DIR python benchmarks/pretrain.py word2vec fasttext   of these parts
    YEONMA_DATA=DIR python benchmarks/pretrain.py --table             only write results/pretrain.md from the rows

word2vec, cbow, fasttext  the same tokens (mecab morphemes of NSMC's training reviews and the petitions), dim 100,
         window 5, 5 negatives, 2 epochs, one thread each; ours and gensim's take turns, seed after seed. A word is a
         token of the corpus, counted once an epoch; CPU seconds are those of training alone, after kernels are compiled
         and vocabularies built. Quality: Spearman's ρ on Korean WS353 over the pairs both know, and the accuracy of a
         logistic regression on the mean of a review's frozen vectors (30,000 training reviews, 10,000 others).
threads  tokens a second of training with one thread and with two, taking turns; on an idle machine.
memory   the highest resident memory of `yeonma pretrain word2vec`, 10,000 words, on a corpus and on ten copies of it.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from pyarrow import parquet

from yeonma.data import wordsim
from yeonma.files import write_text
from yeonma.intrinsic import similarity
from yeonma.pretraining import Corpus, encode, make_method
from yeonma.pretraining.work import passing_work
from yeonma.text.tokenizers import make_tokenizer
from yeonma.vectors import Vectors

ROWS, TABLE = Path("results/pretrain.jsonl"), Path("results/pretrain.md")
SEEDS, EPOCHS = (1, 2, 3), 2
SHARED = {"dim": 100, "window": 5, "negative": 5, "epochs": EPOCHS, "sample": 1e-3}
LEARN, HELD_OUT = 30_000, 10_000
RATE = {"word2vec": 0.05, "cbow": 0.05, "fasttext": 0.05}
METHOD: dict[str, tuple[str, dict[str, Any]]] = {
    "word2vec": ("word2vec", {"model": "skipgram"}),
    "cbow": ("word2vec", {"model": "cbow"}),
    "fasttext": ("fasttext", {"minn": 3, "maxn": 6}),
}


def root() -> Path:
    """The shared data."""
    return Path(os.environ["YEONMA_DATA"])


def reviews() -> tuple[list[str], np.ndarray]:
    """The training reviews of NSMC that are not blank, and their labels."""
    table = parquet.read_table(root() / "nsmc" / "train.parquet", columns=["document", "label"]).to_pydict()
    filled = [(text, label) for text, label in zip(table["document"], table["label"], strict=True) if text.strip()]
    return [text for text, _ in filled], np.array([label for _, label in filled])


def petitions() -> list[str]:
    """The petitions."""
    return [
        t for t in parquet.read_table(root() / "corpora" / "petitions" / "train.parquet")["content"].to_pylist() if t
    ]


def gensims(part: str, corpus: Corpus, texts: list[list[str]], seed: int) -> tuple[Vectors, float]:
    """The vectors of gensim with the same settings, and the CPU seconds of its training."""
    import gensim

    settings = {
        "sg": int(part != "cbow"), "hs": 0, "negative": 5, "window": 5, "sample": 1e-3, "min_count": 1,
        "vector_size": 100, "alpha": RATE[part], "min_alpha": RATE[part] * 1e-4, "workers": 1, "seed": seed,
    }  # fmt: skip
    kind = gensim.models.FastText if part == "fasttext" else gensim.models.Word2Vec
    model = kind(**settings, **({"min_n": 3, "max_n": 6} if part == "fasttext" else {"cbow_mean": 1}))
    model.build_vocab(texts)
    began = time.process_time()
    model.train(texts, total_words=len(corpus.tokens), epochs=EPOCHS)  # by texts, its rate would fall too soon
    seconds = time.process_time() - began
    return Vectors(corpus.words, np.stack([model.wv[word] for word in corpus.words])), seconds


def ours(part: str, corpus: Corpus, seed: int) -> tuple[Vectors, float]:
    """Our vectors, and the CPU seconds of their training."""
    name, settings = METHOD[part]
    method = make_method(name, **SHARED, **settings, lr=RATE[part], seed=seed)
    with passing_work() as work:
        began = time.process_time()
        vectors = method.train(corpus, work)
        return vectors, time.process_time() - began


def accuracy(vectors: Vectors, corpus: Corpus, labels: np.ndarray) -> float:
    """Of a logistic regression on means of vectors, on the held-out reviews; a review without words is zero."""
    from sklearn.linear_model import LogisticRegression

    unit = vectors.matrix / np.sqrt((vectors.matrix**2).mean())
    bounds = corpus.bounds[: LEARN + HELD_OUT + 1]
    lengths = np.diff(bounds)
    sums = np.zeros((len(lengths), vectors.dim))
    np.add.at(sums, np.repeat(np.arange(len(lengths)), lengths), unit[corpus.tokens[: bounds[-1]]])
    means = sums / np.maximum(1, lengths)[:, None]
    model = LogisticRegression(C=10, max_iter=200).fit(means[:LEARN], labels[:LEARN])
    return float(model.score(means[LEARN:], labels[LEARN : LEARN + HELD_OUT]))


def warm() -> None:
    """Load or compile all kernels."""
    tiny = encode(["가나다 라마바"] * 10, make_tokenizer("whitespace"))
    for name, settings in METHOD.values():
        with passing_work() as work:
            make_method(name, dim=100, epochs=1, **settings).train(tiny, work)


def beside_gensim(part: str) -> Iterator[dict[str, Any]]:
    """A row for each seed: speed and quality of both sides."""
    wanted = [seed for seed in SEEDS if not standing({"part": part, "seed": seed})]
    if not wanted:
        return
    texts, labels = reviews()
    corpus = encode([*texts, *petitions()], make_tokenizer("mecab"))
    words = np.array(corpus.words, object)
    lists = [list(words[text]) for text in np.split(corpus.tokens[:], corpus.bounds[1:-1])]
    warm()
    for seed in wanted:
        sides: dict[str, Callable[[], tuple[Vectors, float]]] = {
            "yeonma": lambda seed=seed: ours(part, corpus, seed),
            "gensim": lambda seed=seed: gensims(part, corpus, lists, seed),
        }
        found: dict[str, Any] = {}
        for side, make in sides.items():
            vectors, seconds = make()
            similar = similarity(vectors, wordsim.read_pairs("ko-ws353"))
            found[side] = {
                "words_per_cpu_second": round(EPOCHS * len(corpus.tokens) / seconds),
                "ws353": round(similar.spearman, 4), "pairs": similar.known,
                "accuracy": round(accuracy(vectors, corpus, labels), 4),
            }  # fmt: skip
        yield {"part": part, "seed": seed, "words": len(corpus.tokens), "vocabulary": len(corpus.words), **found}


def threads() -> Iterator[dict[str, Any]]:
    """Tokens a second of one thread and of two, five turns each."""
    if standing({"part": "threads"}):
        return
    corpus = encode(reviews()[0], make_tokenizer("mecab"))
    warm()
    speeds: dict[int, list[float]] = {1: [], 2: []}
    for _ in range(5):
        for count, found in speeds.items():
            with passing_work() as work:
                made = make_method("word2vec", **SHARED, threads=count).train(corpus, work)
            found.append(made.config["tokens_per_second"])
    one, two = (round(statistics.median(found)) for found in speeds.values())
    ratio = statistics.median(b / a for a, b in zip(*speeds.values(), strict=True))
    yield {"part": "threads", "one": one, "two": two, "ratio": round(ratio, 2)}


def memory() -> Iterator[dict[str, Any]]:
    """Megabytes of `yeonma pretrain` on a corpus, and on ten copies of it."""
    if standing({"part": "memory"}):
        return
    lines = "".join(f"{' '.join(text.split())}\n" for text in reviews()[0])
    found: dict[str, Any] = {"part": "memory", "characters": len(lines)}
    with tempfile.TemporaryDirectory() as folder:
        for name, copies in (("once", 1), ("ten times", 10)):
            corpus = Path(folder) / f"{copies}"
            corpus.mkdir()
            for copy in range(copies):
                (corpus / f"{copy}.txt").write_text(lines, encoding="utf-8")
            found[name] = round(_peak(corpus, Path(folder) / f"vectors-{copies}") / 1024)
    yield found


def _peak(corpus: Path, output: Path) -> int:
    """The highest resident memory of a process and its children, in KiB, as the system counted it."""
    command = [sys.executable, "-m", "yeonma", "pretrain", "word2vec", str(corpus), "-o", str(output), "--epochs", "1"]
    command += ["--vocab-size", "10000"]  # ten copies have more words that occur five times
    counted = (
        "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True, stderr=subprocess.DEVNULL); "
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    cache = {**os.environ, "YEONMA_CACHE": str(output.parent / "cache")}
    done = subprocess.run(
        [sys.executable, "-c", counted, *command], env=cache, capture_output=True, text=True, check=True
    )
    return int(done.stdout.split()[-1])


PARTS: dict[str, Callable[[], Iterator[dict[str, Any]]]] = {
    **{part: lambda part=part: beside_gensim(part) for part in METHOD},
    "threads": threads,
    "memory": memory,
}


def rows() -> list[dict[str, Any]]:
    """The rows so far."""
    return [json.loads(line) for line in ROWS.read_text(encoding="utf-8").splitlines()] if ROWS.exists() else []


def standing(case: dict[str, Any]) -> bool:
    """Whether a row of this case is there."""
    return any(case.items() <= row.items() for row in rows())


def spread(values: list[float], digits: int) -> str:
    """Mean ± sample standard deviation."""
    sd = f" ± {statistics.stdev(values):.{digits}f}" if len(values) > 1 else ""
    return f"{statistics.mean(values):.{digits}f}{sd}"


def table() -> str:
    """results/pretrain.md."""
    lines = [
        "# Word vectors beside gensim's\n",
        "Made by `YEONMA_DATA=DIR python benchmarks/pretrain.py`, whose first lines say what was measured how. Words a",
        "CPU second and ÷ gensim are each the median of the rounds, in which both sides take turns. Asked for were",
        "4 times gensim's word2vec (skip-gram) and 3 times its fastText, hoped for 8 and 5; of two threads 1.7 times,",
        "hoped for 1.9.\n",
        "| method | side | words a CPU second | ÷ gensim | Korean WS353, ρ | held-out accuracy | seeds |",
        "|---|---|---|---|---|---|---|",
    ]
    for part in METHOD:
        found = [row for row in rows() if row["part"] == part]
        for side in ("yeonma", "gensim") if found else ():
            speed = statistics.median(row[side]["words_per_cpu_second"] for row in found)
            own = [row["yeonma"]["words_per_cpu_second"] / row["gensim"]["words_per_cpu_second"] for row in found]
            ratio = f"{statistics.median(own):.2f}" if side == "yeonma" else "1"
            quality = [spread([row[side][key] for row in found], 4) for key in ("ws353", "accuracy")]
            pairs = found[0][side]["pairs"]
            cells = (part, side, f"{speed:,.0f}", ratio, f"{quality[0]} ({pairs} pairs)", quality[1], str(len(found)))
            lines.append(f"| {' | '.join(cells)} |")
    for row in rows():
        if row["part"] == "threads":
            lines.append(
                f"\n**Threads**: one {row['one']:,} tokens a second, two {row['two']:,}: {row['ratio']} times "
                "(median of the rounds' ratios)."
            )
        if row["part"] == "memory":
            share = row["ten times"] / row["once"] - 1
            lines.append(
                f"\n**Memory**: {row['characters']:,} characters {row['once']:,} MB, ten times as many "
                f"{row['ten times']:,} MB ({share:+.1%})."
            )
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure what is missing, then write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", choices=[[], *PARTS], help="left out: all")
    parser.add_argument("--table", action="store_true", help="measure nothing")
    args = parser.parse_args()
    for part in () if args.table else args.parts or PARTS:
        for row in PARTS[part]():
            with ROWS.open("a", encoding="utf-8") as stream:
                stream.write(json.dumps(row, ensure_ascii=False) + "\n")
            print(row, flush=True)
    write_text(TABLE, table())


if __name__ == "__main__":
    main()
