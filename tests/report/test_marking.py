"""Marked texts: the characters are those of the text, whatever it holds, and the marks say who held which."""

from __future__ import annotations

import re
from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st

from yeonma.records import Span
from yeonma.report.marking import carried, spans


class Read(HTMLParser):
    """Per character the class of the element it stands in; superscripts apart. Elements must be closed in order."""

    def __init__(self, page):
        super().__init__()
        self.open, self.text, self.classes, self.labels, self.attributes = [], "", [], [], []
        self.feed(page)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attributes):
        self.open.append((tag, dict(attributes)["class"]))
        self.attributes.append(dict(attributes))

    def handle_endtag(self, tag):
        assert self.open.pop()[0] == tag

    def handle_data(self, data):
        tag, kind = self.open[-1] if self.open else ("", "")
        if tag == "sup":
            self.labels.append((kind, data, len(self.text)))
        else:
            self.text += data
            self.classes += [kind] * len(data)


def test_marks_by_hand():
    assert spans("서울에서", [Span(0, 2, "LC")], [Span(0, 4, "LC")]) == (
        '<mark class="both">서울<sup class="gold">LC</sup></mark>'
        '<mark class="predicted">에서<sup class="predicted">LC</sup></mark>'
    )
    assert spans("a<b", [Span(0, 3, "x&y")], None) == (
        '<mark class="gold">a&lt;b<sup class="gold">x&amp;y</sup></mark>'
    )
    assert spans("민수", [Span(0, 2, "PS")], [Span(0, 2, "LC")]) == (
        '<mark class="both differs">민수<sup class="gold">PS</sup><sup class="predicted">LC</sup></mark>'
    )
    assert spans("민수", [Span(0, 2, "PS")], [Span(0, 2, "PS")]) == (
        '<mark class="both">민수<sup class="both">PS</sup></mark>'
    )
    assert spans("답이다", [Span(0, 1, "", 1)], [Span(0, 1, "", 1)], 1) == '<mark class="both">답</mark>이다'


def test_rows_of_the_table_of_predictions_are_spans_too():
    row = {"start": 0, "end": 1, "label": "LC", "text": 0}
    assert spans("가나", [row], []) == spans("가나", [Span(0, 1, "LC")], None)


def test_spans_of_other_texts_and_behind_the_end_are_no_marks():
    assert spans("가나", [Span(0, 2, "LC", 1), Span(1, 1, "LC")], [Span(5, 9, "LC")]) == "가나"
    assert spans("", [Span(0, 2, "LC")], []) == ""
    assert Read(spans("가나", [Span(1, 9, "LC")], [])).classes == ["", "gold"]


# Emoji of several characters, Hangul in parts, markup, a combining accent; no \r, which a parser reads as \n.
TEXTS = st.text(st.sampled_from("가한\u1112\u1161\u11ab🙂👨\u200d👩\U0001f3fde\u0301<>&\"'; \n"), max_size=30)
SPANS = st.lists(
    st.builds(Span, st.integers(0, 32), st.integers(0, 32), st.sampled_from(["", "LC", "<i>"]), st.integers(0, 1))
)


def held(own, at):
    return {span.label for span in own if span.text == 0 and span.start <= at < span.end}


@given(TEXTS, SPANS, SPANS)
def test_every_character_stands_there_once_with_the_right_class(text, gold, predicted):
    page = Read(spans(text, gold, predicted))
    assert page.text == text
    for at, kind in enumerate(page.classes):
        one, other = held(gold, at), held(predicted, at)
        both = "both" if one == other else "both differs"
        assert kind == (both if one and other else "gold" if one else "predicted" if other else "")
    every = [s._replace(end=min(s.end, len(text))) for s in [*gold, *predicted] if s.label and not s.text]
    ends = {(s.label, s.end) for s in every if s.start < s.end}
    assert {(label, end) for _, label, end in page.labels} == ends


@given(TEXTS, st.data())
def test_carried_words_keep_every_character(text, data):
    found = [(0, m.start(), m.end(), data.draw(st.floats(-9, 9))) for m in re.finditer(r"\S+", text)]
    page = Read(carried(text, found))
    assert page.text == text
    assert page.classes == ["" if letter.isspace() else "word" for letter in text]
    shades = [float(each["style"].removeprefix("--w:")) for each in page.attributes]
    assert all(-1 <= shade <= 1 for shade in shades)
    assert not any(weight for *_, weight in found) or max(map(abs, shades)) == 1


def test_shades_of_all_texts_are_of_one_scale():
    words = [(0, 0, 1, 2.0), (1, 0, 1, -1.0), (1, 2, 3, 0.0)]
    assert carried("가", words) == '<span class="word" style="--w:1.000" title="+2">가</span>'
    assert carried("나 다", words, 1) == (
        '<span class="word" style="--w:-0.500" title="-1">나</span> '
        '<span class="word" style="--w:0.000" title="+0">다</span>'
    )
    assert carried("<", [], 0) == "&lt;"
