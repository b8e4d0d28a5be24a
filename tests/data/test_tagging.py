"""Rows of tagging: BIO is read as conlleval reads it, spans lie in the text and apart."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yeonma.data import load, load_split, rows
from yeonma.data.bio import entities
from yeonma.data.labels import Labels
from yeonma.data.lines import BadRow
from yeonma.data.shape import Manner
from yeonma.data.shapes import SHAPES
from yeonma.errors import DataError
from yeonma.records import Example, Span

TAGGING = SHAPES["tagging"]
KLUE_NER = """## 토큰, 레이블 구분자 : \\t
## 컬럼명 : CHAR\tNE_TAG
## klue-ner-v1_dev_00000-wikitree\t<박:PS>씨 <B:PS>
박\tB-PS
씨\tO
 \tO
B\tB-PS

## klue-ner-v1_dev_00001-nsmc\t<두 사람:QT>
두\tB-QT
 \tI-QT
사\tI-QT
람\tI-QT
"""
CONLL = """-DOCSTART- -X- O O

EU NNP I-NP I-ORG
rejects VBZ I-VP O
German JJ I-NP I-MISC

-DOCSTART- -X- -X- O

Peter NNP I-NP I-PER
Blackburn NNP I-NP I-PER
"""
KMOU = """## 1
## 예컨대 원산 포교당
## 예컨대 <원산 포교당:LOC>
예컨대\t예컨대\tMAG\tO
_\t_\t_\tO
원산\t원산\tNNP\tB-LOC
_\t_\t_\tI-LOC
포교당\t포교당\tNNG\tI-LOC
"""


def read(labels=None, manner=None, required=True, **cells):
    return TAGGING.read(cells, Labels(labels, required=required), manner or Manner())


def begins(before, tag):
    """StartOfChunk of conlleval.pl, as its source has it."""
    (was, last), (part, label) = (t.split("-") if "-" in t else (t, "") for t in (before, tag))
    start = (part == "B" and was in "BIOES") or part == "S"
    start |= part in "IE" and was in "OES" and part != "O"
    return start or (part != "O" and last != label)


def ends(before, tag):
    """EndOfChunk of conlleval.pl, as its source has it."""
    (was, last), (part, label) = (t.split("-") if "-" in t else (t, "") for t in (before, tag))
    return (was in "BI" and part in "BOS") or was in "ES" or (was != "O" and last != label)


TAGS = st.sampled_from(["O", "B-A", "I-A", "E-A", "S-A", "B-B", "I-B", "E-B"])


@given(st.lists(st.tuples(st.text("가a ", min_size=1, max_size=3), TAGS), min_size=1), st.sampled_from(["", " "]))
def test_entities_are_those_of_conlleval(pairs, join):
    tokens, tags = zip(*pairs, strict=True)
    found = entities(tokens, tags, join)
    starts = [i for i, tag in enumerate(tags) if tag != "O" and begins("O" if i == 0 else tags[i - 1], tag)]
    stops = [i for i, tag in enumerate(tags) if tag != "O" and ends(tag, tags[i + 1] if i + 1 < len(tags) else "O")]
    expected = [(join.join(tokens[a : b + 1]), tags[a][2:]) for a, b in zip(starts, stops, strict=True)]
    assert found.text == join.join(tokens)
    assert [(found.text[span.start : span.end], span.label) for span in found.spans] == expected
    assert found.stray == sum(tags[i][0] in "IE" for i in starts)


def test_tokens_and_tags():
    names = Manner(join="", tags=("O", "B-PS", "I-PS"))
    for tags, manner in [(["B-PS", "I-PS", "O"], Manner(join="")), ([1, 2, 0], names)]:
        result = read(tokens=["박", "씨", " "], tags=tags, manner=manner)
        assert (result.texts, result.gold, result.stray) == (("박씨 ",), (Span(0, 2, "PS"),), 0)
    assert read(tokens=["EU", "is"], tags=["I-ORG", "O"])[1:] == ((Span(0, 2, "ORG"),), 1)
    assert read(tokens=["EU", "is"], tags=["O", "O"]).gold == ()
    assert read(tokens=["EU", "is"], required=False)[:2] == (("EU is",), None)


def test_text_and_spans_in_any_order():
    spans = [[4, 6, "LC"], {"start": 0, "end": 3, "label": "PS"}]
    assert read(text="김도윤 서울", spans=spans).gold == (Span(0, 3, "PS"), Span(4, 6, "LC"))
    assert read(text="김도윤", spans=[[0, 3, "person"]], labels={"person": "PS"}).gold == (Span(0, 3, "PS"),)
    assert read(text="김도윤", spans=[]).gold == ()
    assert read(text="김도윤", required=False).gold is None


BAD = [
    ({"tokens": ["a"], "tags": ["O", "O"]}, "tags must be a list as long as the 1 tokens; came 2"),
    ({"tokens": ["a"], "tags": "O"}, "as long as the 1 tokens; came str 'O'"),
    ({"tokens": ["a"], "tags": ["PER"]}, r"a tag must be O or begin with B-, I-, E- or S-; came 'PER'"),
    ({"tokens": ["a"], "tags": [3]}, "a tag must be a name such as B-PER; came int '3'"),
    ({"tokens": ["a", ""], "tags": ["O", "O"]}, "token 2 must be text that is not empty; came str ''"),
    ({"tokens": [], "tags": []}, "tokens must be a list of words; came list"),
    ({"tokens": "a b", "tags": ["O", "O"]}, "tokens must be a list of words; came str 'a b'"),
    ({"text": "김도윤", "spans": [[0, 4, "PS"]]}, "a span must hold characters of the text, which has 3; came 0 to 4"),
    ({"text": "김도윤", "spans": [[2, 2, "PS"]]}, "came 2 to 2"),
    ({"text": "김도윤", "spans": [[-1, 2, "PS"]]}, "came -1 to 2"),
    ({"text": "김도윤", "spans": [[0, 2]]}, r"a span must be \[start, end, label\]; came '\[0, 2\]'"),
    ({"text": "김도윤", "spans": [[0, 2, ""]]}, "the span from 0 to 2 has no label"),
    (
        {"text": "김도윤", "spans": [[1, 3, "PS"], [0, 2, "LC"]]},
        r"spans must not overlap; '김도' \(0 to 2\) and '도윤' \(1 to 3\) do",
    ),
    ({"text": "김도윤", "spans": "PS"}, r"spans must be a list of \[start, end, label\]; came str 'PS'"),
    ({"text": "김도윤", "spans": None}, "came NoneType"),
]


@pytest.mark.parametrize(("cells", "message"), BAD)
def test_rows_that_cannot_be_tagged(cells, message):
    with pytest.raises(BadRow, match=message):
        read(**cells)


def test_unknown_types():
    with pytest.raises(BadRow, match=r"label 'PSS' is not a known one\. Known: PS\."):
        read(labels=["PS"], text="김도윤", spans=[[0, 3, "PSS"]])
    with pytest.raises(BadRow, match="a tag must be a number from 0 to 1; came int '2'"):
        read(tokens=["a"], tags=[2], manner=Manner(tags=("O", "B-PS")))


def test_klue_ner_as_its_owner_publishes_it(tmp_path, monkeypatch, write):
    monkeypatch.setenv("YEONMA_DATA", str(tmp_path))
    write("klue-ner/dev.tsv", KLUE_NER)
    assert load_split("klue-ner", task="tagging") == (
        Example("klue-ner-v1_dev_00000-wikitree", ("박씨 B",), (Span(0, 1, "PS"), Span(3, 4, "PS"))),
        Example("klue-ner-v1_dev_00001-nsmc", ("두 사람",), (Span(0, 4, "QT"),)),
    )


def test_klue_ner_as_the_hub_has_it(tmp_path, monkeypatch, write):
    monkeypatch.setenv("YEONMA_DATA", str(tmp_path))
    write("klue-ner/dev.jsonl", '{"sentence": "<박:PS>씨 ", "tokens": ["박", "씨", " "], "ner_tags": [6, 12, 12]}\n')
    (example,) = load_split("klue-ner", task="tagging")
    assert (example.texts, example.gold) == (("박씨 ",), (Span(0, 1, "PS"),))


def test_conll_as_its_owner_publishes_it(tmp_path, monkeypatch, write):
    monkeypatch.setenv("YEONMA_DATA", str(tmp_path))
    path = write("conll2003/test.conll", CONLL)
    first, second = load_split("conll2003", task="tagging")
    assert (first.texts, first.gold) == (("EU rejects German",), (Span(0, 2, "ORG"), Span(11, 17, "MISC")))
    assert (second.texts, second.gold) == (("Peter Blackburn",), (Span(0, 15, "PER"),))
    assert [row.line for row in rows(path)] == [3, 9]
    assert list(rows(write("eng.txt", CONLL))) == list(rows(write("a.bio", CONLL))) == list(rows(path))


def test_kmou_as_its_owner_publishes_it(write):
    for name in ("00002_NER.txt", "a.conll"):
        (example,) = load_split(write(name, KMOU), task="tagging", join="")
        assert (example.texts, example.gold) == (("예컨대 원산 포교당",), (Span(4, 10, "LOC"),))


def test_a_wrong_line_takes_its_sentence_with_it_and_no_other(write):
    path = write("a.conll", b"a O\n\nb O\nwrong\nc O\n\xff O\n\nd O\n\n\xff\n\ne O\n")
    with pytest.raises(DataError, match=r"a\.conll:4: must hold a token and, in its last column, a tag; came 'wrong'"):
        list(rows(path))
    data = load(train=path, task="tagging", on_bad_row="skip", valid_fraction=0.4)
    assert sorted(e.texts[0] for split in data.splits.values() for e in split) == ["a", "d", "e"]
    assert [bad.line for bad in data.rejected] == [4, 6, 10]


def test_tokens_without_tags_are_texts_to_answer_and_nothing_to_learn_from(write):
    path = write("a.conll", "서울\n에\n\n부산\n")
    assert [(e.texts, e.gold) for e in load_split(path, task="tagging", labelled=False)] == [
        (("서울 에",), None),
        (("부산",), None),
    ]
    with pytest.raises(DataError, match=r"a\.conll:1: no column has a usual name of tags; .* add one"):
        load_split(path, task="tagging")
    with pytest.raises(DataError, match=r"a\.bio:2: must hold a token alone, as the first line does; came '에 O'"):
        list(rows(write("a.bio", "서울\n에 O\n")))


def test_a_file_without_blank_lines_is_no_sentence(write):
    with pytest.raises(DataError, match=r"a\.conll:1: a sentence must have at most 100,000 tokens"):
        list(rows(write("a.conll", "a O\n" * 100_001)))


def test_the_types_of_train_are_the_labels(write):
    train = write("train.jsonl", '{"text": "가나", "spans": [[0, 1, "Z"], [1, 2, "A"]]}\n' * 4)
    test = write("test.jsonl", '{"text": "가나", "spans": [[0, 1, "Q"]]}\n')
    data = load(train=train, task="tagging", valid_fraction=0.5)
    assert (data.labels, data.metric) == (("A", "Z"), "entity_f1")
    with pytest.raises(DataError, match=r"test\.jsonl:1: label 'Q' is not a known one\. Known: A, Z"):
        load(train=train, test=test, task="tagging", valid_fraction=0.5)
