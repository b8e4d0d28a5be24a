"""A training that is killed for real and goes on: the same bits, and what is said when it cannot."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from safetensors import SafetensorError, safe_open

from yeonma import plugins
from yeonma.errors import ConfigError, Interrupted, RunError
from yeonma.pretraining import pretrain
from yeonma.pretraining.work import STATE
from yeonma.vectors import Vectors

COMMAND = """
import yeonma.pretraining.work as work
work.EVERY = 0.0
from yeonma.cli import main
main()
"""
QUICK = ("--tokenizer", "whitespace", "--dim", "48", "--epochs", "60", "--min-count", "1")


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A folder with a corpus of 20,000 tokens, and vectors that were made without a disturbance."""
    folder = tmp_path_factory.mktemp("resume")
    lines = [" ".join(f"w{(number * place) % 400}" for place in range(1, 21)) for number in range(1, 1001)]
    (folder / "corpus.txt").write_text("\n".join(lines), encoding="utf-8")
    end(start(folder, "corpus.txt", "-o", "whole", *QUICK), 0)
    return folder


def start(folder: Path, *argv: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", COMMAND, "pretrain", "word2vec", *argv], cwd=folder, text=True, stderr=subprocess.PIPE
    )


def end(process: subprocess.Popen[str], code: int) -> str:
    said = process.communicate(timeout=240)[1]
    assert process.returncode == code, said
    assert "Traceback" not in said
    return said


def wait_for_step(state: Path, step: int, process: subprocess.Popen[str]) -> None:
    while process.poll() is None:
        if state.exists() and kept_step(state) >= step:
            return
        time.sleep(0.002)
    pytest.fail(f"the process ended before step {step}: {process.communicate()[1]}")


def kept_step(state: Path) -> int:
    try:
        with safe_open(state, "np") as kept:
            return int(kept.metadata()["step"])
    except (OSError, SafetensorError):
        return 0


def killed(folder: Path, name: str, step: int, *argv: str) -> None:
    """Kill a training at a step that is not its last."""
    process = start(folder, "corpus.txt", "-o", name, *argv)
    wait_for_step(folder / f".{name}.work" / STATE, step, process)
    process.send_signal(signal.SIGKILL)
    end(process, -signal.SIGKILL)


def test_killed_and_resumed_it_gives_the_same_bits(folder):
    killed(folder, "twice", 3, *QUICK)
    assert not (folder / "twice").exists()
    process = start(folder, "-o", "twice", "--resume")
    wait_for_step(folder / ".twice.work" / STATE, 30, process)
    process.send_signal(signal.SIGKILL)
    end(process, -signal.SIGKILL)
    end(start(folder, "corpus.txt", "-o", "twice", *QUICK, "--resume"), 0)
    whole, again = Vectors.load(folder / "whole"), Vectors.load(folder / "twice")
    assert again.matrix.tobytes() == whole.matrix.tobytes()
    assert list(again.words) == list(whole.words)
    assert again.config["settings"] == whole.config["settings"]
    assert not (folder / ".twice.work").exists()


def test_what_was_kept_is_not_lost_by_mistake(folder):
    killed(folder, "kept", 2, *QUICK)
    state = folder / ".kept.work" / STATE
    step = kept_step(state)
    said = end(start(folder, "corpus.txt", "-o", "kept", *QUICK), 2)
    assert "Go on with: yeonma pretrain word2vec -o kept --resume. Or remove" in said
    said = end(start(folder, "-o", "kept", "--resume", "--dim", "7", "--window", "2"), 2)
    assert "begun with other settings: dim was 48, 7 came; window was 5, 2 came" in said
    assert "no setting 'dimm'. Did you mean 'dim'?" in end(
        start(folder, "-o", "kept", "--resume", "--set", "dimm=7"), 2
    )
    (folder / "corpus.txt").touch()
    assert "have changed since the training began" in end(start(folder, "-o", "kept", "--resume"), 2)
    assert kept_step(state) == step


def test_a_signal_stops_and_keeps(folder):
    process = start(folder, "corpus.txt", "-o", "stopped", *QUICK)
    wait_for_step(folder / ".stopped.work" / STATE, 1, process)
    process.send_signal(signal.SIGTERM)
    said = end(process, 130)
    assert "Continue with: yeonma pretrain word2vec -o stopped --resume" in said
    end(start(folder, "-o", "stopped", "--resume"), 0)
    assert Vectors.load(folder / "stopped").matrix.tobytes() == Vectors.load(folder / "whole").matrix.tobytes()


@pytest.fixture
def corpus(tmp_path):
    (tmp_path / "a.txt").write_text("영화 정말 좋다\n" * 20, encoding="utf-8")
    return [tmp_path / "a.txt"]


def test_a_trained_tokenizer_is_kept_for_the_way_on(corpus, tmp_path, monkeypatch):
    """Training Unigram twice gives two tokenizers; a training that goes on has the first one."""
    monkeypatch.setattr("yeonma.pretraining.work.EVERY", 0.0)
    settings = {"tokenizer": "unigram", "dim": 4, "epochs": 3, "min_count": 1}

    def stop() -> bool:
        """After the first step, whose state is kept at once."""
        return (tmp_path / ".v.work" / STATE).exists()

    with pytest.raises(Exception, match="Saved at step"):
        pretrain("word2vec", corpus, tmp_path / "v", stop=stop, **settings)
    kept = (tmp_path / ".v.work" / "tokenizer" / "tokenizer.json").read_bytes()
    pretrain("word2vec", output=tmp_path / "v", resume=True)
    assert (tmp_path / "v" / "tokenizer.json").read_bytes() == kept


METHODS = [name for name in plugins.names("pretrain") if name != "mlm"]


@pytest.mark.parametrize("method", METHODS)
def test_every_method_goes_on_to_the_same_bits(method, tmp_path, monkeypatch):
    """Stopped after each of its first steps, once and again."""
    monkeypatch.setattr("yeonma.pretraining.work.EVERY", 0.0)
    lines = [" ".join(f"w{(number * place) % 60}" for place in range(1, 12)) for number in range(1, 200)]
    (tmp_path / "a.txt").write_text("\n".join(lines), encoding="utf-8")
    settings = {"tokenizer": "whitespace", "dim": 8, "min_count": 1}
    whole = pretrain(method, [tmp_path / "a.txt"], tmp_path / "whole", **settings)
    state, stops = tmp_path / ".v.work" / STATE, 0

    def stop() -> bool:
        """As soon as a step was made that was not made before."""
        return state.exists() and kept_step(state) > stops

    again: Vectors | None = None
    while again is None and stops < 4:
        try:
            again = pretrain(method, [tmp_path / "a.txt"], tmp_path / "v", resume=stops > 0, stop=stop, **settings)
        except Interrupted:
            stops = kept_step(state)
    again = again or pretrain(method, output=tmp_path / "v", resume=True)
    assert stops
    assert again.matrix.tobytes() == whole.matrix.tobytes()


def test_nothing_to_resume_is_said(corpus, tmp_path):
    with pytest.raises(RunError, match=r"no unfinished training .* Leave out --resume to begin"):
        pretrain("word2vec", corpus, tmp_path / "v", resume=True)
    with pytest.raises(ConfigError, match="needs the folder that it was begun with"):
        pretrain("word2vec", corpus, resume=True)
    assert not list(tmp_path.glob(".*"))
