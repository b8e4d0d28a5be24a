"""The real data sets, read through the catalog: counts are the published ones or those of the copies on hand."""

from __future__ import annotations

from collections import Counter

import pytest

from yeonma.data import check, entry, load, load_split
from yeonma.data.places import present
from yeonma.records import Span

# name → rows of train, valid and test as `load` gives them.
WHOLE = {
    "nsmc": (135_000, 15_000, 50_000),
    "klue-ynat": (32_893, 3_654, 9_107),
    "glue-sst2": (60_614, 6_735, 872),
    "glue-cola": (7_696, 855, 1_043),
    "glue-qqp": (9_000, 1_000, 10_000),
    "glue-stsb": (5_174, 575, 1_500),
    "glue-mrpc": (3_668, 408, 1_725),
    "glue-rte": (2_241, 249, 277),
    "glue-wnli": (572, 63, 71),
    "squad": (10_680, 1_197, 10_570),
    "conll2003": (14_041, 3_250, 3_453),
    "klue-sts": (10_501, 1_167, 519),
    "klue-nli": (22_497, 2_501, 3_000),
    "klue-ner": (4_500, 500, 5_000),
    "korsts": (5_749, 1_500, 1_379),
    "korquad": (4_655, 525, 594),
    "kobest-boolq": (3_665, 700, 1_404),
    "kobest-copa": (3_076, 500, 1_000),
    "kobest-hellaswag": (2_029, 500, 500),
    "kobest-sentineg": (3_649, 400, 397),
    "kobest-wic": (3_318, 610, 1_260),
    "kmou-ner": (15_978, 2_662, 5_324),
    "question-pair": (6_136, 682, 758),
    "sick": (4_500, 500, 4_927),
}


def on_hand(name):
    """The data set's task, or a skip where it is not in YEONMA_DATA."""
    if not present(name, entry(name).score_split):
        pytest.skip(f"{name} is wanted in YEONMA_DATA")
    return entry(name).task


def holds(example, task, data):
    """Whether a gold answer is one of its task."""
    if task == "choice":
        return example.gold in {str(n) for n in range(1, len(example.texts))}
    if task == "qa":
        return example.gold and all(example.texts[1][s.start : s.end] and s[2:] == ("", 1) for s in example.gold)
    if task == "tagging":
        ends = [0, *(span.end for span in example.gold)]
        return all(end <= span.start < span.end for end, span in zip(ends, example.gold, strict=False))
    return data.scale[0] <= example.gold <= data.scale[1] if data.scale else example.gold in data.labels


@pytest.mark.parametrize("name", WHOLE)
def test_data_sets_load_whole(real_data, name):
    task = on_hand(name)
    data = load(name, task=task)
    assert tuple(len(data.splits[split]) for split in ("train", "valid", "test")) == WHOLE[name]
    assert (data.rejected, data.scale, data.metric) == ((), entry(name).scale, entry(name).metric)
    for rows in data.splits.values():
        assert len({example.id for example in rows}) == len(rows)
        assert all(holds(example, task, data) for example in rows)
    if data.labels:
        found = Counter()
        for example in data.splits["train"]:
            found.update([example.gold] if task != "tagging" else [span.label for span in example.gold])
        assert set(found) == set(data.labels)


def test_splits_without_train_or_labels(real_data):
    on_hand("glue-qnli")
    assert len(load_split("glue-qnli", task="pair")) == 5_463
    labelled = load_split(real_data / "glue/stsb/test_labeled.parquet", task="pair", scale=(0, 5))
    assert len(labelled) == 1_379
    withheld = load_split(real_data / "glue/stsb/test.parquet", task="pair", scale=(0, 5), labelled=False)
    assert {example.gold for example in withheld} == {None}


def test_texts_are_those_of_the_data_set(real_data):
    on_hand("kobest-copa")
    copa = load_split("kobest-copa", "train", task="choice")
    assert {example.texts[0].rsplit(" ", 1)[1] for example in copa} == {"왜냐하면", "그래서"}
    ner = load_split("klue-ner", task="tagging")[0]
    assert ner.texts[0].startswith("경찰은 또 성매매")
    assert ner.gold[:2] == (Span(0, 2, "OG"), Span(21, 22, "PS"))
    same = [e for e in load_split("question-pair", "train", task="pair") if e.texts[0] == e.texts[1]]
    assert Counter(example.gold for example in same) == {"same": 759, "different": 1}
    squad = load_split("squad", task="qa")
    assert {len(example.gold) for example in squad} == set(range(1, 7))
    data = load("korquad", task="qa")
    answers = [e.texts[1][e.gold[0].start : e.gold[0].end] for rows in data.splits.values() for e in rows]
    assert (len(answers), sum(answer != answer.strip() for answer in answers)) == (5_774, 3)


def test_numbers_may_be_asked_of_sick(real_data):
    on_hand("sick")
    data = load("sick", task="pair", columns={"label": "relatedness_score"}, scale=(1, 5))
    assert (data.metric, data.labels, len(data.splits["test"])) == ("pearson", (), 4_927)


OVERLAPS = [
    ("conll2003", {"validation in train": 193, "test in train": 126}),
    ("glue-stsb", {"validation in train": 6}),
    ("korsts", {"validation in train": 3}),
    ("kobest-hellaswag", {"validation in train": 9}),
    ("question-pair", {"test in train": 2}),
    ("sick", {"test in train": 49}),
    ("kmou-ner", {"test in train": 67, "validation in train": 38}),
]


@pytest.mark.parametrize(("name", "overlaps"), OVERLAPS)
def test_the_doctor_finds_the_known_leaks(real_data, name, overlaps):
    on_hand(name)
    checkup = check(name)
    assert {pair: checkup.overlaps[pair] for pair in overlaps} == overlaps
    assert checkup.errors == ()
    strays = [finding.count for finding in checkup.findings if "broken BIO" in finding.message]
    assert sum(strays) == (2 if name == "kmou-ner" else 0)
