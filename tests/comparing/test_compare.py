"""Small real studies: budgets are kept, the test split is read once, what has been done is not done again."""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path

import pytest

import yeonma
from comparing_builders import results
from yeonma import api
from yeonma.cli.report import report
from yeonma.comparing.study import Study
from yeonma.errors import ConfigError, Interrupted, RunError
from yeonma.finetuning import Training
from yeonma.run import Run

GRID = {"optimizers": ["gd", "adam"], "tune": 2, "seeds": 2, "budget_examples": 200}


def kinds(folder: Path) -> set[str]:
    """Which kinds of probes a run has kept."""
    return {name.partition(".")[0] for _, tensors in Run(folder).probes() for name in tensors}


def test_a_study_keeps_its_rules(tmp_path, base, monkeypatch):
    """Counted at the door where data are read."""
    read: Counter = Counter()
    original = api.dataset

    def counted(config, splits=("train", "valid")):
        read[(config.seed, config.train.optimizer, tuple(splits))] += "test" in splits
        return original(config, splits)

    monkeypatch.setattr(api, "dataset", counted)
    found = yeonma.compare(base, output=tmp_path / "s", **GRID)
    assert {key[:2]: count for key, count in read.items() if count} == {
        (seed, rule): 1 for seed in (43, 44) for rule in ("gd", "adam")
    }
    assert {key[0] for key in read if "test" in key[2]} == {43, 44}
    cells = {cell["name"]: cell for cell in found.results["cells"]}
    assert cells["gd"]["examples_of_a_run"] == [180]  # three whole passes; a fourth would not fit
    assert all(200 - 8 < seen <= 200 for seen in cells["adam"]["examples_of_a_run"])
    gd, adam = (cells[name]["runs"][0]["curve"] for name in ("gd", "adam"))
    assert [point["step"] for point in gd] == [1, 2, 3]
    assert len(adam) == 10
    assert all(len(cell["trials"]) == 2 for cell in cells.values())
    rates = [[trial["params"]["train.learning_rate"] for trial in cell["trials"]] for cell in cells.values()]
    assert rates[0][0] == rates[1][0]
    assert found.table().height == 2
    assert found.results["complete"]
    kept = {run: kinds(tmp_path / "s/cells/adam" / run) for run in ("trial-01", "seed-01", "seed-02")}
    assert kept["trial-01"] == set()
    assert kept["seed-02"] == {"grad_norm", "update_norm"} < kept["seed-01"]

    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "s/cells").rglob("*")}
    read.clear()
    yeonma.compare(output=tmp_path / "s")
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "s/cells").rglob("*")} == before
    assert not any(read.values())

    same = {**base, "train": {**base["train"], "learning_rate": None}}  # None is nothing
    yeonma.compare(same, output=tmp_path / "s", **{**GRID, "optimizers": ("adam", "nag")})
    assert set(Study.open(tmp_path / "s").cells) == {"gd", "adam", "nag"}
    assert {path: path.stat().st_mtime_ns for path in before} == before

    with pytest.raises(ConfigError, match=r"rules\.examples: 200 before, 300 now"):
        yeonma.compare(base, output=tmp_path / "s", **{**GRID, "budget_examples": 300})
    train = Path(base["data"]["train"])
    train.write_text(train.read_text(encoding="utf-8") + "좋다\t긍정\n", encoding="utf-8")
    with pytest.raises(RunError, match="data of the study .* have changed"):
        yeonma.compare(output=tmp_path / "s")


def test_a_stopped_study_goes_on_to_the_same_results(tmp_path, base):
    """Stopped in the middle of a run, twice."""
    arguments = {**GRID, "optimizers": ["adam"], "tune": 1, "seeds": 1}
    yeonma.compare(base, output=tmp_path / "whole", **arguments)
    for batches in (12, 40):
        asked: list = []

        def stop(batches=batches, asked=asked):
            asked.append(1)
            return len(asked) > batches

        with pytest.raises(Interrupted, match="Go on with: yeonma compare -o"):
            yeonma.compare(base, output=tmp_path / "parts", stop=stop, **arguments)
    yeonma.compare(output=tmp_path / "parts")
    assert results(tmp_path / "parts") == results(tmp_path / "whole")


