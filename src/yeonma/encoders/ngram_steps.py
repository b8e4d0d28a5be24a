"""An epoch of a linear model over n-grams, one document a step: a kernel with the optimizer's rule written into it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
from torch import Tensor
from torch.autograd.graph import increment_version

from yeonma.encoders.ngram_features import Features
from yeonma.errors import ConfigError
from yeonma.optim.kernel_files import LOCK, compiled, element
from yeonma.optim.prefetch import STAMP
from yeonma.optim.registry import Form
from yeonma.optim.settings import Settings
from yeonma.optim.split import Split, split

TEXT = '''\
"""`{name}` on the n-grams of one document after the other; made from the rule's source."""

from math import exp, log, log1p, sqrt

from numba import njit
from numpy import empty as _empty, float32 as _float32

from yeonma.optim.prefetch import AHEAD as _AHEAD, ahead as _ahead  # {stamp}

_range, _max, _min, _abs, _exp, _log, _log1p, _sqrt = range, max, min, abs, exp, log, log1p, sqrt


@njit(cache=True, nogil=True, error_model="numpy", fastmath={{"contract", "reassoc"}})
def kernel(_shrink, _l2, _constants, _documents, _golds, _class_weights, _most, _ids, _starts, _weight{slots}):
    """Returns the summed loss and the summed square of the documents' gradient norms.

    _constants  (documents, constants) of the rule, for each step
    _most       the greatest norm of a document's gradient; 0: whatever it is
    _weight     (rows · {outputs},) and so each slot; row 0 is the bias
    """
    _loss = _squares = 0.0
    _scores = _empty({outputs}, _float32)
{tables}
    for _t in _range(_documents.size):
        _document = _documents[_t]
        _first, _last = _starts[_document], _starts[_document + 1]
        if _t + 1 < _documents.size:  # the rows of the next document, so that memory is there when it begins
            for _k in _range(_starts[_documents[_t + 1]] - _AHEAD, _starts[_documents[_t + 1] + 1] - _AHEAD):
{fetches}
        _value = _float32(1 / _sqrt(_max(_last - _first - 1, 1)))
        for _o in _range({outputs}):
            _sum = _float32(0)
            for _k in _range(_first + 1, _last):
                _sum += _weight[_ids[_k] * {outputs} + _o]
            _scores[_o] = _weight[_o] + _sum * _value
        _gold = _golds[_document]
        _heed = _class_weights[_gold]
{errors}
        _square = 0.0
        for _o in _range({outputs}):
            _square += _scores[_o] * _scores[_o]
        _square *= _heed * _heed * (1 + _min(_last - _first - 1, 1))
        _squares += _square
        _heed *= _most / _sqrt(_square) if 0 < _most * _most < _square else 1
{constants}
        for _o in _range({outputs}):
            _error = _float32(_heed * _scores[_o])
            _step = _error * _value
            for _k in _range(_first, _last):
                _i = _ids[_k] * {outputs} + _o
                _w = _weight[_i]
                g = (_step if _k > _first else _error) + _l2 * _w
{body}
    return _loss, _squares
