"""Which runs a page is about, and what they are called."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from builders import config
from report_builders import study
from yeonma.errors import RunError
from yeonma.files import write_json
from yeonma.report.gather import gather
from yeonma.run import Run


def test_a_run_alone_and_where_its_page_stands(runs):
    shown = gather([runs[0].folder])
    assert [told.name for told in shown.runs] == ["adam-1"]
    assert shown.place == runs[0].folder / "report" / "index.html"


def test_the_runs_of_a_folder_and_seeds_as_groups(runs):
    shown = gather([runs[0].folder.parent])
    assert [told.name for told in shown.runs] == ["adam-1", "adam-2", "sgd-1"]
    assert {name: len(each) for name, each in shown.groups().items()} == {"optimizer=adam": 2, "optimizer=sgd": 1}


def test_runs_that_differ_by_the_seed_alone_are_one_group(runs):
    shown = gather([run.folder for run in runs[:2]])
    assert [*shown.groups()] == ["all"]


def test_folders_of_one_name_are_told_apart(tmp_path):
    for parent in "ab":
        Run.create(tmp_path / parent / "run", config()).release()
    shown = gather([tmp_path / "a" / "run", tmp_path / "b" / "run"])
    assert [told.name for told in shown.runs] == ["a/run", "b/run"]


def test_what_is_no_run_is_refused(tmp_path, runs):
    with pytest.raises(RunError, match="is not a run folder"):
        gather([tmp_path])
    with pytest.raises(RunError, match="given twice"):
        gather([runs[0].folder, runs[0].folder])
    (tmp_path / "study").mkdir()
    (tmp_path / "study" / "study.toml").touch()
    with pytest.raises(RunError, match="yeonma compare -o"):
        gather([tmp_path / "study"])
    write_json(tmp_path / "study" / "results.json", {})
    with pytest.raises(RunError, match="Give it alone"):
        gather([tmp_path / "study", runs[0].folder])


def test_a_group_is_not_called_by_a_whole_config(tmp_path):
    for name, changes in {
        "a-1": {"seed": 1},
        "a-2": {"seed": 2},
        "b": {"encoder__dim": 9, "train__epochs": 7, "train__batch_size": 3, "train__learning_rate": 0.5},
    }.items():
        Run.create(tmp_path / name, config(**changes)).release()
    assert [*gather([tmp_path]).groups()] == ["a-1 … a-2", "b"]


def test_a_comparison_is_called_by_its_folder_from_inside_it_too(tmp_path, monkeypatch):
    write_json(tmp_path / "옵티마이저" / "results.json", study())
    monkeypatch.chdir(tmp_path / "옵티마이저")
    assert gather(["."]).title == "옵티마이저"


def test_the_runs_of_an_unfinished_comparison_are_those_of_their_numbers(tmp_path):
    results = study(2, 3)
    del results["cells"][0]["runs"][0]
    write_json(tmp_path / "results.json", results)
    name = results["cells"][0]["name"]
    for number in (2, 3):
        Run.create(tmp_path / "cells" / name / f"seed-{number:02d}", config()).release()
    shown = gather([tmp_path])
    assert {told.name: told.run.folder.name for told in shown.runs} == {
        f"{name} · 44": "seed-02",
        f"{name} · 45": "seed-03",
    }


@pytest.mark.parametrize("results", [{}, [], {"cells": [{"name": "a"}]}, {"cells": 3, "best": None}, {"cells": []}])
def test_results_of_another_shape_are_refused(tmp_path, results):
    write_json(tmp_path / "results.json", results)
    with pytest.raises(RunError, match="another version or shape"):
        gather([tmp_path])


def test_a_name_that_is_no_text_is_made_legible(tmp_path):
    Run.create(Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff\xb0run")), config()).release()
    shown = gather([tmp_path])
    assert shown.title == shown.runs[0].name == "??run"
