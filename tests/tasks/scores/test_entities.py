"""Spans and their tags there and back, and entity scores against hand-counted cases and conlleval's rules."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from yeonma.errors import DataError
from yeonma.records import Span
from yeonma.tasks.scores import entities, spans_of, tags_of

TAGS = ("O", "B-PS", "I-PS", "B-LC", "I-LC")
ROWS = st.lists(st.sampled_from(TAGS), max_size=12)


def letters(text):
    return [(i, i + 1) for i in range(len(text))]


def chunks(tags):
    """The endOfChunk and startOfChunk of conlleval for B, I and O, written out as the script decides them."""
    found, before, begun = set(), ("O", ""), 0
    for i, tag in enumerate([*tags, "O"]):
        now = (tag[0], tag[2:])
        ends = (before[0] in "BI" and now[0] in "BO") or (before[0] != "O" and before[1] != now[1])
        starts = now[0] == "B" or (before[0] == "O" and now[0] == "I") or (now[0] != "O" and before[1] != now[1])
        if ends:
            found.add((begun, i, before[1]))
        if starts:
            begun = i
        before = now
    return found


@given(ROWS)
def test_broken_tags_are_read_as_conlleval_reads_them(tags):
    spans = spans_of(tags, letters(tags))
    assert {(s.start, s.end, s.label) for s in spans} == chunks(tags)
    assert list(spans) == sorted(spans)


@pytest.mark.parametrize(
    ("tags", "spans"),
    [
        ("O I-PS I-PS", [(1, 3, "PS")]),  # I after O
        ("B-PS I-LC I-LC", [(0, 1, "PS"), (1, 3, "LC")]),  # I after another type
        ("I-PS B-PS I-PS", [(0, 1, "PS"), (1, 3, "PS")]),
        ("B-PS O I-PS", [(0, 1, "PS"), (2, 3, "PS")]),
    ],
)
def test_broken_tags_by_hand(tags, spans):
    assert [s[:3] for s in spans_of(tags.split(), letters("abc"))] == spans


@given(ROWS)
def test_spans_survive_their_tags(tags):
    spans = spans_of(tags, letters(tags))
    assert spans_of(tags_of(spans, letters(tags)), letters(tags)) == spans


def test_tokens_of_several_characters():
    #        서울에서 철수 를      만났다
    offsets = [(0, 4), (5, 7), (7, 8), (9, 12)]
    assert tags_of([Span(5, 7, "PS"), Span(0, 2, "LC")], offsets) == ["B-LC", "B-PS", "O", "O"]
    assert spans_of(["B-LC", "B-PS", "O", "O"], offsets) == (Span(0, 4, "LC"), Span(5, 7, "PS"))
    assert tags_of([Span(0, 8, "PS")], offsets) == ["B-PS", "I-PS", "I-PS", "O"]


def test_a_window_that_begins_inside_an_entity_begins_with_b():
    assert tags_of([Span(0, 3, "PS")], [(1, 2), (2, 3), (3, 4)]) == ["B-PS", "I-PS", "O"]


def test_two_spans_in_one_token_leave_it_to_the_first():
    assert tags_of([Span(0, 1, "PS"), Span(1, 3, "LC")], [(0, 2), (2, 3)]) == ["B-PS", "B-LC"]


def test_tokens_that_share_characters_or_have_none():
    restored = [(0, 1), (0, 2), (2, 2), (2, 3)]  # 끌려 as 끌리 + 어, then a mark without characters
    assert tags_of([Span(0, 3, "PS")], restored) == ["B-PS", "I-PS", "I-PS", "I-PS"]
    assert spans_of(["B-PS", "I-PS", "O", "I-PS"], restored) == (Span(0, 3, "PS"),)
    assert spans_of(["B-PS", "B-LC", "O", "O"], restored) == (Span(0, 1, "PS"), Span(1, 2, "LC"))
    assert spans_of(["B-PS", "B-LC"], [(0, 2), (0, 2)]) == (Span(0, 2, "PS"),)


@pytest.mark.parametrize("tag", ["S-PS", "E-PS", "B-", "I", "", "o"])
def test_other_schemes_are_refused(tag):
    with pytest.raises(DataError, match="must be O, B-<type> or I-<type>"):
        spans_of(["O", tag], letters("ab"))


#        0123456789
TEXT = "김철수 서울 부산행"


def test_a_case_counted_by_hand():
    gold = [(Span(0, 3, "PS"), Span(4, 6, "LC"), Span(7, 9, "LC")), ()]
    said = [(Span(0, 2, "PS"), Span(4, 6, "LC"), Span(7, 9, "OG")), (Span(0, 1, "LC"),)]
    s = entities(gold, said, [TEXT, "밤"])
    assert (s["n"], s["entities"]) == (2, 3)
    # One of four predicted and of three gold is right.
    assert (s["entity_precision"], s["entity_recall"], s["entity_f1"]) == (1 / 4, 1 / 3, 2 / 7)
    assert s["per_type"] == {
        "LC": {"precision": 1 / 2, "recall": 1 / 2, "f1": 1 / 2, "support": 2},
        "OG": {"precision": 0.0, "recall": 0.0, "f1": 0.0, "support": 0},
        "PS": {"precision": 0.0, "recall": 0.0, "f1": 0.0, "support": 1},
    }
    assert s["macro_entity_f1"] == pytest.approx((1 / 2 + 0 + 0) / 3)
    # gold  B-PS I-PS I-PS  B-LC I-LC  B-LC I-LC O | O       B-LC: 1 right of 2 + 2    I-LC: 1 of 2 + 1
    # said  B-PS I-PS O     B-LC I-LC  B-OG I-OG O | B-LC    B-PS: 1 of 1 + 1          I-PS: 1 of 2 + 1
    #                                                        B-OG, I-OG: 0             O: 1 of 2 + 2
    inside = [2 / 4, 2 / 3, 1, 2 / 3, 0, 0]
    assert s["character_f1_without_o"] == pytest.approx(sum(inside) / 6)
    assert s["character_f1"] == pytest.approx((sum(inside) + 2 / 4) / 7)


def test_blanks_do_not_count_as_characters():
    whole, half = [(Span(0, 6, "OG"),)], [(Span(0, 3, "OG"),)]
    s = entities(whole, half, ["김철수 서울"])
    # B 1 of 1 + 1; I 2 of 4 + 2, the blank inside left out; O 0 of 0 + 2
    assert s["character_f1"] == pytest.approx((1 + 4 / 6 + 0) / 3)


def test_all_right_and_nothing():
    gold = [(Span(0, 3, "PS"),)]
    right = entities(gold, gold, [TEXT])
    assert [right[k] for k in ("entity_f1", "macro_entity_f1", "character_f1", "character_f1_without_o")] == [1.0] * 4
    none = entities(gold, [()], [TEXT])
    assert (none["entity_precision"], none["entity_f1"], none["macro_entity_f1"]) == (0.0, 0.0, 0.0)
    assert entities([], [], [])["character_f1"] == 0.0


def test_the_same_span_in_another_sentence_is_another_entity():
    assert entities([(Span(0, 1, "PS"),), ()], [(), (Span(0, 1, "PS"),)], ["가", "나"])["entity_f1"] == 0.0


@settings(deadline=None)  # scikit-learn is imported inside
@given(st.lists(st.lists(st.tuples(st.sampled_from(TAGS), st.sampled_from(TAGS)), min_size=1, max_size=8), min_size=1))
def test_it_equals_conlleval_and_scikit_learn(sentences):
    metrics = pytest.importorskip("sklearn.metrics")
    wanted, said = ([[pair[side] for pair in row] for row in sentences] for side in (0, 1))
    texts = ["가" * len(row) for row in sentences]
    gold, predicted = ([spans_of(row, letters(row)) for row in rows] for rows in (wanted, said))
    s = entities(gold, predicted, texts)

    a, b = ({(i, *c) for i, row in enumerate(rows) for c in chunks(row)} for rows in (wanted, said))
    assert s["entity_f1"] == pytest.approx(2 * len(a & b) / max(1, len(a) + len(b)))

    flat = [
        [tag for spans, row in zip(rows, sentences, strict=True) for tag in tags_of(spans, letters(row))]
        for rows in (gold, predicted)
    ]
    labels = sorted({*flat[0], *flat[1]})
    assert s["character_f1"] == pytest.approx(
        metrics.f1_score(*flat, labels=labels, average="macro", zero_division=0.0)
    )
