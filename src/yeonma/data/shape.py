"""What a shape of rows is: the roles its cells play, and how they become an example's texts and gold answer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from yeonma.data.labels import Labels
from yeonma.data.lines import BadRow
from yeonma.records import Span

Texts = tuple[str, ...]
Gold = str | float | tuple[Span, ...] | None
Cells = Mapping[str, Any]
"""Role → cell. A role without a column is missing."""


@dataclass(frozen=True, slots=True)
class Manner:
    """How the owner of a data set writes its rows, where the task leaves that open.

    scale    the lowest and the highest number where the label is a number, else None
    first    what the label cell of a choice holds for the first ending: 1 or 0
    wording  question → the words that stand in its place behind the premise of a choice
    join     what stands between the tokens of a tagged sentence
    tags     the tags by number, where the cells hold numbers
    """

    scale: tuple[float, float] | None = None
    first: int = 1
    wording: Mapping[str, str] = field(default_factory=dict)
    join: str = " "
    tags: tuple[str, ...] = ()


class Read(NamedTuple):
    """What a row says. `stray` counts the tags that continue an entity which none began."""

    texts: Texts
    gold: Gold
    stray: int = 0


def whole(texts: Texts) -> Iterable[Texts]:
    """The rows a model reads: one, of all texts."""
    return (texts,)


@dataclass(frozen=True, slots=True)
class Shape:
    """One task's rows.

    roles    role → the names its column usually has, likeliest first
    needed   the roles that must have a column, the one with the gold answer last; the first such set that is there
    gold     the roles that say the gold answer
    read     cells, labels, manner → the example; raises BadRow without a place, or DataError where no row can be read
    metric   the score that compares models where no catalog says otherwise
    answer   what the gold answer is called
    closed   whether the labels of train are all there are
    several  the roles that may stand in several columns, ending_1, ending_2, …
    rows     texts → those of each row that a model reads
    """

    roles: Mapping[str, tuple[str, ...]]
    needed: tuple[tuple[str, ...], ...]
    read: Callable[[Cells, Labels, Manner], Read]
    gold: tuple[str, ...] = ("label",)
    metric: str = "accuracy"
    answer: str = "label"
    closed: bool = True
    several: tuple[str, ...] = ()
    rows: Callable[[Texts], Iterable[Texts]] = whole


def text_of(cells: Cells, role: str) -> str:
    """The text in a role's cell; a blank one is a text, a missing one is not.

    Raises: BadRow without a place.
    """
    cell = cells.get(role)
    if isinstance(cell, str):
        return cell
    if cell is None:
        raise BadRow(f"the {role} is missing.")
    raise BadRow(f"the {role} must be text; came {type(cell).__name__} {str(cell)[:40]!r}.")


def label_names(gold: Gold) -> tuple[str, ...]:
    """The labels in a gold answer: one, or that of every span."""
    if isinstance(gold, str):
        return (gold,)
    return tuple(span.label for span in gold if span.label) if isinstance(gold, tuple) else ()
