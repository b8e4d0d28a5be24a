"""The shapes of tasks by name, and those of the two whose answer is a label of the whole row."""

from __future__ import annotations

from yeonma.data.answers import QA
from yeonma.data.choices import CHOICE
from yeonma.data.labels import Labels
from yeonma.data.numbers import number_of
from yeonma.data.shape import Cells, Gold, Manner, Read, Shape, text_of
from yeonma.data.tagging import TAGGING
from yeonma.errors import ConfigError, nearest

_TEXT = ("text", "document", "sentence", "review", "title", "content", "comment", "utterance", "문장", "리뷰", "내용")
_LABEL = ("label", "labels", "category", "class", "sentiment", "target", "gold", "라벨", "레이블", "분류")
_ANSWER = ("label", "gold_label", "labels", "score", "similarity", "is_duplicate", "target", "gold", "라벨", "레이블")
_TEXT1 = ("text1", "sentence1", "premise", "question1", "text_a", "sentence_a", "context_1", "question", "문장1")
_TEXT2 = (
    *("text2", "sentence2", "hypothesis", "question2", "text_b", "sentence_b", "context_2"),
    *("sentence", "paragraph", "passage", "context", "answer", "문장2"),
)


def _gold(cells: Cells, labels: Labels, manner: Manner) -> Gold:
    """The label, or where there is a scale the number, in the cell of the role `label`."""
    if manner.scale:
        return number_of(cells.get("label"), manner.scale, required=labels.required)
    return labels.read(cells.get("label"))


def _single(cells: Cells, labels: Labels, manner: Manner) -> Read:
    return Read((text_of(cells, "text"),), _gold(cells, labels, manner))


def _pair(cells: Cells, labels: Labels, manner: Manner) -> Read:
    return Read((text_of(cells, "text1"), text_of(cells, "text2")), _gold(cells, labels, manner))


SHAPES: dict[str, Shape] = {
    "single": Shape({"text": _TEXT, "label": _LABEL}, (("text", "label"),), _single),
    "pair": Shape({"text1": _TEXT1, "text2": _TEXT2, "label": _ANSWER}, (("text1", "text2", "label"),), _pair),
    "choice": CHOICE,
    "qa": QA,
    "tagging": TAGGING,
}


def shape_of(task: str) -> Shape:
    """The shape of a task's rows.

    Raises: ConfigError, naming the nearest known task.
    """
    if task not in SHAPES:
        raise ConfigError(f"There is no task {task!r} whose rows can be read.{nearest(task, SHAPES)}")
    return SHAPES[task]