def test_what_a_kill_after_a_result_left_is_cleared(tmp_path, base, monkeypatch):
    """A result stands, the large files too, one of them cut: the next process removes them."""
    with monkeypatch.context() as killed:
        for module in ("runs", "work"):
            killed.setattr(f"yeonma.comparing.{module}.clear", lambda study, task: None)
        yeonma.compare(base, output=tmp_path / "s", **GRID)
    cell = tmp_path / "s/cells/adam"
    assert all((cell / run / "checkpoints").exists() for run in ("trial-01", "seed-01", "seed-02"))
    cut = max((cell / "seed-02/probes").iterdir())
    cut.write_bytes(cut.read_bytes()[:50])
    yeonma.compare(output=tmp_path / "s")
    assert not list(cell.rglob("checkpoints"))
    assert not (cell / "trial-01/model").exists()
    assert (cell / "seed-01/model").exists()
    assert kinds(cell / "seed-02") == {"grad_norm", "update_norm"}
    assert not cut.exists()


def test_a_run_of_a_lost_machine_is_taken_over(tmp_path, base):
    """Its claim stands, and its heart is still."""
    rules = {**GRID, "optimizers": ["adam"], "tune": 1, "seeds": 1}
    with pytest.raises(Interrupted):
        yeonma.compare(base, output=tmp_path / "s", stop=lambda: True, **rules)
    run = tmp_path / "s/cells/adam/trial-01"
    run.mkdir(parents=True)
    (run / ".claim-0001").write_text(json.dumps({"place": "elsewhere", "pid": 1}))
    assert yeonma.compare(output=tmp_path / "s", stale=0.6).results["complete"]
    assert sorted(path.name for path in run.glob(".claim-*")) == [".claim-0001", ".claim-0002"]


def test_divergence_is_a_result(tmp_path, base):
    """Rates at which everything diverges: counted in tuning, and no final run for such a cell."""
    wild = {**base, "train": {**base["train"], "max_grad_norm": 0, "warmup_ratio": 0}}
    rules = {**GRID, "optimizers": ["sgd"], "budget_examples": 80, "learning_rates": "log:1e30..1e35"}
    found = yeonma.compare(wild, output=tmp_path / "s", **rules)
    (cell,) = found.results["cells"]
    assert cell["failed_trials"] == {"diverged": 2}
    assert (cell["hopeless"], cell["verdict"], cell["runs"]) == (True, "not compared", [])
    assert found.results["complete"]
    assert found.results["best"] is None
    assert not [*(tmp_path / "s/cells").rglob("embeddings"), *(tmp_path / "s/cells").rglob("probes")]


def test_memory_that_runs_out_is_a_result(tmp_path, base, monkeypatch):
    """In one of two final runs: it is counted, and the cell is not tested."""
    original = Training.loss

    def loss(self, examples):
        if self.config.seed == 43 and self.state.step == 3:
            raise RuntimeError("[enforce fail] DefaultCPUAllocator: not enough memory: you tried to allocate 1 bytes.")
        return original(self, examples)

    monkeypatch.setattr(Training, "loss", loss)
    found = yeonma.compare(base, output=tmp_path / "s", **{**GRID, "optimizers": ["adam"], "tune": 0})
    (cell,) = found.results["cells"]
    assert cell["failed_runs"] == {"out of memory": 1}
    assert [run["state"] for run in cell["runs"]] == ["out of memory", "done"]
    assert cell["verdict"] == "not compared"
    assert found.results["complete"]


def test_seconds_are_a_budget_too(tmp_path, base):
    rules = {"optimizers": ["gd", "adam"], "tune": 1, "seeds": 1, "budget_seconds": 0.15}
    found = yeonma.compare(base, output=tmp_path / "s", **rules)
    for cell in found.results["cells"]:
        assert 0.15 <= cell["cpu_seconds"]["steps_of_a_run"] < 0.45, cell["name"]
        assert 2 <= len(cell["runs"][0]["curve"]) <= 11


def test_trials_stand_in_an_optuna_storage(tmp_path, base):
    import optuna

    from yeonma.comparing.storage import opened

    url = f"sqlite:///{tmp_path}/trials.db"
    yeonma.compare(base, output=tmp_path / "s", optimizers=["adam"], tune=2, seeds=1, budget_examples=40, storage=url)
    yeonma.compare(output=tmp_path / "s")  # and in the journal of the folder
    mark = Study.open(tmp_path / "s").plan.fingerprint()[:8]  # another study in a folder of that name has another
    for storage in (url, str(tmp_path / "s/optuna.journal")):
        kept = optuna.load_study(study_name=f"s-{mark}/adam", storage=opened(storage))
        assert [trial.user_attrs["run"] for trial in kept.trials] == ["trial-01", "trial-02"]
        assert kept.best_params == Study.open(tmp_path / "s").chosen("adam")


