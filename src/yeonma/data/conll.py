"""CoNLL columns: one token a line, its tag in the last column if it has one, a blank line behind every sentence."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, takewhile

from yeonma.data.lines import BadRow, Lines
from yeonma.data.row import Row
from yeonma.errors import DataError

COMMENT = "## "
DOCUMENT = "-DOCSTART-"
LONGEST_SENTENCE = 100_000
"""Tokens; more of them are no sentence but a file without blank lines."""


def is_conll(first: str) -> bool:
    """Whether a table whose first line is this holds columns of tags: KLUE's and KMOU's comments, CoNLL's documents."""
    return first.startswith((COMMENT, DOCUMENT))


class Conll(Iterator[Row]):
    """The sentences of a file as rows with the columns `tokens`, `ner_tags` and, where a comment names it, `id`.

    Columns are parted by tabs or, in a line without one, by blanks. Lines that begin with `## ` before a sentence are
    comments; `## ID<tab>SENTENCE` (KLUE) gives the id. `-DOCSTART-` is left out. A line `_<tab>_<tab>_<tab>TAG` (KMOU)
    stands for a blank between words. A file whose first token stands alone has no tags, and rows without `ner_tags`.
    """

    def __init__(self, first: str, lines: Lines) -> None:
        self._lines = lines
        self._ahead = chain([first], lines)
        self._whole = True
        self._tagged: bool | None = None  # the first token says

    def __next__(self) -> Row:
        """The next sentence; behind a wrong line, the one after the next blank line."""
        if not self._whole:
            for _ in takewhile(str.strip, self._ahead):
                pass
        self._whole = False
        comment, first = self._opening()
        if not first:
            raise StopIteration
        line = self._lines.number
        pairs = [self._token(first)]
        for other in takewhile(str.strip, self._ahead):
            pairs.append(self._token(other))
            if len(pairs) > LONGEST_SENTENCE:
                reason = f"a sentence must have at most {LONGEST_SENTENCE:,} tokens"
                raise DataError(f"{reason}; a blank line must end each. Are there any?", self._lines.path, line)
        self._whole = True
        tokens, tags = zip(*pairs, strict=True)
        own_id = {"id": comment.split("\t")[0].strip()} if "\t" in comment else {}
        return Row(line, {**own_id, "tokens": list(tokens), **({"ner_tags": list(tags)} if self._tagged else {})})

    def _opening(self) -> tuple[str, str]:
        """The last comment before a sentence, and its first line; "" at the end of the file."""
        comment = ""
        for line in self._ahead:
            if line.startswith(COMMENT):
                comment = line.removeprefix(COMMENT)
            elif line.strip() and not line.startswith(DOCUMENT):
                return comment, line
        return comment, ""

    def _token(self, line: str) -> tuple[str, str]:
        """A line's token and tag; "" in a file without tags."""
        cells = line.split("\t") if "\t" in line else line.split()
        if self._tagged is None:
            self._tagged = len(cells) > 1
        if self._tagged != (len(cells) > 1):
            must = "a token and, in its last column, a tag" if self._tagged else "a token alone, as the first line does"
            raise BadRow(f"must hold {must}; came {line[:40]!r}.", self._lines.path, self._lines.number)
        blank = len(cells) > 2 and set(cells[:-1]) == {"_"}
        return " " if blank else cells[0], cells[-1].strip() if self._tagged else ""
