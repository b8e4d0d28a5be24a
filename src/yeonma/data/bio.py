"""From the BIO tags of tokens to the entities of a sentence, broken tags read as conlleval reads them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from yeonma.data.lines import BadRow
from yeonma.records import Span

_TAG = re.compile(r"([BIES])[-_](.+)", re.DOTALL)


class Entities(NamedTuple):
    """A sentence, its entities, and how many of them an I or E began."""

    text: str
    spans: tuple[Span, ...]
    stray: int


def entities(tokens: Sequence[str], tags: Sequence[str], join: str) -> Entities:
    """The tokens with `join` between them, and the entities that their tags mean.

    As in conlleval.pl (Tjong Kim Sang, CoNLL-2000) an entity begins at B and S, and at an I or E behind O, behind an E
    or S, or behind another type; it ends before the next beginning, before O, and behind E and S. So BIO, IOB1 and
    BIOES are all read.
    Raises: BadRow without a place for a tag of another form.
    """
    spans: list[Span] = []
    place, stray, opened = 0, 0, ""
    for token, tag in zip(tokens, tags, strict=True):
        part, label = _parts(tag)
        if label and (part in "BS" or label != opened):
            spans.append(Span(place, place + len(token), label))
            stray += part in "IE"
        elif label:
            spans[-1] = spans[-1]._replace(end=place + len(token))
        opened = label if part in "BI" else ""
        place += len(token) + len(join)
    return Entities(join.join(tokens), tuple(spans), stray)


def _parts(tag: str) -> tuple[str, str]:
    """B, I, E or S and the type; O and "" outside."""
    if tag == "O":
        return "O", ""
    if match := _TAG.fullmatch(tag):
        return match[1], match[2]
    raise BadRow(f"a tag must be O or begin with B-, I-, E- or S-; came {tag[:40]!r}.")
