"""The page of a run and of several: whole, self-contained, in both languages, with what comes from data escaped."""

from __future__ import annotations

import json
import re
import shutil
import tomllib
from html.parser import HTMLParser
from importlib import resources

import polars as pl
import pytest

from builders import config
from report_builders import study
from yeonma.errors import RunError
from yeonma.files import write_json
from yeonma.report import Report, write_page
from yeonma.report.gather import gather
from yeonma.report.page import page
from yeonma.run import Run


class Balance(HTMLParser):
    """Every tag that is opened is closed in its order; what the page links to; the ids of its elements."""

    VOID = ("meta", "input", "link", "br", "hr")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.sources: list[str] = []
        self.ids: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.sources += [value for name, value in attrs if name in ("src", "href") and not value.startswith("#")]
        self.ids += [value for name, value in attrs if name == "id"]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in self.VOID:
            assert self.open.pop() == tag, tag


@pytest.fixture(scope="module")
def texts(runs) -> dict[str, str]:
    return {"one": page(gather([runs[0].folder]), explain=1)[0], "three": page(gather([runs[0].folder.parent]))[0]}


@pytest.mark.parametrize("which", ["one", "three"])
def test_it_is_whole_and_self_contained(texts, which):
    found = Balance(texts[which])
    assert found.open == []
    assert all(source.startswith("data:") for source in found.sources)
    assert len(found.ids) == len(set(found.ids))
    assert "<b>runs" not in texts[which]
    assert not re.search(r"https?://(?!www\.w3\.org)", texts[which])


def test_it_says_what_was_asked_of_a_run(texts):
    for said in (
        "accuracy (share)", "정확도 (비율)", "majority class", "다수 범주", "macro F1", "Norm of a step by layer",
        "가장 많이 움직인 낱말", "CKA", "The way of the weights", "The most confident mistakes", "답을 떠받친 낱말",
        "class=map", 'class="word"', "bilstm-attention",
    ):  # fmt: skip
        assert said in texts["one"], said


def test_several_runs_have_bands_and_means_and_part_in_their_answers(texts):
    for said in ("± ", "Student", "optimizer=adam", "How often runs give the same answer", "시드만 다른 실행들"):
        assert said in texts["three"], said


def test_seeds_that_split_validation_data_off_for_themselves_are_told(runs, tmp_path):
    assert "about different rows" not in page(gather([runs[0].folder.parent]))[0]
    places = [shutil.copytree(run.folder, tmp_path / run.folder.name) for run in runs[:2]]
    facts = runs[0].read("data.json")
    for seed, place in enumerate(places):
        valid = f"60 rows split off by label with seed {seed} from train (0.1 of {place}/train.tsv)"
        write_json(place / "data.json", {**facts, "sources": {"valid": valid}})
    assert "about different rows" in page(gather(places))[0]
    for place in places:
        write_json(place / "data.json", {**facts, "sources": {"valid": f"{place}/valid.tsv (UTF-8): 60 rows"}})
    assert "about different rows" not in page(gather(places))[0]


def test_an_unfinished_run_says_so(tmp_path):
    run = Run.create(tmp_path / "run", config())
    assert "not finished" in write_page(run).read_text(encoding="utf-8")


def test_a_failed_run_of_a_complete_comparison_is_a_result(tmp_path):
    found = study(1, 1)
    run = Run.create(tmp_path / "cells" / found["best"] / "seed-01", config())
    run.set_status("failed")
    for complete in (True, False):
        write_json(tmp_path / "results.json", {**found, "complete": complete})
        assert ("not finished" in page(gather([tmp_path]))[0]) != complete


def test_a_broken_final_run_leaves_the_page_of_a_comparison(runs, tmp_path):
    found = study(2, 2)
    for cell, run in zip(found["cells"], runs, strict=False):
        shutil.copytree(run.folder, tmp_path / "cells" / cell["name"] / "seed-01")
    write_json(tmp_path / "results.json", found)
    (tmp_path / "cells" / found["cells"][0]["name"] / "seed-01" / "groups.json").write_text("{")
    shown = gather([tmp_path])
    assert [told.group for told in shown.runs] == [found["cells"][1]["name"]]
    assert "groups.json is not whole" in page(shown)[0]


def test_a_broken_file_is_an_error_of_ours_and_leaves_no_page(runs, tmp_path):
    for name, broken in {
        "embeddings/words.txt": lambda path: path.write_bytes(b"\xff\xfe"),
        "eval/predictions.parquet": lambda path: pl.read_parquet(path).drop("gold").write_parquet(path),
        "eval/scores.json": lambda path: path.write_text('{"a:b": {"n": 3, "accuracy": "x"}}'),
    }.items():
        place = shutil.copytree(runs[0].folder, tmp_path / name)
        broken(place / name)
        with pytest.raises(RunError, match="another version or shape|not UTF-8|has no column gold"):
            Report(place).write(tmp_path / "page.html", explain=0)
    assert not (tmp_path / "page.html").exists()


def test_of_many_runs_the_broken_ones_are_left_out_and_named(runs, tmp_path):
    broken = {
        "a": "groups.json", "b": "eval/predictions.parquet", "c": "embeddings/after.safetensors",
        "d": "embeddings/words.txt", "e": "probes/step-000000.safetensors",
    }  # fmt: skip
    places = {name: shutil.copytree(runs[0].folder, tmp_path / name) for name in "abcdef"}
    for name, file in broken.items():
        assert (places[name] / file).exists()
        (places[name] / file).write_bytes(b'\xff{"groups": [')
    report = Report(tmp_path)
    assert [told.name for told in report.shown.runs] == ["f"]
    text = report.write(tmp_path / "page.html", explain=0).read_text(encoding="utf-8")
    warned = text.split("<p class=warn>")[1:]
    assert [file in said for file, said in zip(broken.values(), warned, strict=True)] == [True] * 5
    (places["f"] / "groups.json").write_text("{")
    with pytest.raises(RunError, match=r"groups\.json is not whole"):
        Report(tmp_path)


def test_a_record_that_breaks_off_is_told(runs, tmp_path):
    place = shutil.copytree(runs[0].folder, tmp_path / "run")
    lines = (place / "events.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    (place / "events.jsonl").write_text("".join(lines[: len(lines) // 2]), encoding="utf-8")
    assert "breaks off" in page(gather([place]))[0]
    assert "breaks off" not in page(gather([runs[0].folder]))[0]


def test_what_the_task_does_not_read_is_told(runs, tmp_path):
    place = shutil.copytree(runs[0].folder, tmp_path / "run")
    assert "no gradient came" not in page(gather([place]))[0]
    groups = json.loads((place / "groups.json").read_text(encoding="utf-8"))["groups"]
    groups.append({"name": "layer 9", "weights": 7, "learning_rate": 0.1, "first_epoch": 1})
    write_json(place / "groups.json", {"groups": groups})
    assert page(gather([place]))[0].count("no gradient came") == 1


def test_both_languages_have_every_phrase():
    words = tomllib.loads((resources.files("yeonma.report") / "words.toml").read_text(encoding="utf-8"))
    assert all(set(both) == {"en", "ko"} and all(both.values()) for both in words.values())


def test_the_pictures_are_named_apart_and_written(texts, runs, tmp_path):
    pictures = page(gather([runs[0].folder]))[1]
    written = pictures.write(tmp_path)
    assert {path.suffix for path in written} == {".png", ".svg"}
    assert len({path.name for path in written}) == 2 * len(pictures) > 12
