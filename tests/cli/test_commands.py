"""Every command on tiny data: what it prints, what it leaves, and the code it ends with."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import yeonma as package
from yeonma.plugins import BUILT_IN
from yeonma.vectors import Vectors

TINY = ("--set", "encoder.tokenizer=whitespace", "--set", "encoder.dim=8", "--set", "train.epochs=1")
SCORES = {"n", "accuracy", "macro_precision", "macro_recall", "macro_f1", "mcc", "majority", "per_class", "confusion"}
COMMANDS = ("init", "data", "pretrain", "finetune", "evaluate", "predict", "report", "optim", "doctor")


def rows_of(name: str) -> list[list[str]]:
    """The rows of a .tsv file, without its header."""
    return [line.split("\t") for line in Path(name).read_text(encoding="utf-8").splitlines()[1:]]


def objects(text: str) -> list[dict]:
    """JSON lines."""
    return [json.loads(line) for line in text.splitlines()]


def test_version(yeonma):
    assert yeonma("--version") == (0, f"yeonma {package.__version__}\n", "")


@pytest.mark.parametrize(
    "argv", [(), *((name,) for name in COMMANDS), ("data", "check"), ("data", "show"), ("optim", "plot")]
)
def test_help_of_every_command(yeonma, argv):
    shown = yeonma(*argv, "--help")
    assert shown.code == 0
    assert shown.out.startswith(f"Usage: {' '.join(('yeonma', *argv))}")
    assert all(name in shown.out for name in (COMMANDS if not argv else ("--help",)))


@pytest.mark.parametrize(
    ("argv", "kind"),
    [("init", "task"), ("init", "encoder"), ("finetune", "task"), ("finetune", "encoder"), ("data check", "task")],
)
def test_help_names_what_comes_with_the_package(yeonma, argv, kind):
    shown = " ".join(yeonma(*argv.split(), "--help").out.replace("│", " ").split())
    assert " | ".join(BUILT_IN[kind]) in shown


# -- init --------------------------------------------------------------------------------------------------------------


def test_init_writes_a_file_that_trains(yeonma, place):
    assert yeonma("init", "--data", "train.tsv", "--encoder", "bag", "-o", "mine.toml").code == 0
    written = tomllib.loads(Path("mine.toml").read_text(encoding="utf-8"))
    assert written["data"]["train"] == "train.tsv"
    assert written["encoder"]["kind"] == "bag"
    assert yeonma("finetune", "mine.toml", *TINY, "-o", "new").code == 0
    assert (place / "new/model/model.safetensors").exists()


def test_init_begins_with_a_preset(yeonma):
    done = yeonma("init", "--preset", "ratsgo-6.3", "--data", "sample-single")
    assert (done.code, done.out) == (0, "")
    assert "run.toml" in done.err
    written = tomllib.loads(Path("run.toml").read_text(encoding="utf-8"))
    assert written["encoder"]["kind"] == "bilstm-attention"
    assert written["data"]["name"] == "sample-single"


def test_init_does_not_write_over_a_file(yeonma):
    Path("run.toml").write_text("mine")
    refused = yeonma("init")
    assert refused.code == 2
    assert refused.err.startswith("error: run.toml exists.")
    assert Path("run.toml").read_text() == "mine"
    assert yeonma("init", "--force").code == 0
    assert tomllib.loads(Path("run.toml").read_text(encoding="utf-8"))["data"]["name"] == "sample-single"


# -- data --------------------------------------------------------------------------------------------------------------


def test_data_list(yeonma):
    listed = yeonma("data", "list", "--json").json["data"]
    names = [entry["name"] for entry in listed]
    assert {"nsmc", "sample-single"} <= set(names)
    assert [line.split()[0] for line in yeonma("data", "list").out.splitlines()] == names


def test_data_show(yeonma):
    entry = yeonma("data", "show", "sample-single", "--json").json
    assert (entry["task"], entry["columns"]) == ("single", {"text": "text", "label": "label"})
    assert all(Path(path).is_file() for path in entry["files"].values())
    assert "licence     Apache-2.0" in yeonma("data", "show", "sample-single").out


def test_data_fetch_of_what_is_there_needs_no_network(yeonma):
    fetched = yeonma("data", "fetch", "sample-single")
    assert fetched.code == 0
    assert [line.split()[0] for line in fetched.out.splitlines()] == ["train", "validation", "test"]


def test_data_check_of_the_sample(yeonma):
    report = yeonma("data", "check", "sample-single", "--json").json
    assert report["errors"] == 0
    assert {split["split"]: split["rows"] for split in report["splits"]} == {
        "train": 480, "validation": 120, "test": 120,
    }  # fmt: skip
    shown = yeonma("data", "check", "sample-single")
    assert (shown.code, "긍정" in shown.out) == (0, True)


def test_data_check_finds_what_is_wrong_and_ends_with_two(yeonma):
    Path("bad.tsv").write_text("text\tlabel\n좋다\t긍정\n나쁘다\n\t부정\n", encoding="utf-8")
    shown = yeonma("data", "check", "bad.tsv")
    assert shown.code == 2
    assert "bad.tsv:3: must have 2 cells" in shown.out
    found = yeonma("data", "check", "bad.tsv", "--json")
    assert (found.code, found.json["errors"]) == (2, 1)


# -- pretrain ----------------------------------------------------------------------------------------------------------


def test_pretrain_and_fine_tune_its_vectors(yeonma, corpus):
    made = yeonma(
        "pretrain", "word2vec", corpus, "-o", "vectors", "--tokenizer", "whitespace", "--dim", "12", "--epochs", "1",
        "--min-count", "3", "--json",
    )  # fmt: skip
    facts = made.json
    vectors = Vectors.load("vectors")
    assert (facts["vectors"], facts["dim"], facts["words"]) == ("vectors", 12, len(vectors.words))
    assert vectors.tokenizer.name == "whitespace"
    assert min(vectors.counts) >= 3

    tuned = yeonma("finetune", "--data", "sample-single", "--encoder", "bag", "--vectors", "vectors", "-o", "tuned",
                   "--set", "train.epochs=1")  # fmt: skip
    assert tuned.code == 0
    described = json.loads(Path("tuned/model/config.json").read_text(encoding="utf-8"))
    assert described["yeonma"]["encoder"]["dim"] == 12
    assert json.loads(Path("tuned/model/tokenizer.json").read_text())["tokenizer"] == "whitespace"
    assert Path("tuned/model/words.txt").read_text(encoding="utf-8").split("\n") == list(vectors.words)


def test_pretrain_says_what_comes_next(yeonma, corpus):
    made = yeonma("pretrain", "word2vec", corpus, "-o", "v", "--tokenizer", "syllable", "--dim", "4", "--epochs", "1")
    assert (made.code, made.out) == (0, "")
    assert "--vectors v" in made.err


# -- finetune ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["train.tsv", "train.csv", "train.jsonl", "sample-single"])
def test_finetune_data(yeonma, place, name):
    done = yeonma("finetune", "--data", name, "--encoder", "bag", "--optimizer", "Nadam", *TINY, "-o", "new", "--json")
    assert done.code == 0
    end = done.json
    assert set(end) == {"run", "step", "reason", "best_step", "validation_score", "seconds"}
    assert (end["run"], end["reason"]) == ("new", "done")
    assert json.loads((place / "new/status.json").read_text())["state"] == "done"
    assert tomllib.loads((place / "new/config.toml").read_text())["train"]["optimizer"] == "nadam"
    assert (place / "new/report/index.html").exists()


def test_finetune_a_config_file(yeonma, place):
    Path("mine.toml").write_text(
        '[data]\ntrain = "train.tsv"\nvalid = "valid.csv"\n[encoder]\nkind = "cnn"\ntokenizer = "whitespace"\n'
        "[train]\nepochs = 7\n"
    )
    done = yeonma("finetune", "mine.toml", "--set", "train.epochs=2", "--set", "encoder.filters=4", "-o", "new")
    assert (done.code, done.out) == (0, "")
    assert "validation accuracy" in done.err
    assert done.err.count("epoch ") == 2
    written = tomllib.loads((place / "new/config.toml").read_text(encoding="utf-8"))
    assert (written["train"]["epochs"], written["encoder"]["filters"]) == (2, 4)


def test_finetune_a_preset(yeonma, place):
    small = ("encoder.units=4", "encoder.attention=4", "head.hidden=4", "data.limit=40", "train.batch_size=20")
    settings = [part for assignment in small for part in ("--set", assignment)]
    done = yeonma("finetune", "--preset", "ratsgo-6.3", "--data", "train.tsv", *TINY, *settings, "-o", "new")
    assert done.code == 0
    written = tomllib.loads((place / "new/config.toml").read_text(encoding="utf-8"))
    assert (written["encoder"]["padding"], written["encoder"]["units"]) == ("visible", 4)
    counts = json.loads((place / "new/data.json").read_text(encoding="utf-8"))["examples"]
    assert counts == {"train": 36, "valid": 4}


def test_run_folders_get_names_of_their_own(yeonma, place):
    for _ in range(2):
        assert yeonma("finetune", "--data", "train.tsv", "--encoder", "bag", *TINY).code == 0
    assert sorted(path.name for path in (place / "runs").iterdir()) == ["train-bag-adam", "train-bag-adam-2"]


def test_a_finished_run_can_be_resumed_and_stays_what_it_is(yeonma, place):
    before = (place / "run/model/model.safetensors").read_bytes()
    assert yeonma("finetune", "--resume", "-o", "run").code == 0
    assert (place / "run/model/model.safetensors").read_bytes() == before


# -- evaluate ----------------------------------------------------------------------------------------------------------


def test_evaluate_as_json(yeonma, place):
    result = yeonma("evaluate", "run", "--json").json
    assert set(result) == {"n", "data", "split", "scores"}
    assert (result["n"], result["split"], result["data"]) == (40, "test", "test.tsv")
    assert set(result["scores"]) >= SCORES
    golds = [label for _, label in rows_of("test.tsv")]
    said = [row["label"] for row in objects(yeonma("predict", "run", "-i", "test.tsv").out)]
    right = sum(gold == label for gold, label in zip(golds, said, strict=True))
    assert result["scores"]["accuracy"] == right / 40 >= 0.9
    kept = json.loads((place / "run/eval/scores.json").read_text(encoding="utf-8"))
    assert kept == {"test.tsv:test": result["scores"]}


def test_evaluate_as_text(yeonma):
    shown = yeonma("evaluate", "run", "--split", "valid")
    assert shown.code == 0
    assert shown.out.startswith("valid.tsv : valid\n")
    assert "majority class" in shown.out


@pytest.mark.parametrize("folder", ["run", "run/model"])
def test_evaluate_another_file(yeonma, folder):
    own = yeonma("evaluate", "run", "--json").json["scores"]
    other = yeonma("evaluate", folder, "--data", "test.jsonl", "--json").json
    assert (other["data"], other["scores"]) == ("test.jsonl", own)


# -- predict -----------------------------------------------------------------------------------------------------------


def test_predict_texts(yeonma):
    done = yeonma("predict", "run", "정말 최악", "정말 최고")
    first, second = objects(done.out)
    assert [first["text"], second["text"]] == ["정말 최악", "정말 최고"]
    assert [first["label"], second["label"]] == ["부정", "긍정"]
    assert first["scores"]["부정"] == first["score"] > 0.5
    assert yeonma("predict", "run", "정말 최악", "정말 최고", "--json").json == {"predictions": [first, second]}


def test_predict_lines_of_stdin(yeonma):
    given = yeonma("predict", "run", stdin="정말 최악\n\n정말 최고")
    assert [row["text"] for row in objects(given.out)] == ["정말 최악", "", "정말 최고"]


@pytest.mark.parametrize("name", ["test.tsv", "test.csv", "test.jsonl"])
def test_predict_a_file_in_its_order(yeonma, name):
    texts = [text for text, _ in rows_of("test.tsv")]
    shown = yeonma("predict", "run", "-i", name)
    assert [row["text"] for row in objects(shown.out)] == texts
    written = yeonma("predict", "run", "-i", name, "-o", "deep/out.jsonl")
    assert (written.code, written.out) == (0, "")
    assert Path("deep/out.jsonl").read_text(encoding="utf-8") == shown.out


def test_predict_a_column_without_labels(yeonma):
    Path("new.tsv").write_text("번호\t글\n1\t정말 최악\n2\t정말 최고\n", encoding="utf-8")
    done = yeonma("predict", "run", "-i", "new.tsv", "--column", "글")
    assert [row["label"] for row in objects(done.out)] == ["부정", "긍정"]


def test_predict_does_not_look_at_the_labels_of_a_file(yeonma):
    Path("labelled.tsv").write_text("text\tlabel\n정말 최악\t모름\n정말 최고\t\n", encoding="utf-8")
    done = yeonma("predict", "run", "-i", "labelled.tsv")
    assert [row["label"] for row in objects(done.out)] == ["부정", "긍정"]


# -- report, doctor ----------------------------------------------------------------------------------------------------


def test_report_writes_the_same_page_every_time(yeonma, place):
    shown = yeonma("report", "run", "--explain", "0")
    assert (shown.code, shown.out) == (0, "run/report/index.html\n")
    page = (place / "run/report/index.html").read_text(encoding="utf-8")
    yeonma("report", "run", "--explain", "0", "-o", "again.html")
    assert (place / "again.html").read_text(encoding="utf-8") == page


def test_report_writes_pictures_too(yeonma, place):
    assert yeonma("report", "run", "--pictures", "drawn").code == 0
    assert {"loss.png", "loss.svg", "path.png"} <= {path.name for path in (place / "drawn").iterdir()}


def test_report_says_what_it_cannot_show(yeonma, place):
    (place / "empty").mkdir()
    told = yeonma("report", "empty")
    assert told.code == 2 and "is not a run folder" in told.err
    told = yeonma("report", "run", "--map", "pcaa")
    assert told.code == 2 and "pca" in told.err


def test_doctor(yeonma):
    report = yeonma("doctor", "--json").json
    assert report["ok"] is True
    assert report["checks"]["bundled sample"] == "ok: train 480, valid 120, test 120"
    assert report["environment"]["packages"]["torch"]
    shown = yeonma("doctor")
    assert shown.code == 0
    assert "optimizer kernels" in shown.out


# -- what goes wrong without the user's fault --------------------------------------------------------------------------


def test_memory_that_ends_gives_four(yeonma, place):
    told = yeonma("finetune", "--data", "train.tsv", "--encoder", "bag", "--set", "encoder.tokenizer=whitespace",
                  "--set", "encoder.dim=10_000_000_000_000", "-o", "new")  # fmt: skip
    assert (told.code, told.out) == (4, "")
    assert told.err.startswith("error: Memory ran out")
    assert json.loads((place / "new/status.json").read_text())["state"] == "failed"


def test_a_log_cut_inside_a_character_is_read_to_there(yeonma, place):
    """A killed process leaves such a last line where labels are Korean."""
    log = place / "run/events.jsonl"
    lines = log.read_bytes().splitlines(keepends=True)
    last = next(line for line in reversed(lines) if "긍정".encode() in line)
    log.write_bytes(b"".join(lines) + last[: last.index("긍정".encode()) + 1])
    assert yeonma("report", "run").code == 0
    assert yeonma("finetune", "--resume", "-o", "run").code == 0
    assert log.read_bytes().splitlines()[:-1] == [line.rstrip(b"\n") for line in lines[:-1]]


def test_a_closed_pipe_is_no_error(place):
    process = subprocess.Popen(
        [sys.executable, "-m", "yeonma", "data", "show", "nsmc"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    process.wait()
