"""Readers: what was written comes back, with the line it stood on."""

from __future__ import annotations

import csv
import io
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from yeonma.data.readers import encoding_of, rows
from yeonma.data.row import Row
from yeonma.errors import DataError

TEXTS = [('영화가 "정말" 좋다, 진짜', "1"), ("", "0"), ("  빈칸  ", "0"), ("'따옴표", "1")]
quick = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
cells = st.text(st.characters(exclude_characters="\0\n\r\t\ufeff", codec="utf-8"), max_size=20)
table = st.lists(st.tuples(cells, cells), min_size=1, max_size=8)


def expected(pairs, first=2):
    return [Row(line, {"text": text, "label": label}) for line, (text, label) in enumerate(pairs, first)]


def as_csv(pairs, end="\n"):
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator=end, quoting=csv.QUOTE_ALL).writerows([("text", "label"), *pairs])
    return out.getvalue()


def as_tsv(pairs, end="\n"):
    return "".join("\t".join(pair) + end for pair in [("text", "label"), *pairs])


def as_jsonl(pairs, end="\n"):
    return "".join(json.dumps({"text": text, "label": label}) + end for text, label in pairs)


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "cp949"])
def test_csv_and_tsv_in_every_encoding(write, end, codec):
    assert list(rows(write("a.csv", as_csv(TEXTS, end).encode(codec)))) == expected(TEXTS)
    assert list(rows(write("a.tsv", as_tsv(TEXTS, end).encode(codec)))) == expected(TEXTS)


@quick
@given(table)
def test_csv_round_trip(write, pairs):
    assert list(rows(write("a.csv", as_csv(pairs)))) == expected(pairs)


@quick
@given(table.map(lambda pairs: [(text, label + "x") for text, label in pairs]))
def test_tsv_round_trip(write, pairs):
    assert list(rows(write("a.tsv", as_tsv(pairs)))) == expected(pairs)


@quick
@given(
    st.lists(st.dictionaries(st.text(st.characters(codec="utf-8")), st.text(st.characters(codec="utf-8"))), min_size=1)
)
def test_jsonl_round_trip(write, objects):
    content = "".join(json.dumps(value) + "\n" for value in objects)
    assert list(rows(write("a.jsonl", content))) == [Row(line, value) for line, value in enumerate(objects, 1)]


@pytest.mark.parametrize("rows_in", [3, 5_000])
def test_parquet_round_trip(tmp_path, rows_in):
    import pyarrow
    from pyarrow import parquet

    values = [{"text": f"글 {i}" if i % 7 else None, "label": i % 2, "tags": ["O"] * (i % 3)} for i in range(rows_in)]
    parquet.write_table(pyarrow.Table.from_pylist(values), tmp_path / "a.parquet", row_group_size=1_000)
    assert list(rows(tmp_path / "a.parquet")) == [Row(line, value) for line, value in enumerate(values, 1)]
    assert encoding_of(tmp_path / "a.parquet") == "Parquet"


