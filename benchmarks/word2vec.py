"""How fast the skip-gram kernel is, and how good its vectors are, beside gensim's on the same tokens.

    YEONMA_DATA=DIR python benchmarks/word2vec.py

The training reviews of NSMC (never the test ones), mecab morphemes, one thread each; the two take turns within one run,
so that the machine's mood hits both. A word is a token of the corpus, counted once an epoch. Quality: logistic
regression on the mean of a review's frozen vectors, 30,000 reviews to learn from, 10,000 held out. Prints a table and
adds a row to results/word2vec.jsonl.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import time
from pathlib import Path

import gensim
import numpy as np
from pyarrow import parquet
from sklearn.linear_model import LogisticRegression

from yeonma.pretraining import Corpus, encode
from yeonma.pretraining.word2vec import Word2Vec
from yeonma.pretraining.work import passing_work
from yeonma.text.tokenizers import make_tokenizer
from yeonma.vectors import Vectors

ROUNDS, EPOCHS, DIM, LR = 3, 2, 100, 0.05
LEARN, HELD_OUT = 30_000, 10_000
PROBES = ("최고", "재밌", "쓰레기")


def reviews() -> tuple[list[str], np.ndarray]:
    """The reviews that are not blank, and their labels."""
    table = parquet.read_table(Path(os.environ["YEONMA_DATA"]) / "nsmc" / "train.parquet").to_pylist()
    filled = [row for row in table if row["document"].strip()]
    return [row["document"] for row in filled], np.array([row["label"] for row in filled])


def ours(corpus: Corpus) -> tuple[Vectors, float]:
    """The vectors and the CPU seconds of everything `train` does."""
    with passing_work() as work:
        began = time.process_time()
        vectors = Word2Vec(dim=DIM, epochs=EPOCHS, lr=LR, seed=1).train(corpus, work)
        return vectors, time.process_time() - began


def gensims(corpus: Corpus) -> tuple[Vectors, float]:
    """The same settings; the vocabulary is built before the clock starts."""
    words = np.array(corpus.words, object)
    texts = [list(words[text]) for text in np.split(corpus.tokens, corpus.bounds[1:-1])]
    model = gensim.models.Word2Vec(
        sg=1, hs=0, negative=5, window=5, sample=1e-3, min_count=1, vector_size=DIM,
        alpha=LR, min_alpha=LR * 1e-4, workers=1, seed=1,
    )  # fmt: skip
    model.build_vocab(texts)
    began = time.process_time()
    model.train(texts, total_examples=len(texts), epochs=EPOCHS)
    seconds = time.process_time() - began
    return Vectors(corpus.words, np.stack([model.wv[word] for word in corpus.words])), seconds


def accuracy(vectors: Vectors, corpus: Corpus, labels: np.ndarray) -> float:
    """Of a logistic regression on means of vectors, on the held-out reviews; a review without words is zero."""
    unit = vectors.matrix / np.sqrt((vectors.matrix**2).mean())
    bounds = corpus.bounds[: LEARN + HELD_OUT + 1]
    lengths = np.diff(bounds)
    sums = np.zeros((len(lengths), vectors.dim))
    np.add.at(sums, np.repeat(np.arange(len(lengths)), lengths), unit[corpus.tokens[: bounds[-1]]])
    means = sums / np.maximum(1, lengths)[:, None]
    model = LogisticRegression(C=10, max_iter=200).fit(means[:LEARN], labels[:LEARN])
    return float(model.score(means[LEARN:], labels[LEARN : LEARN + HELD_OUT]))


def main() -> None:
    """Measure, print, append."""
    texts, labels = reviews()
    corpus = encode(texts, make_tokenizer("mecab"))
    with passing_work() as work:  # loads the compiled kernel
        Word2Vec(dim=DIM, epochs=1).train(encode(["가 나"] * 10, make_tokenizer("whitespace")), work)
    made: dict[str, Vectors] = {}
    speeds: dict[str, list[float]] = {"yeonma": [], "gensim": []}
    for _ in range(ROUNDS):
        for name, train in (("yeonma", ours), ("gensim", gensims)):
            made[name], seconds = train(corpus)
            speeds[name].append(EPOCHS * len(corpus.tokens) / seconds)
    print(f"{len(texts):,} reviews, {len(corpus.tokens):,} words, {len(corpus.words):,} distinct")
    row: dict[str, object] = {
        "data": "nsmc train", "tokenizer": "mecab", "words": len(corpus.tokens), "vocabulary": len(corpus.words),
        "dim": DIM, "epochs": EPOCHS, "lr": LR, "rounds": ROUNDS, "gensim": gensim.__version__,
        "python": platform.python_version(), "numpy": np.__version__,
    }  # fmt: skip
    for name, vectors in made.items():
        speed, score = statistics.median(speeds[name]), accuracy(vectors, corpus, labels)
        row[name] = {"words_per_cpu_second": round(speed), "held_out_accuracy": round(score, 4)}
        print(f"{name:<8}{speed:>12,.0f} words/CPU s   held-out accuracy {score:.4f}")
        for word in PROBES:
            print(f"         {word}: {' '.join(near for near, _ in vectors.nearest(word, 6))}")
    ratio = statistics.median(a / b for a, b in zip(speeds["yeonma"], speeds["gensim"], strict=True))
    print(f"yeonma is {ratio:.2f} x")
    with Path("results/word2vec.jsonl").open("a", encoding="utf-8") as stream:
        stream.write(json.dumps(row | {"ratio": round(ratio, 2)}) + "\n")


if __name__ == "__main__":
    main()