'''

# From the scores to the derivative of the loss by them, in place; the loss of a document.
LOGISTIC = """\
        _z = _scores[0] if _gold == 1 else -_scores[0]
        _loss += _heed * (_log1p(_exp(-_abs(_z))) + _max(-_z, 0))
        _scores[0] = 1 / (1 + _exp(-_scores[0])) - _gold"""
SOFTMAX = """\
        _top = _scores.max()
        _total = 0.0
        for _o in _range(_scores.size):
            _total += _exp(_scores[_o] - _top)
        _loss += _heed * (_log(_total) + _top - _scores[_gold])
        for _o in _range(_scores.size):
            _scores[_o] = _exp(_scores[_o] - _top) / _total
        _scores[_gold] -= 1"""


def text(name: str, outputs: int, slots: Sequence[str], constants: Sequence[str], body: Sequence[str]) -> str:
    """The Python file of a kernel: two classes where `outputs` is 1, else as many classes as outputs.

    The stamp of what it imports stands in it, so that a changed `ahead` gives another file too.
    """
    tables = ["_weight", *(f"_all_{slot}" for slot in slots)]
    return TEXT.format(
        name=name,
        stamp=STAMP,
        outputs=outputs,
        slots="".join(f", {name}" for name in tables[1:]),
        tables="\n".join(f"    _rows{name} = {name}.reshape((-1, {outputs}))" for name in tables),
        fetches="\n".join(f"                _ahead(_rows{name}, _ids, _k)" for name in tables),
        errors=LOGISTIC if outputs == 1 else SOFTMAX,
        constants="\n".join(f"        _c{i} = _constants[_t, {i}]  # {what}" for i, what in enumerate(constants)),
        body="\n".join(f"                {line}" for line in body),
    )


@cache
def load(form: Form, outputs: int) -> Callable[..., Any]:
    """The kernel of a form on float32.

    Raises: ConfigError where Python has no source for the rule.
    """
    parts, name = split(form), form.function.__name__
    if parts is None:
        raise ConfigError(f"The encoder 'ngram' writes the rule into its kernel, and {name} has no source in a file.")
    source = text(name, outputs, form.elements, parts.constants, element(form, parts))
    return compiled(f"{name}_ngram{outputs}", source, _nothing(outputs, len(form.elements), len(parts.constants)))


def _nothing(outputs: int, slots: int, constants: int) -> tuple[Any, ...]:
    weight, none = np.zeros(0, np.float32), np.zeros(0, np.int64)
    heed = np.ones(max(2, outputs), np.float32)
    one = np.float32(1)
    return (one, one, np.zeros((0, constants), np.float32), none, none, heed, one, np.zeros(0, np.int32), none, weight,
            *[weight] * slots)  # fmt: skip


class Lesson:
    """What documents say: their features, the number of each one's label, and how much each label weighs (float32)."""

    def __init__(self, data: Features, golds: np.ndarray, class_weights: np.ndarray) -> None:
        self.data, self.golds, self.class_weights = data, golds, class_weights

    def step(
        self, form: Form, weight: Tensor, state: Mapping[str, Tensor], documents: np.ndarray, settings: Settings,
        most: float,
    ) -> tuple[float, float]:  # fmt: skip
        """Make a step of the rule for each document (n,), in order, on the touched rows of weight (V, outputs).

        Step t of the rule is the t-th document since the beginning; the state's clock counts them.
        Returns (summed loss, summed square of the documents' gradient norms, before they are cut to `most`).
        """
        parts = split(form)
        assert parts is not None
        constants, scalars = constants_of(form, parts, state, len(documents), settings)
        with LOCK:
            kernel = load(form, weight.shape[1])
        slots = [state[name] for name in form.elements]
        sums = self._run(kernel, weight, slots, documents, constants, settings, most)
        state["step"] += len(documents)
        for name, value in zip(form.scalars, scalars, strict=True):
            state[name].fill_(value)
        return sums

    def _run(
        self, kernel: Callable[..., Any], weight: Tensor, slots: Sequence[Tensor], documents: np.ndarray,
        constants: np.ndarray, settings: Settings, most: float,
    ) -> tuple[float, float]:  # fmt: skip
        arrays = [x.detach().numpy().reshape(-1) for x in (weight, *slots)]
        numbers = np.float32(settings.shrink), np.float32(settings.l2), constants
        about = documents, self.golds, self.class_weights, np.float32(most)
        loss, squares = kernel(*numbers, *about, self.data.ids, self.data.starts, *arrays)
        increment_version(weight)
        return float(loss), float(squares)


def constants_of(
    form: Form, parts: Split, state: Mapping[str, Tensor], count: int, settings: Settings
) -> tuple[np.ndarray, Sequence[float]]:
    """The rule's constants for each of the coming steps, (count, constants) float32, and its scalar slots after them.

    A rule whose constants do not change from one step to the next is asked twice, not `count` times.
    """
    start = form.State(**{name: state[name].item() if name in form.scalars else None for name in form.slots})
    begin, lines, line = int(state["step"]), np.empty((count, len(parts.constants)), np.float32), None
    for number in range(count):
        before = line
        line, scalars = parts.prelude(None, start, begin + number + 1, settings.lr, **settings.hyper)
        start = start._replace(**dict(zip(form.scalars, scalars, strict=True)))
        lines[number:] = line
        if line == before and not form.scalars:
            break
    return lines, [getattr(start, name) for name in form.scalars]
