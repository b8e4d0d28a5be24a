"""The run folder: one writer, whole files, a log that tolerates a cut line."""

from __future__ import annotations

import os
import re

import polars as pl
import pytest
import torch

from builders import config, ended
from yeonma.errors import DiskError, RunError
from yeonma.files import staged_file, staged_folder, tidy
from yeonma.processes import signature
from yeonma.records import Saved, Stepped
from yeonma.run import Run


def test_a_second_writer_is_refused(tmp_path):
    first = Run.create(tmp_path / "run", config())
    first.set_status("running")
    with pytest.raises(RunError, match=str(os.getpid())):
        Run.open(tmp_path / "run").lock()
    first.release()
    Run.open(tmp_path / "run").lock()


def test_an_old_run_or_a_full_folder_is_not_written_over(tmp_path):
    Run.create(tmp_path / "run", config()).release()
    with pytest.raises(RunError, match="--resume"):
        Run.create(tmp_path / "run", config())
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "diary.txt").write_text("mine")
    with pytest.raises(RunError, match="not an empty folder"):
        Run.create(tmp_path / "full", config())
    with pytest.raises(RunError, match="not a run folder"):
        Run.open(tmp_path / "full")


def test_every_word_keeps_its_row_whatever_it_holds(tmp_path):
    run = Run.create(tmp_path / "run", config())
    words = ["<pad>", "좋다", "두\n줄", "끝\r", "", " "]
    run.save_embeddings("before", torch.zeros(6, 2), words)
    assert run.words() == ["<pad>", "좋다", "두⏎줄", "끝\r", "", " "]


def test_a_cut_last_line_is_left_out(tmp_path):
    run = Run.create(tmp_path / "run", config())
    run.log(Stepped(1, 0, 0.5, 0.1, 1.0, 8, 0.1))
    run.log(Saved(1, "step-000001"))
    with (run.folder / "events.jsonl").open("a") as stream:
        stream.write('{"kind": "stepped", "st')
    assert list(run.events()) == [Stepped(1, 0, 0.5, 0.1, 1.0, 8, 0.1), Saved(1, "step-000001")]


def test_staged_files_and_folders_appear_whole_or_not_at_all(tmp_path):
    with pytest.raises(ZeroDivisionError), staged_file(tmp_path / "a.txt") as stage:
        stage.write_text("half")
        raise ZeroDivisionError
    with pytest.raises(ZeroDivisionError), staged_folder(tmp_path / "b") as stage:
        (stage / "half").write_text("half")
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_is_a_disk_error(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(DiskError, match="could not be written"), staged_file(tmp_path / "file" / "a.txt") as stage:
        stage.write_text("x")


def test_a_folder_moved_aside_comes_back(tmp_path):
    (tmp_path / ".vectors.0-12.old").mkdir()
    (tmp_path / ".vectors.0-12.old" / "words.txt").write_text("가")
    (tmp_path / ".model.0-12.part").mkdir()
    tidy(tmp_path)
    assert (tmp_path / "vectors" / "words.txt").exists()
    assert not (tmp_path / ".model.0-12.part").exists()


def test_a_writer_clears_what_dead_ones_left_at_its_place_and_nothing_else(tmp_path):
    dead, alive, elsewhere = signature(ended()), signature(os.getppid()), f"0-{ended()}"
    left = [tmp_path / f".a.txt.{owner}.part" for owner in (dead, alive, elsewhere)]
    other = tmp_path / f".b.txt.{dead}.part"
    for path in (*left, other):
        path.touch()
    with staged_file(tmp_path / "a.txt") as stage:
        stage.write_text("whole")
    assert [path.exists() for path in (*left, other)] == [False, True, True, True]
    os.utime(left[2], (0, 0))  # of another machine, but for many years
    with staged_file(tmp_path / "a.txt") as stage:
        stage.write_text("whole")
    assert not left[2].exists()


def test_broken_files_of_a_run_are_told_apart_from_missing_ones(tmp_path):
    run = Run(tmp_path)
    assert (run.embeddings("before"), run.words(), [*run.probes()], run.predictions()) == (None, [], [], None)
    for folder in ("embeddings", "probes", "eval"):
        (tmp_path / folder).mkdir()
    (tmp_path / "embeddings" / "before.safetensors").write_bytes(b"not safe")
    (tmp_path / "embeddings" / "words.txt").write_bytes("낱말".encode("cp949"))
    (tmp_path / "probes" / "step-000000.safetensors").write_bytes(b"")
    (tmp_path / "probes" / "step-x.safetensors").write_bytes(b"")
    (tmp_path / "eval" / "predictions.parquet").write_bytes(b"PAR1")
    for read in (lambda: run.embeddings("before"), run.words, lambda: [*run.probes()], run.predictions):
        with pytest.raises(RunError, match=re.escape(str(tmp_path))):
            read()
    pl.DataFrame({"id": ["a"]}).write_parquet(tmp_path / "eval" / "predictions.parquet")
    with pytest.raises(RunError, match="has no column data, error"):
        run.predictions()
