"""The verdict on studies written by hand, with numbers that are known."""

from __future__ import annotations

import json
import math
import random
from functools import partial
from itertools import combinations

import numpy as np
import pytest
from scipy import stats as scipy

from comparing_builders import by_hand
from yeonma import stats
from yeonma.comparing import Comparison
from yeonma.comparing.results import gather, groups, to_target
from yeonma.comparing.study import Study
from yeonma.errors import RunError
from yeonma.tasks.scores.sums import score

A, B, C = [0.80, 0.82, 0.81], [0.70, 0.71, 0.73], [0.79, 0.83, 0.80]


def runs(tests, validation) -> list[dict]:
    return [{"test": test, "validation": validation} for test in tests]


@pytest.fixture
def three(tmp_path):
    return by_hand(tmp_path / "s", {"a": runs(A, 0.9), "b": runs(B, 0.95), "c": runs(C, 0.8)})


def cell(found, name) -> dict:
    return next(each for each in found["cells"] if each["name"] == name)


def test_the_best_is_named_on_validation_and_the_order_is_of_the_test(three):
    found = gather(three)
    assert found["best"] == "b"
    assert [each["name"] for each in found["cells"]] == ["a", "c", "b"]
    assert found["complete"]


def test_intervals_are_students(three):
    made = cell(gather(three), "a")["test"]
    low, high = scipy.t.interval(0.95, 2, loc=0.81, scale=scipy.sem(A))
    assert (made["mean"], made["low"], made["high"]) == pytest.approx((0.81, low, high))
    assert made["sd"] == pytest.approx(0.01)


def test_pairs_are_tested_over_seeds_and_corrected(three):
    """Against the best alone, and all pairs of them for the letters."""
    found = gather(three)
    ps = {pair["one"] + pair["other"]: pair["p"] for pair in found["pairs"]}
    assert ps["ab"] == pytest.approx(scipy.ttest_rel(A, B).pvalue)
    assert ps["bc"] == pytest.approx(scipy.ttest_rel(B, C).pvalue)
    assert [pair["p_holm_all"] for pair in found["pairs"]] == stats.holm(list(ps.values()))
    corrected = stats.holm([ps["ab"], ps["bc"]])
    assert [cell(found, name)["against_best"]["p_holm"] for name in "ac"] == corrected
    assert cell(found, "a")["against_best"]["difference"] == pytest.approx(0.81 - 0.7133333)
    assert cell(found, "a")["verdict"] == ("better on test" if corrected[0] <= 0.05 else "no difference shown")
    assert cell(found, "b")["verdict"] == "best on validation"
    assert cell(found, "b")["against_best"] is None


def test_no_difference_is_an_answer(tmp_path):
    found = gather(by_hand(tmp_path / "s", {"a": runs(A, 0.9), "c": runs(C, 0.8)}))
    assert cell(found, "c")["verdict"] == "no difference shown"
    assert cell(found, "a")["group"] == cell(found, "c")["group"] == "a"


def test_what_examples_earned_is_permuted_for_these_runs(tmp_path):
    """The mean over the runs of a cell, example by example."""
    right = {"a": [[1, 1, 1, 0], [1, 1, 0, 0], [1, 1, 1, 1]], "b": [[0, 0, 0, 0], [0, 0, 1, 0], [1, 0, 0, 0]]}
    answers = {name: [[[each, 1] for each in run] for run in own] for name, own in right.items()}
    study = by_hand(tmp_path / "s", {"a": runs(A, 0.9), "b": runs(B, 0.8)}, answers)
    found = cell(gather(study), "b")["against_best"]["p_these_runs"]
    means = [np.mean(answers[name], axis=0) for name in "ba"]
    assert found == pytest.approx(stats.permutation(*means, partial(score, "accuracy")))
    assert found < 0.2


def test_a_failed_run_is_counted_and_flatters_nobody(tmp_path):
    """The diverged cell is neither the best nor tested, though the rest of its runs are higher than all others."""
    failed = {"state": "diverged", "validation": None, "curve": []}
    study = by_hand(tmp_path / "s", {"a": runs(A, 0.5), "wild": [*runs([0.99, 0.98], 0.99), failed], "c": runs(C, 0.4)})
    found = gather(study)
    wild = cell(found, "wild")
    assert found["best"] == "a"
    assert wild["failed_runs"] == {"diverged": 1}
    assert (wild["verdict"], wild["group"]) == ("not compared", "")
    assert wild["test"]["n"] == 2
    assert [(pair["one"], pair["other"]) for pair in found["pairs"]] == [("a", "c")]
    assert wild["to_target"]["of"] == 3