def test_what_cannot_be_compared_is_refused_before_anything_runs(tmp_path, base):
    with pytest.raises(ConfigError, match="ends on test data"):
        yeonma.compare({**base, "data": {"train": base["data"]["train"]}}, output=tmp_path / "s", optimizers=["adam"])
    with pytest.raises(ConfigError, match=r"The cell adma: .*Did you mean 'adam'"):
        yeonma.compare(base, output=tmp_path / "s", optimizers=["adma"])
    with pytest.raises(ConfigError, match="'wide-deep' .* keeps no budget"):
        yeonma.compare(base, output=tmp_path / "s", encoders=["wide-deep"])
    with pytest.raises(RunError, match="holds no study"):
        yeonma.compare(output=tmp_path / "s")
    with pytest.raises(ConfigError, match=r"The cell bag: .*dropuot"):
        yeonma.compare(base, output=tmp_path / "s", encoders=["bag"], tune_also=["encoder.dropuot=0..1"])
    assert not (tmp_path / "s").exists()


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"tokenizers": ["whitespace", "nope"]}, r"The cell gd.nope: There is no tokenizer called 'nope'"),
        ({"vectors": ["none", "nowhere"]}, r"The cell gd.nowhere: nowhere: there is no such file"),
        ({"encoders": ["bag", "transformer"], "grid": {"encoder.path": ["nowhere"]}}, "there is no folder nowhere"),
        ({"overrides": {"data": {"test": "missing.tsv"}}}, r"missing\.tsv: there is no such file"),
        ({"tune_also": ["encoder.dim=50..100"]}, "encoder.dim"),
        ({"tune_also": ["train.schedule=linear,foo"]}, "foo"),
        ({"tune_also": ["head.dropout=0..1.5"]}, "head.dropout"),
        ({"learning_rates": "-3..5"}, "train.learning_rate"),
        ({"grid": {"train": [{"metric": "macro_f1"}, {"metric": "accuracy"}]}}, "train cannot stand in the grid"),
        ({"grid": {"data": [{"name": "nsmc"}]}}, "data cannot stand in the grid"),
        ({"grid": {"train.batch_size": 32}}, r"train.batch_size must have a list of values to compare: \[32"),
        ({"grid": {"head.dropout": "01"}}, r"head.dropout must have a list"),
        ({"grid": {"encoder.kind": [1, 2]}}, "encoder.kind must be names"),
        ({"target": float("nan")}, "target is a validation score; it got nan"),
        ({"storage": "foo://x"}, "cannot be used as an Optuna storage"),
    ],
)
def test_a_value_that_cannot_be_is_refused_before_anything_is_written(tmp_path, base, asked, says):
    with pytest.raises(ConfigError, match=says):
        yeonma.compare(base, output=tmp_path / "s", **{"optimizers": ["adam"], **GRID, **asked})
    assert not (tmp_path / "s").exists()


def test_a_damaged_journal_is_begun_again(tmp_path, base):
    import optuna

    yeonma.compare(base, output=tmp_path / "s", **GRID)
    journal = tmp_path / "s/optuna.journal"
    journal.write_bytes(journal.read_bytes()[:-20])
    (tmp_path / "s/optuna.journal.lock").symlink_to(journal)
    (tmp_path / "s/cells/adam/trial-02/result.json").unlink()
    assert yeonma.compare(output=tmp_path / "s").results["complete"]
    storage = optuna.storages.JournalStorage(optuna.storages.journal.JournalFileBackend(str(journal)))
    counts = [len(storage.get_all_trials(each._study_id)) for each in storage.get_all_studies()]
    assert counts == [2, 2]


@pytest.mark.parametrize(
    ("key", "values", "why"),
    [
        ("train.learning_rate", [0.1, 0.01], "is tuned in every cell"),
        ("head.dropout", [0.1, 0.2], "is tuned in every cell"),
        ("train.epochs", [1, 5], "the rules set it"),
        ("seed", [1, 2], "the rules set it"),
        ("train.metric", ["accuracy", "macro_f1"], "must be the same for all"),
        ("data.limit", [10, 20], "must be the same for all"),
    ],
)
def test_cells_differ_only_in_what_the_rules_leave_free(tmp_path, base, key, values, why):
    with pytest.raises(ConfigError, match=f"The cell .*{key} .*{why}"):
        yeonma.compare(base, output=tmp_path / "s", grid={key: values}, tune_also=["head.dropout"])
    assert not (tmp_path / "s").exists()


