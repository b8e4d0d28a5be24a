"""Rows from .json files, which are read whole: a list of objects, or SQuAD's paragraphs with their questions."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from yeonma.data.lines import recognise
from yeonma.data.row import MOST_COLUMNS, SURROGATE, Row, refuse_constant
from yeonma.errors import DataError
from yeonma.records import Rejected

LARGEST = 2_000_000_000
"""Bytes; a larger file would fill the memory, as it takes several times its size there."""

_SHAPES = 'a list of objects, or SQuAD\'s {"data": [{"paragraphs": […]}]}'


def json_rows(path: Path) -> Iterator[Row | Rejected]:
    """The objects of a list, or a row for each question of SQuAD, KorQuAD and KLUE-MRC, numbered from 1.

    A question's row holds all it has (id or guid, question, answers, …) and its article's `title` and `context`.
    Raises: DataError with the line for a file that is no JSON, too large, or of another shape.
    """
    text = _text(path)
    content = _parsed(text, path)
    found = content.get("data") if isinstance(content, dict) else content
    if not isinstance(found, list):
        raise DataError(f"must be {_SHAPES}; came a {type(found).__name__}.", path, 1)
    if not found:
        raise DataError(f"must be {_SHAPES}; the list is empty.", path, 1)
    rows = _questions(found) if any(isinstance(a, dict) and "paragraphs" in a for a in found) else iter(found)
    may_be_cut = SURROGATE.search(text) is not None
    for number, row in enumerate(rows, 1):
        wrong = _wrong(row, may_be_cut)
        yield Rejected(str(path), number, wrong) if wrong else Row(number, row)


def _text(path: Path) -> str:
    if (size := path.stat().st_size) > LARGEST:
        advice = "Write one object a line (.jsonl)"
        raise DataError(f"must have at most {LARGEST:,} bytes; there are {size:,}. {advice}.", path)
    encoding = recognise(path)
    raw = path.read_bytes()
    try:
        return raw.decode(encoding.codec).removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        reason = f"byte 0x{raw[error.start]:02X} is not {encoding}. Save the file as UTF-8."
        raise DataError(reason, path, line) from error


def _parsed(text: str, path: Path) -> Any:
    if not text.strip():
        raise DataError(f"must be {_SHAPES}; it is empty.", path, 1)
    try:
        return json.loads(text, parse_constant=refuse_constant)
    except json.JSONDecodeError as error:
        advice = " One object a line is .jsonl." if error.msg == "Extra data" else ""
        raise DataError(f"must be JSON: {error}.{advice}", path, error.lineno) from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"must be JSON: {error}.", path, 1) from error


def _wrong(row: Any, may_be_cut: bool) -> str | None:
    """What is wrong with a row, if anything."""
    if isinstance(row, str):
        return row
    if not isinstance(row, dict):
        return f"must be a JSON object; came a {type(row).__name__}."
    if len(row) > MOST_COLUMNS:
        return f"must have at most {MOST_COLUMNS:,} columns; there are {len(row):,}."
    if may_be_cut:
        try:
            json.dumps(row, ensure_ascii=False).encode()
        except UnicodeEncodeError as error:
            return f"must be a JSON object: {error}."
    return None


def _questions(articles: list[Any]) -> Iterator[dict[str, Any] | str]:
    """The questions of all articles; in the place of what is no article, paragraph or question, words that say so."""
    for number, article in enumerate(articles, 1):
        paragraphs = article.get("paragraphs") if isinstance(article, dict) else None
        if not isinstance(paragraphs, list):
            yield f"article {number} must have a list of paragraphs."
            continue
        title = article.get("title")
        for place, paragraph in enumerate(paragraphs, 1):
            yield from _of_paragraph(paragraph, title, f"paragraph {place} of article {number}")


def _of_paragraph(paragraph: Any, title: Any, place: str) -> Iterator[dict[str, Any] | str]:
    context = paragraph.get("context") if isinstance(paragraph, dict) else None
    questions = paragraph.get("qas") if isinstance(paragraph, dict) else None
    if not isinstance(context, str) or not isinstance(questions, list):
        yield f"{place} must have a context (a text) and qas (a list)."
        return
    for question in questions:
        if not isinstance(question, dict):
            yield f"a question of {place} must be an object; came a {type(question).__name__}."
        else:
            yield {"title": title, "context": context, "answers": [], **question}
