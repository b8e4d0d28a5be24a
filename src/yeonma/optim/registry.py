"""What is known about an update rule, and the register that `@rule` and `@torch_form` fill."""

from __future__ import annotations

import inspect
from collections import namedtuple
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Any

from yeonma.errors import ConfigError, nearest

Function = Callable[..., tuple[Any, Any]]


class Scalar(float):
    """The start value of a slot that holds one number for a whole tensor instead of one for each weight."""


@dataclass(frozen=True, eq=False)
class Form:
    """One way to write a rule: `function(g, s, t, lr, **hyper) -> (delta, new state)`, pure and elementwise.

    g      gradient: a number, an array or a tensor
    s      a `State`: a named tuple of the slots, each shaped as g (a `Scalar` slot: one float)
    t      the number of this step, counted from 1
    delta  what is added to the weights
    """

    name: str
    function: Function
    slots: Mapping[str, float]
    lr: float

    @cached_property
    def hyper(self) -> Mapping[str, float]:
        """The hyper-parameters beside lr, and their defaults: the function's keyword-only arguments."""
        parameters = inspect.signature(self.function).parameters.values()
        return MappingProxyType({p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY})

    @property
    def formula(self) -> str:
        """The function's docstring: the formula, then where it comes from."""
        return inspect.getdoc(self.function) or ""

    @property
    def equations(self) -> str:
        """The formula alone: the docstring's first paragraph."""
        return self.formula.partition("\n\n")[0]

    @property
    def source(self) -> str:
        """What follows the formula, on one line: what its letters mean, and where it comes from."""
        return " ".join(self.formula.partition("\n\n")[2].split())

    @cached_property
    def State(self) -> Callable[..., Any]:
        """The named tuple of the slots."""
        return namedtuple(f"{self.function.__name__}_state", tuple(self.slots))

    @cached_property
    def scalars(self) -> tuple[str, ...]:
        """The slots that hold one number for a whole tensor."""
        return tuple(name for name, start in self.slots.items() if isinstance(start, Scalar))

    @cached_property
    def elements(self) -> tuple[str, ...]:
        """The slots that hold one number for each weight."""
        return tuple(name for name in self.slots if name not in self.scalars)

    def traffic(self, itemsize: int = 4) -> int:
        """Bytes that one step moves for each weight, of `itemsize` bytes a number (float32).

        Weight and gradient are read, the weight is written; each slot is read and written.
        """
        return itemsize * (3 + 2 * len(self.elements))


@dataclass(frozen=True, eq=False)
class Rule:
    """An update rule in its forms.

    name        what a user types ("rmsprop")            title   how it is written ("RMSProp")
    forms       "deck" and "torch"                       paper   where it was first described
    parents     name of an older rule → what this one adds to it
    full_batch  the gradient is that of the whole data set: one step an epoch
    """

    name: str
    title: str
    paper: str
    parents: Mapping[str, str]
    full_batch: bool
    forms: dict[str, Form] = field(default_factory=dict)

    @property
    def formula(self) -> str:
        """The formula of the deck form."""
        return self.forms["deck"].formula

    def form(self, name: str) -> Form:
        """The form of that name.

        Raises: ConfigError.
        """
        if name not in self.forms:
            raise ConfigError(f"{self.title} has no form {name!r}.{nearest(str(name), self.forms)}")
        return self.forms[name]


RULES: dict[str, Rule] = {}


def rule(
    title: str, *, lr: float, paper: str, parents: Mapping[str, str], full_batch: bool = False, **slots: float
) -> Callable[[Function], Function]:
    """Register the function below as the deck form of the rule of its own name.

    `lr` is the default learning rate; `slots` are the state's names and their values before the first step.
    Raises: ValueError when the name is taken.
    """

    def register(function: Function) -> Function:
        name = function.__name__
        if name in RULES:
            raise ValueError(f"Two update rules are called {name!r}. Give one of them another name.")
        RULES[name] = Rule(name, title, paper, MappingProxyType(dict(parents)), full_batch)
        RULES[name].forms["deck"] = Form("deck", function, MappingProxyType(slots), lr)
        return function

    return register


def torch_form(name: str, *, lr: float, **slots: float) -> Callable[[Function], Function]:
    """Register the function below as the form of rule `name` that equals torch.optim's."""

    def register(function: Function) -> Function:
        RULES[name].forms["torch"] = Form("torch", function, MappingProxyType(slots), lr)
        return function

    return register


def rules() -> Mapping[str, Rule]:
    """All rules by name, in the order they were registered: from the oldest idea to the newest."""
    return MappingProxyType(RULES)


def get(name: str) -> Rule:
    """The rule of that name, whatever its case.

    Raises: ConfigError, naming the nearest known rule.
    """
    key = str(name).lower()
    if key not in RULES:
        raise ConfigError(f"There is no optimizer called {name!r}.{nearest(key, RULES)}")
    return RULES[key]
