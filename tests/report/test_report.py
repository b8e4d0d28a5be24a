"""Reports as tables."""

from __future__ import annotations

import pytest

import yeonma
from yeonma.errors import ConfigError


def test_each_table_says_whose_rows_they_are(runs):
    report = yeonma.Report(*(run.folder for run in runs))
    names = ["adam-1", "adam-2", "sgd-1"]
    for table in ("scores", "curves", "validations", "moved", "map", "layers", "norms", "path", "mistakes"):
        assert getattr(report, table)()["run"].unique(maintain_order=True).to_list() == names, table
    accuracy = report.scores().filter(split="made:test", score="accuracy")
    assert accuracy["value"].to_list() == [run.scores()["made:test"]["accuracy"] for run in runs]
    assert {"word", "before", "after", "distance"} <= set(report.moved(5).columns)
    assert all(len(each["answers"]) == 3 for each in report.disagreements().iter_rows(named=True))


def test_a_run_alone_disagrees_with_nobody(runs):
    with pytest.raises(ConfigError, match="Two runs"):
        yeonma.Report(runs[0].folder).disagreements()


def test_the_page_is_written_where_it_was_asked_for(runs, tmp_path):
    report = yeonma.Report(runs[0].folder)
    assert report.write(tmp_path / "a.html", explain=0).read_text(encoding="utf-8").startswith("<!doctype html>")
    with pytest.raises(ConfigError, match="pca"):
        report.write(tmp_path / "b.html", map="pc")
    assert not (tmp_path / "b.html").exists()
