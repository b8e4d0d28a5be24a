"""Test sets of single words: pairs with a score of likeness, and questions a : b = c : d; files, or known by name."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from yeonma.data.readers import rows
from yeonma.data.row import Row
from yeonma.errors import DataError, nearest

PAIR = ("word1", "word2", "score")
QUESTION = ("category", "a", "b", "c", "d")


class Pairs(NamedTuple):
    """A set of word pairs, each with the likeness that people gave it, on a scale of the set's own."""

    name: str
    pairs: list[tuple[str, str]]
    scores: list[float]


class Questions(NamedTuple):
    """A set of questions "a is to b as c is to ?", the answer d, by category."""

    name: str
    categories: list[str]
    words: list[tuple[str, str, str, str]]


def known() -> dict[str, Path]:
    """The sets of `$YEONMA_DATA/wordsim` by name; empty where that is not set or not there."""
    folder = Path(os.environ.get("YEONMA_DATA", "")).expanduser() / "wordsim"
    return {path.stem: path for path in sorted(folder.glob("*.parquet"))} if os.environ.get("YEONMA_DATA") else {}


def read_pairs(source: str | Path) -> Pairs:
    """Word pairs from a file of `yeonma.data` (parquet, tsv, csv, jsonl) or of a known name.

    Columns `word1 word2 score` in any order, or three columns of other names in this order.
    Raises: DataError with file and line.
    """
    path = find(source)
    pairs, scores = [], []
    for row, (one, other, score) in _cells(path, PAIR):
        pairs.append((_word(one, path, row), _word(other, path, row)))
        scores.append(_number(score, path, row))
    return Pairs(path.stem, pairs, scores)


def read_questions(source: str | Path) -> Questions:
    """Analogies from a file or of a known name: `category a b c d`, or five columns of other names in this order.

    Raises: DataError with file and line.
    """
    path = find(source)
    found = [[_word(cell, path, row) for cell in cells] for row, cells in _cells(path, QUESTION)]
    return Questions(path.stem, [each[0] for each in found], [(each[1], each[2], each[3], each[4]) for each in found])


def holds_questions(source: str | Path) -> bool:
    """Whether a set has five columns, as questions have, and not three.

    Raises: DataError.
    """
    return len(next(rows(find(source))).values) == len(QUESTION)


def find(source: str | Path) -> Path:
    """The file that a path or a name means.

    Raises: DataError for what is neither, naming the nearest known name.
    """
    path, names = Path(source), known()
    if path.exists() or path.suffix or len(path.parts) > 1:
        return path
    if str(source) in names:
        return names[str(source)]
    if names:
        raise DataError(f"There is no word set called {str(source)!r}, and no such file.{nearest(str(source), names)}")
    raise DataError(f"{str(source)!r} is no file. Give one, or set YEONMA_DATA to a folder with wordsim/NAME.parquet.")


def _cells(path: Path, roles: Sequence[str]) -> list[tuple[Row, list[Any]]]:
    found, columns = [], None
    for row in rows(path):
        columns = columns or _columns(list(row.values), roles, path)
        if missing := [column for column in columns if column not in row.values]:
            raise DataError(f"the row must have {missing[0]!r}, as the first one has.", path, row.line)
        found.append((row, [row.values[column] for column in columns]))
    return found


def _columns(names: list[str], roles: Sequence[str], path: Path) -> Sequence[str]:
    """The columns that play the roles."""
    if set(roles) <= set(names):
        return roles
    if len(names) != len(roles):
        raise DataError(
            f"must have the columns {', '.join(roles)}, or {len(roles)} columns in this order; it has "
            f"{', '.join(names)}.",
            path,
            1,
        )
    if any(_is_number(name) for name in names):
        raise DataError(f"line 1 must name the columns ({' '.join(roles)}); it holds {' '.join(names)}.", path, 1)
    return names


def _word(cell: Any, path: Path, row: Row) -> str:
    if not isinstance(cell, str) or not cell.strip():
        raise DataError(f"a word was expected; came {cell!r}.", path, row.line)
    return cell.strip()


def _number(cell: Any, path: Path, row: Row) -> float:
    if isinstance(cell, bool) or not _is_number(cell):
        raise DataError(f"the score must be a finite number; came {cell!r}.", path, row.line)
    return float(cell)


def _is_number(cell: Any) -> bool:
    try:
        return abs(float(cell)) < float("inf")
    except (TypeError, ValueError):
        return False
