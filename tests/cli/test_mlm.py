"""`yeonma pretrain mlm` as a command: what it says, a kill at any moment, signals, and the words of its errors."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from yeonma.pretraining.mlm import RUN
from yeonma.run import Run

TINY = (
    "--vocab-size", "60", "--layers", "1", "--width", "32", "--heads", "2", "--max-length", "16", "--batch-size", "4",
    "--threads", "1", "--steps", "40", "--set", "checkpoint.every_steps=5", "--set", "train.eval_steps=15",
)  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A folder with a corpus, and an encoder that was made without a disturbance."""
    folder = tmp_path_factory.mktemp("mlm")
    draw = random.Random(0)
    words = "영화가 정말 재미있고 배우들이 아주 좋았다 지루해서 잤다".split()
    texts = [" ".join(draw.choices(words, k=6)) for _ in range(300)]
    (folder / "corpus.txt").write_text("\n".join(texts), encoding="utf-8")
    end(start(folder, "corpus.txt", "-o", "whole", *TINY), 0)
    return folder


def start(folder: Path, *argv: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "yeonma", "pretrain", "mlm", *argv]
    return subprocess.Popen(command, cwd=folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def end(process: subprocess.Popen[str], code: int) -> str:
    out, err = process.communicate(timeout=240)
    assert (process.returncode, out) == (code, ""), err
    assert "Traceback" not in err
    return err


def wait_for_step(run: Run, step: int, process: subprocess.Popen[str]) -> None:
    while process.poll() is None:
        if [path for path in run.checkpoints.folders() if int(path.name.removeprefix("step-")) >= step]:
            return
        time.sleep(0.002)
    pytest.fail(f"the process ended before step {step}: {process.communicate()[1]}")


def same(one: Path, other: Path) -> None:
    newest = Run(one / RUN).checkpoints.folders()[-1].name
    assert Run(other / RUN).checkpoints.folders()[-1].name == newest
    parts = [f"{RUN}/checkpoints/{newest}/{name}.safetensors" for name in ("model", "optimizer", "rng")]
    for name in ("model.safetensors", *parts):
        a, b = load_file(one / name), load_file(other / name)
        assert a.keys() == b.keys()
        assert all(torch.equal(a[key], b[key]) for key in a), name


def test_killed_and_resumed_it_ends_with_the_same_bits(folder):
    run = Run(folder / "killed" / RUN)
    process = start(folder, "corpus.txt", "-o", "killed", *TINY)
    wait_for_step(run, random.Random().choice([5, 15, 30]), process)
    process.kill()
    process.communicate()
    assert not (folder / "killed/config.json").exists()
    said = end(start(folder, "--resume", "-o", "killed"), 0)
    assert "continued from step-" in said
    assert not [*folder.glob("killed/**/.*.part")]
    same(folder / "whole", folder / "killed")


def test_a_signal_saves_and_ends_with_130(folder):
    process = start(folder, "corpus.txt", "-o", "stopped", *TINY)
    wait_for_step(Run(folder / "stopped" / RUN), 5, process)
    process.send_signal(signal.SIGTERM)
    said = end(process, 130)
    assert "Continue with: yeonma pretrain mlm --resume -o stopped" in said
    end(start(folder, "--resume", "-o", "stopped"), 0)
    same(folder / "whole", folder / "stopped")


def test_the_words_and_the_object_at_the_end(folder, yeonma):
    done = yeonma("pretrain", "mlm", folder / "corpus.txt", "-o", "new", *TINY, "--steps", "2", "--json")
    assert done.code == 0
    assert done.json.keys() == {"encoder", "step", "reason", "best_step", "seconds", "held_out"}
    assert done.json["step"] == 2
    assert done.json["held_out"].keys() == {"n", "log_likelihood", "loss", "perplexity", "accuracy"}
    assert "held out: loss" in done.err


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (("mlm", "corpus.txt", "-o", "x", "--dim", "3"), "The method 'mlm' has no setting 'dim'"),
        (("word2vec", "corpus.txt", "-o", "x", "--layers", "3"), "The method 'word2vec' has no setting 'layers'"),
        (("word2vec", "corpus.txt", "-o", "x", "--resume"), "There is no unfinished training of x to resume"),
        (("mlm", "none.txt", "-o", "x"), "none.txt: there is no such file or folder"),
        (("mlm", "-o", "x"), "A corpus needs at least one file"),
        (("mlm", "-o", "x", "--resume"), "holds no run of masked language modelling"),
        (("mlm", "corpus.txt", "-o", "x", "--encoder", "nowhere"), "there is no folder nowhere"),
        (("mlm", "corpus.txt", "-o", "x", "--heads", "3"), "shape.heads must divide shape.width"),
        (("mlm", "corpus.txt", "-o", "x", "--set", "mask=2"), "mask: Input should be less than 1"),
        (("mlm", "corpus.txt", "-o", "x", "--column", "text"), "there is no table with a column 'text'"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(folder, yeonma, argv, message):
    Path("corpus.txt").write_bytes((folder / "corpus.txt").read_bytes())
    code, out, err = yeonma("pretrain", *argv)
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert len(err.splitlines()) == 1
    assert message in err
    assert not Path("x").exists()
