"""The sentences about a comparison: who is best, and what failed, also where that is everything."""

from __future__ import annotations

from report_builders import study
from yeonma.report.summary import _of_study


def said(found) -> str:
    return " ".join(each.en for each in _of_study(found))


def test_failed_runs_are_counted_by_what_became_of_them():
    found = study()
    assert "1 of 9 final runs failed (1 diverged)" in said(found)
    found["cells"][1]["failed_runs"] = {"out of memory": 2}
    assert "3 of 9 final runs failed (2 out of memory, 1 diverged)" in said(found)
    assert "Best on validation data: cell<0> & co" in said(found)
    assert "failed" not in said(study(1))


def test_where_all_runs_failed_that_is_said():
    found = {**study(2, 2), "best": None}
    for cell in found["cells"]:
        cell.update(test=None, failed_runs={"diverged": 2}, verdict="not compared")
    assert "4 of 4 final runs failed (4 diverged)" in said(found)
    assert "Best" not in said(found)


def test_settings_without_a_final_run_are_named():
    found = study()
    assert "trials failed" not in said(found)
    for cell in found["cells"][1:]:
        cell.update(hopeless=True, runs=[], test=None, failed_runs={}, failed_trials={"diverged": 4})
    assert "all of their trials failed: cell<1> & co, cell<2> & co." in said(found)
    assert "final runs failed" not in said(found)
