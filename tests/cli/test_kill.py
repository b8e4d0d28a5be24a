"""Real processes that are killed, interrupted, starved of disk or diverge: what they leave is whole and goes on."""

from __future__ import annotations

import json
import random
import re
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from builders import examples
from yeonma.optim.registry import rules
from yeonma.run import Run

FILE_LIMIT = 200_000  # bytes: more than a model has here, less than the state of its optimizer
SETTINGS = {
    "encoder.tokenizer": "whitespace", "encoder.dim": 2_000, "encoder.dropout": 0.3, "train.batch_size": 4,
    "train.epochs": 2, "train.threads": 1, "checkpoint.every_steps": 5,
}  # fmt: skip
FULL_BATCH = {**SETTINGS, "train.batch_size": 60, "train.epochs": 60}


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A folder with 600 rows of data."""
    folder = tmp_path_factory.mktemp("kill")
    rows = [f"{example.texts[0]}\t{example.gold}\n" for example in examples(600, 7)]
    (folder / "train.tsv").write_text("text\tlabel\n" + "".join(rows), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def never_stopped(folder) -> Callable[[str], Run]:
    """The run of an optimizer that nothing disturbed; Adam's, which most tests want, is made beside the first one."""

    def begin(rule: str) -> subprocess.Popen[str]:
        return start(folder, *beginning(rule), "-o", f"never-stopped-{rule}")

    processes = {"adam": begin("adam")}

    def run(rule: str) -> Run:
        if rule not in processes:
            processes[rule] = begin(rule)
        if processes[rule].returncode is None:
            end(processes[rule], 0)
        return Run.open(folder / f"never-stopped-{rule}")

    return run


def beginning(rule: str) -> list[str]:
    settings = FULL_BATCH if rules()[rule].full_batch else SETTINGS
    pairs = [part for key, value in settings.items() for part in ("--set", f"{key}={value}")]
    return ["--data", "train.tsv", "--encoder", "bag", "--optimizer", rule, *pairs]


