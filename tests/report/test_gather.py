"""Which runs a page is about, and what they are called."""

from __future__ import annotations

import pytest

from builders import config
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
    with pytest.raises(RunError, match="no run folder"):
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