def test_what_the_rules_set_is_not_searched(tmp_path, base):
    with pytest.raises(ConfigError, match=r"train.epochs cannot stand in the search: the rules set it"):
        yeonma.compare(base, output=tmp_path / "s", optimizers=["adam"], tune_also=["train.epochs=1..5"])


def test_a_study_goes_on_by_its_own_rules_or_not_at_all(tmp_path, base):
    rules = {"tune": 1, "seeds": 1, "budget_examples": 40}
    yeonma.compare(base, output=tmp_path / "s", optimizers=["adam"], **rules)
    assert yeonma.compare(output=tmp_path / "s", target=0.4, **rules).results["target"] == 0.4
    assert yeonma.compare(output=tmp_path / "s", seeds=1).results["target"] == 0.4
    for other in ({"seeds": 2}, {"budget_examples": 50}, {"learning_rates": "0.1..1"}, {"evaluations": 3}):
        with pytest.raises(ConfigError, match=r"begun by other rules"):
            yeonma.compare(output=tmp_path / "s", **other)


def test_seconds_to_the_target_hold_no_warming_up(tmp_path, base, monkeypatch):
    """A process makes a step of each cell before the clock of its first run starts."""
    made = []
    advance = Training.advance
    monkeypatch.setattr(Training, "advance", lambda self, *stop: made.append(self.state.step) or advance(self, *stop))
    yeonma.compare(base, output=tmp_path / "s", optimizers=["adam"], tune=0, seeds=2, budget_examples=40)
    assert made == [0, *range(5), *range(5)]


def test_one_value_is_no_list(tmp_path, base):
    with pytest.raises(ConfigError, match=r"optimizers must be a list.*\['adam'"):
        yeonma.compare(base, optimizers="adam", output=tmp_path / "study")


def test_a_budget_too_small_for_a_step_says_so(tmp_path, base):
    for optimizer, examples, sees in (("gd", 50, 60), ("sgd", 7, 8)):
        small = {"optimizers": [optimizer, "adam"], "tune": 1, "seeds": 1, "budget_examples": examples}
        with pytest.raises(ConfigError, match=f"The cell {optimizer}: A step of {optimizer} sees {sees} examples"):
            yeonma.compare(base, output=tmp_path / "s", **small)
        assert not (tmp_path / "s").exists()


def test_the_command_prints_the_rules_and_the_verdict(tmp_path, base, monkeypatch, capfd):
    import sys

    import tomli_w

    from yeonma.cli import main, standing

    monkeypatch.setattr(standing, "REDRAW", 0.0)  # a fast machine is done before a line would be drawn
    (tmp_path / "run.toml").write_text(tomli_w.dumps(base), encoding="utf-8")
    argv = ["yeonma", "compare", str(tmp_path / "run.toml"), "--grid", "encoder.dim=4,8", "--tune", "1", "--seeds", "2",
            "--tune-also", "head.dropout", "--budget-examples", "40", "-o", str(tmp_path / "s")]  # fmt: skip
    monkeypatch.setattr(sys, "argv", argv)
    assert not main_code(main)
    out, err = capfd.readouterr()
    assert "TOO FEW SEEDS" in err
    assert "Search space, the same for all cells: train.learning_rate: 1e-05 … 10, log-uniform; head.dropout" in err
    assert "of 6 runs, about" in err
    assert {"dim=4", "dim=8", "majority"} <= {line.split()[0] for line in out.splitlines() if line}
    monkeypatch.setattr(sys, "argv", ["yeonma", "compare", "-o", str(tmp_path / "s"), "--json"])
    assert not main_code(main)
    out, err = capfd.readouterr()
    assert json.loads(out)["complete"]
    assert err == ""


def main_code(main) -> int | str | None:
    try:
        main()
    except SystemExit as end:
        code = end.code
    else:
        code = 0
    return code


def test_the_report_of_a_killed_study_shows_what_has_ended(tmp_path, base, capsys):
    """Of a process that was killed no results.json speaks, or an old one."""
    folder = tmp_path / "s"
    yeonma.compare(base, output=folder, **GRID)
    whole = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    (folder / "results.json").unlink()
    report([folder], explain=0)
    assert json.loads((folder / "results.json").read_text(encoding="utf-8")) == whole
    (folder / "results.json").write_text("{}")
    os.utime(folder / "results.json", (0, 0))
    report([folder], explain=0)
    assert json.loads((folder / "results.json").read_text(encoding="utf-8")) == whole
    assert (folder / "report/index.html").exists()