def start(folder: Path, *argv: str | Path) -> subprocess.Popen[str]:
    """`yeonma finetune` as a process."""
    command = [sys.executable, "-m", "yeonma", "finetune", *map(str, argv)]
    return subprocess.Popen(command, cwd=folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def end(process: subprocess.Popen[str], code: int) -> str:
    """Wait for a process that must end with `code` and leave stdout empty; returns what it said on stderr."""
    out, err = process.communicate(timeout=240)
    assert (process.returncode, out) == (code, ""), err
    assert "Traceback" not in err
    return err


def wait_for_step(run: Run, step: int, process: subprocess.Popen[str]) -> None:
    """Return as soon as a checkpoint of this step or a later one stands; step 0: as soon as the run can be resumed."""
    while process.poll() is None:
        newest = [int(path.name.removeprefix("step-")) for path in run.checkpoints.folders()]
        if (run.folder / "status.json").exists() and max(newest, default=0) >= step:
            return
        time.sleep(0.002)
    pytest.fail(f"the process ended before step {step}: {process.communicate()[1]}")


def same(one: Run, other: Run) -> None:
    """Bit-equal models and last checkpoints, and the same log but for the clock."""
    newest = one.checkpoints.folders()[-1].name
    assert other.checkpoints.folders()[-1].name == newest
    checkpoint = [f"checkpoints/{newest}/{name}.safetensors" for name in ("model", "optimizer", "rng")]
    for name in ("model/model.safetensors", "embeddings/after.safetensors", *checkpoint):
        a, b = load_file(one.folder / name), load_file(other.folder / name)
        assert a.keys() == b.keys()
        assert all(torch.equal(a[key], b[key]) for key in a), name
    assert logged(one) == logged(other)


def logged(run: Run) -> list[dict]:
    lines = (run.folder / "events.jsonl").read_text(encoding="utf-8").splitlines()
    return [{key: value for key, value in json.loads(line).items() if key != "seconds"} for line in lines]


def kill_and_resume(run: Run, rule: str, steps: list[int], draw: random.Random) -> None:
    """Kill a run a random moment after each of the steps, and let it end when it is resumed for the last time."""
    arguments = beginning(rule)
    for step in steps:
        process = start(run.folder.parent, *arguments, "-o", run.folder.name)
        wait_for_step(run, step, process)
        time.sleep(draw.uniform(0, 0.1))
        process.kill()
        process.communicate()
        found, _ = run.checkpoints.newest()
        assert found is not None or step == 0
        arguments = ["--resume"]
    end(start(run.folder.parent, *arguments, "-o", run.folder.name), 0)
    assert not list(run.folder.glob("**/.*.part"))


def test_killed_at_any_moment(folder, never_stopped):
    """Before the first checkpoint, and somewhere later; most of the time goes into saving."""
    draw, run = random.Random(), Run(folder / "killed")
    kill_and_resume(run, "adam", [0, draw.randint(1, 250)], draw)
    same(never_stopped("adam"), run)


@pytest.mark.slow
@pytest.mark.parametrize("rule", sorted(rules()))
def test_every_optimizer_killed_five_times(folder, never_stopped, rule):
    draw, run = random.Random(), Run(folder / f"killed-{rule}")
    last = 50 if rules()[rule].full_batch else 250
    kill_and_resume(run, rule, sorted(draw.randint(0, last) for _ in range(5)), draw)
    same(never_stopped(rule), run)


def test_signals_save_and_end_with_130(folder, never_stopped):
    run, arguments = Run(folder / "interrupted"), beginning("adam")
    for number, step in ((signal.SIGTERM, 60), (signal.SIGINT, 150)):
        process = start(folder, *arguments, "-o", "interrupted")
        wait_for_step(run, step, process)
        process.send_signal(number)
        said = end(process, 130)
        status = run.status()
        assert status["state"] == "interrupted"
        assert f"Saved at step {status['step']}. Continue with: yeonma finetune --resume -o interrupted" in said
        assert run.checkpoints.newest() == (run.folder / f"checkpoints/step-{status['step']:06d}", [])
        arguments = ["--resume"]
    end(start(folder, *arguments, "-o", "interrupted"), 0)
    same(never_stopped("adam"), run)


@pytest.mark.slow
def test_a_second_signal_ends_at_once_and_harms_nothing(folder, never_stopped):
    run = Run(folder / "impatient")
    process = start(folder, *beginning("adam"), "-o", "impatient")
    wait_for_step(run, 60, process)
    for _ in range(2):
        process.send_signal(signal.SIGINT)
        time.sleep(0.01)
    end(process, 130)
    assert run.status()["state"] == "interrupted"
    end(start(folder, "--resume", "-o", "impatient"), 0)
    same(never_stopped("adam"), run)


def test_a_disk_that_gets_full_harms_no_older_checkpoint(folder, never_stopped):
    """The disk ends where a file may hold no more than FILE_LIMIT bytes, from some moment on."""
    run = Run(folder / "full-disk")
    process = start(folder, *beginning("adam"), "-o", "full-disk")
    wait_for_step(run, 100, process)
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (FILE_LIMIT, FILE_LIMIT))
    said = end(process, 5)
    assert re.search(r"^error: .*checkpoints/step-\d+ could not be written: .*Free space", said, re.MULTILINE), said
    assert run.status()["state"] == "failed"
    newest, problems = run.checkpoints.newest()
    assert (newest in run.checkpoints.folders()[-1:], problems) == (True, [])
    assert not list(run.folder.glob("**/.*.part"))

    end(start(folder, "--resume", "-o", "full-disk"), 0)
    same(never_stopped("adam"), run)


def test_divergence_ends_with_three(yeonma, place):
    settings = (
        "train.learning_rate=1e30",
        "train.max_grad_norm=0",
        "train.warmup_ratio=0",
        "encoder.tokenizer=whitespace",
    )
    pairs = [part for assignment in settings for part in ("--set", assignment)]
    code, out, err = yeonma(
        "finetune", "--data", "train.tsv", "--encoder", "bag", "--optimizer", "sgd", *pairs, "-o", "wild"
    )
    assert (code, out) == (3, "")
    said = err.splitlines()[-1]
    assert re.match(r"error: Training diverged at step \d+: loss \S+, learning rate \S+, gradient norm \S+", said)
    status = Run(place / "wild").status()
    assert (status["state"], f"error: {status['reason']}") == ("failed", said)
    assert not (place / "wild/model").exists()