def test_a_cut_parquet_file_is_refused(tmp_path):
    import pyarrow
    from pyarrow import parquet

    path = tmp_path / "a.parquet"
    parquet.write_table(pyarrow.table({"text": ["가"] * 100}), path)
    whole = path.read_bytes()
    for cut in (len(whole) // 2, len(whole) - 4, 4):
        path.write_bytes(whole[:cut])
        with pytest.raises(DataError, match="is not a whole Parquet file"):
            list(rows(path))


def test_fasttext(write):
    path = write("a.txt", "__label__긍정 정말 __좋다__ \n\n__label__부정\n__label__2\t탭 뒤의 글\n")
    assert [(line, *sorted(values.items())) for line, values in rows(path)] == [
        (1, ("label", "긍정"), ("text", "정말 __좋다__ ")),
        (3, ("label", "부정"), ("text", "")),
        (4, ("label", "2"), ("text", "탭 뒤의 글")),
    ]


@pytest.mark.parametrize("suffix", [".txt", ".tsv", ".TSV"])
def test_nsmc_files_as_their_owner_publishes_them(write, suffix):
    """Tab separated with a header, quotes and U+0085 are ordinary characters, a review may be blank."""
    content = (
        'id\tdocument\tlabel\n8112052\t"별 반개도 아깝다\t0\n8132799\t디자인을 배우는 학생\x85으로\t1\n4655635\t\t1\n'
    )
    assert list(rows(write("ratings_train" + suffix, content))) == [
        Row(2, {"id": "8112052", "document": '"별 반개도 아깝다', "label": "0"}),
        Row(3, {"id": "8132799", "document": "디자인을 배우는 학생\x85으로", "label": "1"}),
        Row(4, {"id": "4655635", "document": "", "label": "1"}),
    ]


def test_csv_rows_over_several_lines_have_the_line_they_begin_at(write):
    path = write("a.csv", 'text,label\n"두\n줄",1\n\n"세\r\n\n줄",0\n끝,1\n')
    assert list(rows(path)) == [
        Row(2, {"text": "두\n줄", "label": "1"}),
        Row(5, {"text": "세\n\n줄", "label": "0"}),
        Row(8, {"text": "끝", "label": "1"}),
    ]


def test_blank_lines_are_rows_only_where_a_row_is_one_cell(write):
    assert [row.line for row in rows(write("a.tsv", "text\tlabel\n\na\tb\n\n\nc\td\n\n"))] == [3, 6]
    assert list(rows(write("a.tsv", "text\na\n\nb\n"))) == [
        Row(2, {"text": "a"}),
        Row(3, {"text": ""}),
        Row(4, {"text": "b"}),
    ]


def test_an_index_column_without_a_name_is_allowed(write):
    """As pandas writes it."""
    assert list(rows(write("a.csv", ",text,label\n0,좋다,1\n"))) == [Row(2, {"": "0", "text": "좋다", "label": "1"})]


def test_rows_come_before_the_file_is_at_its_end(write):
    """Streaming: a fault further down does not keep back what stands before it."""
    reader = rows(write("a.tsv", "text\tlabel\na\t1\nb\n"))
    assert next(reader).values["text"] == "a"


@quick
@given(st.lists(st.dictionaries(st.text(st.characters(codec="utf-8")), st.integers()), min_size=1), st.booleans())
def test_json_round_trip(write, objects, wrapped):
    content = {"data": objects} if wrapped else objects
    path = write("a.json", json.dumps(content, indent=1))
    if any("paragraphs" in value for value in objects):
        return
    assert list(rows(path)) == [Row(number, value) for number, value in enumerate(objects, 1)]


@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "cp949"])
def test_questions_of_a_document_carry_their_title_and_context(write, codec):
    qas = [
        {"id": "1", "question": "누가 한글을 만들었는가", "answers": [{"text": "세종", "answer_start": 0}]},
        {"id": "2"},
    ]
    content = {"data": [{"title": "글", "paragraphs": [{"context": "세종은 한글을 만들었다", "qas": qas}]}]}
    path = write("a.json", json.dumps(content, ensure_ascii=False).encode(codec))
    shared = {"title": "글", "context": "세종은 한글을 만들었다"}
    assert list(rows(path)) == [Row(1, shared | qas[0]), Row(2, shared | {"id": "2", "answers": []})]


def test_a_document_too_large_for_the_memory_is_refused(write, monkeypatch):
    monkeypatch.setattr("yeonma.data.documents.LARGEST", 10)
    with pytest.raises(DataError, match=r"a\.json: must have at most 10 bytes; there are 15\. .*\(\.jsonl\)"):
        list(rows(write("a.json", '[{"text": "a"}]')))


def test_a_table_is_not_taken_for_columns_of_tags(write):
    assert list(rows(write("a.tsv", "##text\tlabel\n가\t1\n"))) == [Row(2, {"##text": "가", "label": "1"})]
