"""Make the pictures of docs/report.md: pages about the bundled sample, seen by a browser. Takes about five minutes.

python docs/screenshots.py [FOLDER]      runs that stand in FOLDER already are not made again
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from importlib import resources
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

import yeonma

PICTURES = Path(__file__).parent / "pictures"
BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
WORD = "실망"
OPTIMIZERS = ["sgd", "momentum", "adagrad", "adam", "nadam"]


def vectors(folder: Path) -> Path:
    """Word vectors of the sample's texts."""
    if not folder.exists():
        sample = Path(str(resources.files("yeonma.data") / "sample"))
        corpus = [sample / "corpus.txt", sample / "single" / "train.tsv", sample / "tagging" / "train.jsonl"]
        yeonma.pretrain("word2vec", corpus, folder, min_count=1, epochs=30, threads=1)
    return folder


def run(folder: Path, start: Path) -> Path:
    """A page about one run."""
    if not folder.exists():
        rate = {"learning_rate": 3e-3, "epochs": 12, "threads": 1}
        yeonma.finetune(data="sample-single", encoder="bilstm-attention", vectors=start, output=folder,
                        overrides={"train": rate})  # fmt: skip
        yeonma.evaluate(folder)
    return yeonma.Report(folder).write()


def comparison(folder: Path, start: Path) -> Path:
    """A page about five optimizers on the same network."""
    base = {"encoder": {"kind": "bag", "vectors": str(start)}, "train": {"threads": 1}}
    yeonma.compare(
        base, data="sample-single", optimizers=OPTIMIZERS, tune=8, seeds=5, budget_examples=10_000,
        learning_rates="log:1e-4..10", output=folder,
    )  # fmt: skip
    return yeonma.Report(folder).write()


def shoot(browser: Any, page: Path, name: str, first: str, last: str, **look: Any) -> None:
    """The part of a page from one element to the top of another as PICTURES/name.png; on a map a word is looked for."""
    view = browser.new_page(viewport={"width": 1080, "height": 900}, **look)
    view.goto(page.as_uri())
    if first == ".embedding_map":
        view.locator(".find").first.fill(WORD)
    view.wait_for_timeout(500)
    place = "element => element.getBoundingClientRect().top + scrollY"
    top = view.locator(first).first.evaluate(place) - 12
    end = view.locator(last).first.evaluate(place)
    area = {"x": 0, "y": max(0, top), "width": 1080, "height": min(end - top - 12, 1500)}
    view.screenshot(path=PICTURES / f"{name}.png", full_page=True, clip=area)
    view.close()


def main() -> None:
    """Make what is missing, then look at it."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(tempfile.mkdtemp())
    start = vectors(folder / "vectors")
    one, nine = run(folder / "연마", start), comparison(folder / "optimizers", start)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=["--no-sandbox", "--disable-gpu"])
        shoot(browser, one, "report-run", "h1", "#embedding", locale="en-US")
        shoot(browser, one, "report-words", ".embedding_map", "#answers", locale="ko-KR", color_scheme="dark")
        shoot(browser, one, "report-answers", "#answers", "#data", locale="ko-KR")
        shoot(browser, nine, "report-comparison", "h1", "#training", locale="en-US")
        browser.close()


if __name__ == "__main__":
    main()
