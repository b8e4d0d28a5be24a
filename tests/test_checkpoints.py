"""Checkpoints: whole or not there, in order, and with them the best weights."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest
import torch

from yeonma.checkpoints import Checkpoints
from yeonma.files import broken_files
from yeonma.run import Run

SAVE_FOREVER = """
import sys, torch
from pathlib import Path
from yeonma.checkpoints import Checkpoints
checkpoints = Checkpoints(Path(sys.argv[1]) / "checkpoints")
print("ready", flush=True)
for step in range(1, 10_000):
    checkpoints.save(step, {"model": {"w": torch.full((200_000,), float(step))}}, {"step": step}, keep=2)
"""


def test_kill_during_a_save_leaves_a_whole_checkpoint(tmp_path):
    """Real kill -9 at many moments; what is picked afterwards always verifies."""
    for trial in range(5):
        process = subprocess.Popen([sys.executable, "-c", SAVE_FOREVER, str(tmp_path)], stdout=subprocess.PIPE)
        process.stdout.readline()
        while not Run(tmp_path).checkpoints.folders():
            time.sleep(0.001)
        time.sleep(0.05 + 0.007 * trial)
        process.kill()
        process.wait()
        process.stdout.close()
        folder, _ = Run(tmp_path).checkpoints.newest()
        assert folder is not None
        assert broken_files(folder) == []
    Run(tmp_path).lock()
    assert not list(tmp_path.glob("**/.*.part"))


@pytest.mark.parametrize("harm", ["flip", "cut", "remove"])
def test_a_harmed_checkpoint_is_seen(tmp_path, harm):
    checkpoints = Checkpoints(tmp_path)
    folder = checkpoints.save(1, {"model": {"w": torch.ones(10)}}, {"step": 1}, keep=2)
    path = folder / "model.safetensors"
    data = bytearray(path.read_bytes())
    if harm == "remove":
        path.unlink()
    elif harm == "cut":
        path.write_bytes(data[:-1])
    else:
        data[-1] ^= 1
        path.write_bytes(data)
    found, notes = checkpoints.newest()
    assert found is None
    assert "model.safetensors" in notes[0]


def test_checkpoints_are_ordered_by_their_number(tmp_path):
    checkpoints = Checkpoints(tmp_path)
    for step in (999_500, 1_000_000, 1_000_500):
        checkpoints.save(step, {"model": {"w": torch.ones(2)}}, {"step": step}, keep=2)
    assert [path.name for path in checkpoints.folders()] == ["step-1000000", "step-1000500"]


def test_the_best_weights_stay_while_a_checkpoint_needs_them(tmp_path):
    checkpoints = Checkpoints(tmp_path)
    checkpoints.save_best(4, {"w": torch.ones(2)})
    checkpoints.save(6, {"model": {"w": torch.ones(2)}}, {"step": 6, "best_step": 4}, keep=1)
    checkpoints.save_best(12, {"w": torch.ones(2)})
    assert checkpoints.best(4).exists()
    checkpoints.save(12, {"model": {"w": torch.ones(2)}}, {"step": 12, "best_step": 12}, keep=1)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["best-000012", "step-000012"]
