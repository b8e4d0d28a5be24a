"""The bundled samples keep what they promise: sizes, balance, exact offsets, no text twice, Korean and English."""

from __future__ import annotations

import csv
import json
import re
import unicodedata
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

SAMPLE = Path(__file__).parents[2] / "src" / "yeonma" / "data" / "sample"
SPLITS = ("train", "validation", "test")
SUFFIX = {"pair": "tsv", "choice": "jsonl", "qa": "json", "tagging": "jsonl"}
SMALLEST = {"pair": (150, 30, 30), "choice": (80, 20, 25), "qa": (90, 20, 20), "tagging": (120, 25, 25)}
MOST_BYTES = 250_000

Row = dict[str, Any]


def content(task: str, split: str) -> str:
    """The file of one split as it stands on the disk: UTF-8, no newline translated."""
    return (SAMPLE / task / f"{split}.{SUFFIX[task]}").read_bytes().decode("utf-8")


def articles(split: str) -> list[Row]:
    return list(json.loads(content("qa", split))["data"])


def paragraphs(split: str) -> list[Row]:
    return [paragraph for article in articles(split) for paragraph in article["paragraphs"]]


def rows(task: str, split: str) -> list[Row]:
    """The examples of one split; a question carries the context it is asked about."""
    if task == "qa":
        return [{**qa, "context": paragraph["context"]} for paragraph in paragraphs(split) for qa in paragraph["qas"]]
    lines = content(task, split).splitlines()
    if task == "pair":
        return list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))
    return [json.loads(line) for line in lines]


def endings(row: Row) -> list[str]:
    return [row[f"ending_{number}"] for number in range(1, 5) if f"ending_{number}" in row]


def texts(task: str, split: str) -> list[str]:
    """Every text of one split, each where it was written: a context once, not once for each question."""
    if task == "qa":
        contexts = [paragraph["context"] for paragraph in paragraphs(split)]
        return contexts + [row["question"] for row in rows("qa", split)]
    if task == "choice":
        return [text for row in rows("choice", split) for text in (row["premise"], *endings(row))]
    names = ("sentence1", "sentence2") if task == "pair" else ("text",)
    return [row[name] for row in rows(task, split) for name in names]


@pytest.mark.parametrize("task", SUFFIX)
def test_every_split_is_large_enough_and_its_ids_are_unique(task: str) -> None:
    for split, smallest in zip(SPLITS, SMALLEST[task], strict=True):
        assert len(rows(task, split)) >= smallest, split
    ids = [row["id"] for split in SPLITS for row in rows(task, split)]
    assert len(set(ids)) == len(ids)


def test_the_samples_of_the_four_tasks_stay_small() -> None:
    assert sum(len(content(task, split).encode()) for task in SUFFIX for split in SPLITS) < MOST_BYTES


@pytest.mark.parametrize("task", SUFFIX)
def test_files_are_nfc_with_plain_line_ends_and_no_trailing_blanks(task: str) -> None:
    for split in SPLITS:
        text = content(task, split)
        assert unicodedata.is_normalized("NFC", text)
        assert text.endswith("\n") and not text.endswith("\n\n")
        assert not re.search(r"\r|\ufeff|[ \t]$", text, re.MULTILINE)
        assert all(one == one.strip() and "  " not in one for one in texts(task, split))


def test_no_text_occurs_twice_in_a_task_or_in_two_tasks() -> None:
    counts = Counter(text for task in SUFFIX for split in SPLITS for text in texts(task, split))
    assert [text for text, count in counts.items() if count > 1] == []


@pytest.mark.parametrize("task", SUFFIX)
@pytest.mark.parametrize("split", SPLITS)
def test_about_two_thirds_of_every_split_are_korean(task: str, split: str) -> None:
    written = texts(task, split)
    korean = [text for text in written if re.search("[가-힣]", text)]
    english = [text for text in written if re.search("[A-Za-z]", text) and text not in korean]
    assert len(korean) + len(english) == len(written)
    assert 0.55 <= len(korean) / len(written) <= 0.75


@pytest.mark.parametrize("split", SPLITS)
def test_the_three_labels_of_pairs_are_balanced(split: str) -> None:
    counts = Counter(row["label"] for row in rows("pair", split))
    assert set(counts) == {"entailment", "neutral", "contradiction"}
    assert max(counts.values()) == min(counts.values())
    assert content("pair", split).startswith("id\tsentence1\tsentence2\tlabel\n")


@pytest.mark.parametrize("split", SPLITS)
def test_the_first_choice_has_all_the_columns_of_the_file(split: str) -> None:
    found = rows("choice", split)
    assert len(endings(found[0])) == max(len(endings(row)) for row in found)


@pytest.mark.parametrize("split", SPLITS)
def test_right_endings_stand_evenly_at_every_position(split: str) -> None:
    by_size: dict[int, Counter[int]] = {}
    for row in rows("choice", split):
        assert list(row) == ["id", "premise", *(f"ending_{n}" for n in range(1, len(endings(row)) + 1)), "label"]
        by_size.setdefault(len(endings(row)), Counter())[row["label"]] += 1
    assert set(by_size) == {2, 3, 4}
    for size, counts in by_size.items():
        places = [counts[number] for number in range(1, size + 1)]
        assert sum(places) == counts.total() and max(places) - min(places) <= 1


def test_answers_stand_at_their_offsets_and_titles_in_one_split() -> None:
    for split in SPLITS:
        for row in rows("qa", split):
            found = [answer["text"] for answer in row["answers"]]
            assert 1 <= len(found) == len(set(found)), row["id"]
            for answer in row["answers"]:
                assert row["context"].startswith(answer["text"], answer["answer_start"]), row["id"]
                assert answer["text"] == answer["text"].strip() != ""
    titles = [article["title"] for split in SPLITS for article in articles(split)]
    assert len(set(titles)) == len(titles)


def test_questions_are_many_and_some_of_the_test_have_two_answers() -> None:
    assert sum(len(paragraphs(split)) for split in SPLITS) >= 45
    assert sum(len(rows("qa", split)) for split in SPLITS) >= 135
    assert sum(len(row["answers"]) == 2 for row in rows("qa", "test")) >= 3


@pytest.mark.parametrize("split", SPLITS)
def test_spans_are_sorted_whole_words_without_their_particles(split: str) -> None:
    for row in rows("tagging", split):
        end = 0
        for start, stop, label in row["spans"]:
            marked = row["text"][start:stop]
            assert label in {"PS", "LC", "OG", "DT", "QT"}
            assert end <= start < stop <= len(row["text"]) and marked == marked.strip(), row["id"]
            assert start == 0 or row["text"][start - 1] == " ", row["id"]
            assert re.match(r"[가-힣 .,]|$", row["text"][stop:]), row["id"]
            assert not re.search("(는|를|에|에게|에서)$", marked), row["id"]
            end = stop


@pytest.mark.parametrize("split", SPLITS)
def test_entities_of_every_type_occur_and_some_sentences_have_none(split: str) -> None:
    found = rows("tagging", split)
    counts = Counter(label for row in found for _, _, label in row["spans"])
    assert set(counts) == {"PS", "LC", "OG", "DT", "QT"} and min(counts.values()) >= len(found) // 4
    sizes = Counter(len(row["spans"]) for row in found)
    assert sizes[0] >= 3 and sum(sizes[size] for size in range(1, 5)) > len(found) // 2