def test_time_to_a_target_counts_runs_that_never_reach_it():
    def run(*scores):
        points = enumerate(scores, start=1)
        return {"curve": [{"step": 10 * i, "examples": 80 * i, "seconds": i / 2, "validation": s} for i, s in points]}

    found = to_target([run(0.5, 0.9, 0.8), run(0.9), run(0.1, 0.2)], 0.85)
    assert found["runs"] == [
        {"steps": 20, "examples": 160, "seconds": 1.0},
        {"steps": 10, "examples": 80, "seconds": 0.5},
        None,
    ]
    assert {k: v for k, v in found.items() if k != "runs"} == {
        "reached": 2,
        "of": 3,
        "steps": 20,
        "examples": 160,
        "seconds": 1.0,
    }
    never = to_target([run(0.5), {"curve": []}, run(0.9)], 0.85)
    assert (never["reached"], never["steps"], never["examples"], never["seconds"]) == (1, None, None, None)


def test_the_usual_target_is_near_the_best_cell(three):
    assert gather(three)["target"] == pytest.approx(0.99 * 0.95)
    assert gather(three, 0.7)["target"] == 0.7


def test_the_target_stays_with_the_study(three):
    """Whoever looks at it, until another one is asked for; the runs do not depend on it."""
    before = three.plan.fingerprint()
    Study.begin(three.folder, three.plan, 0.7)
    assert Study.begin(three.folder, three.plan).target == 0.7
    assert Comparison(three.folder).results["target"] == 0.7
    assert Comparison(three.folder, 0.6).results["target"] == 0.6
    assert Study.open(three.folder).plan.fingerprint() == before


def test_letters_are_shared_where_no_difference_is_shown():
    heights = {"a": 3, "b": 2, "c": 1}
    pairs = [
        {"one": "a", "other": "b", "p": 0.5, "p_holm_all": 0.5},
        {"one": "a", "other": "c", "p": 0.01, "p_holm_all": 0.03},
        {"one": "b", "other": "c", "p": 0.3, "p_holm_all": 0.6},
    ]
    assert groups("abcx", pairs, heights.get) == {"a": "a", "b": "ab", "c": "b", "x": ""}


@pytest.mark.parametrize("likely", [0.2, 0.5, 0.8])
def test_letters_are_all_largest_sets_without_a_shown_difference(likely):
    draw, names = random.Random(likely), "abcdefgh"
    pairs = [
        {"one": one, "other": other, "p": 0.5, "p_holm_all": 1.0 if draw.random() < likely else 0.0}
        for one, other in combinations(names, 2)
    ]
    alike = {(p["one"], p["other"]) for p in pairs if p["p_holm_all"]}
    fits = [s for size in range(1, 9) for s in map(set, combinations(names, size))
            if all(pair in alike for pair in combinations(sorted(s), 2))]  # fmt: skip
    expected = [s for s in fits if not any(s < other for other in fits)]
    letters = groups(names, pairs, lambda name: -ord(name))
    found = [{name for name in names if letter in letters[name]} for letter in set("".join(letters.values()))]
    assert sorted(map(sorted, found)) == sorted(map(sorted, expected))


def test_many_cells_without_a_difference_have_one_letter():
    names = [f"cell{i}" for i in range(60)]
    pairs = [{"one": one, "other": other, "p": 0.5, "p_holm_all": 1.0} for one, other in combinations(names, 2)]
    assert set(groups(names, pairs, names.index).values()) == {"a"}


def test_runs_on_different_test_data_are_not_compared(tmp_path):
    study = by_hand(tmp_path / "s", {"a": [{"tested_on": "x"}, {"tested_on": "y"}, {}]})
    with pytest.raises(RunError, match="different test data"):
        gather(study)


def test_one_seed_shows_nothing(tmp_path):
    study = by_hand(tmp_path / "s", {"a": [{"test": 0.9}], "b": [{"test": 0.1}]})
    found = gather(study)
    assert not found["complete"]
    assert {each["verdict"] for each in found["cells"]} == {
        "best on validation",
        "no difference can be shown: one seed",
    }


def test_results_are_json_and_tables(three):
    Comparison(three.folder).save()
    text = (three.folder / "results.json").read_text(encoding="utf-8")
    assert json.loads(text, parse_constant=lambda name: pytest.fail(name))["best"] == "b"
    found = Comparison(three.folder)
    assert found.table()["cell"].to_list() == ["a", "c", "b"]
    assert found.table()["steps_to_target"].to_list() == [math.inf] * 3
    assert found.runs().height == found.curves().height == 9
    assert found.pairs().height == 3
    assert found.trials().height == 0
