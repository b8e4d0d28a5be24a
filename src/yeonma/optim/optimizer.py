"""Real torch optimizers made from the rules: drop-in, in either form, for any dtype and device."""

from __future__ import annotations

import inspect
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from operator import attrgetter
from types import NoneType, new_class
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch._C._autograd import _profiler_enabled
from torch.nn import Parameter
from torch.optim import Optimizer
from torch.optim.optimizer import _global_optimizer_post_hooks, _global_optimizer_pre_hooks

from yeonma.errors import ConfigError
from yeonma.optim import kernels, torch_ops
from yeonma.optim.entries import Entries
from yeonma.optim.lazy import ASLEEP, LazyRows
from yeonma.optim.registry import Form, Rule, get
from yeonma.optim.row_table import AS_IT_STANDS, RowParameter, lazy_rows
from yeonma.optim.settings import Settings, fold, resolve, settings_of, unfold

GRAD, LAYOUT = attrgetter("grad"), attrgetter("layout")

# What a parameter group may hold beside settings: torch's own keys, those of its schedulers, and a name for people.
LABELS = {
    "params",
    "param_names",
    "name",
    "form",
    "rule",
    "initial_lr",
    "min_lr",
    "max_lr",
    "base_momentum",
    "max_momentum",
    "swa_lr",
}


class _Undecorated(Optimizer):
    """torch's, without the wrappers whose work is to import torch._dynamo, one to two seconds, at their first call."""

    add_param_group = inspect.unwrap(Optimizer.add_param_group)
    load_state_dict = inspect.unwrap(Optimizer.load_state_dict)
    state_dict = inspect.unwrap(Optimizer.state_dict)
    zero_grad = inspect.unwrap(Optimizer.zero_grad)


class RuleOptimizer(_Undecorated):
    """A torch optimizer that applies one rule; subclasses name it: `class Adam(RuleOptimizer, rule="adam")`.

    params        as for every torch optimizer: parameters, or groups of them with settings of their own
    lr            learning rate; None: the rule's default for the form
    form          "deck" (ε inside the root, learning rate inside the velocity) or "torch" (equal to torch.optim's)
    weight_decay  decoupled, as in AdamW: W ← (1 − lr · weight_decay) W + Δ
    l2            coupled: g ← g + l2 · W, what torch.optim.SGD and Adam call weight_decay
    hyper         the rule's own, by torch's names or the deck's symbols (`settings.ALIASES`)

    Raises: ConfigError for a setting that does not exist or does not fit; at the step, for sparse gradients and complex
    weights. State per parameter: "step" (as in torch a float32 number on the CPU) and one tensor for each slot of the
    rule; weights of half precision keep a float32 state and are computed in float32.
    """

    rule: ClassVar[Rule]

    def __init_subclass__(cls, *, rule: str | None = None, **rest: Any) -> None:
        super().__init_subclass__(**rest)
        if rule is not None:
            cls.rule = get(rule)
            cls.__doc__ = f"{cls.__doc__}\n\n{cls.rule.formula}\n\nArguments: see `RuleOptimizer`."

    def __init__(
        self,
        params: Any,
        lr: float | None = None,
        *,
        form: str = "deck",
        weight_decay: float = 0.0,
        l2: float = 0.0,
        **hyper: Any,
    ) -> None:
        self._streams = defaultdict[int, kernels.Streams](kernels.Streams)  # by number of the group
        chosen = self.rule.form(form)
        given = {**hyper, "weight_decay": weight_decay, "l2": l2, **({} if lr is None else {"lr": lr})}
        settings = {"lr": chosen.lr, **chosen.hyper, **resolve(chosen, given)}
        super().__init__(params, {"rule": self.rule.name, "form": form, **fold(settings)})

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add parameters with settings of their own; what is not given is the optimizer's.

        Raises: ConfigError as the constructor does.
        """
        form = self.rule.form(param_group.get("form", self.defaults["form"]))
        if form.name != self.defaults["form"]:
            raise ConfigError(f"One optimizer has one form; got {form.name!r} beside {self.defaults['form']!r}.")
        labels = {name: value for name, value in param_group.items() if name in LABELS}
        own = resolve(form, {name: value for name, value in param_group.items() if name not in LABELS})
        defaults = {name: value for name, value in unfold(self.defaults) if name not in LABELS}
        super().add_param_group({**labels, "rule": self.rule.name, **fold({**defaults, **own})})
        try:
            self._attach(self.param_groups[-1])
        except ConfigError:
            self.param_groups.pop()
            raise

    def _attach(self, group: Mapping[str, Any]) -> None:
        form = self.rule.form(group["form"])
        for weight in group["params"]:
            if isinstance(weight, RowParameter):
                weight.attach(self, self.rule, form, settings_of(form, group))

    def zero_grad(self, set_to_none: bool = True) -> None:
        """torch's; the gradient of a RowTable is always set to None, since each batch brings rows of its own."""
        for group in self.param_groups:
            for weight in group["params"]:
                if isinstance(weight, RowParameter):
                    weight.grad = None
        super().zero_grad(set_to_none)

    def __setstate__(self, state: dict[str, Any]) -> None:
        """torch's, after a copy or when a state is loaded."""
        super().__setstate__({key: value for key, value in state.items() if key != "clocks"})
        self.defaults.pop("differentiable", None)  # torch puts it there; no rule has such a setting
        self._streams = defaultdict(kernels.Streams)
        self._attach_copies(state.get("clocks", {}))

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Make one step on every parameter that has a gradient; returns what `closure` returned."""
        return self._watched_step(closure) if self._is_watched() else self._step(closure)

    step.hooked = True  # type: ignore[attr-defined]  # or torch wraps every step, as it does _watched_step

    def _is_watched(self) -> bool:
        """Whether a profiler or a hook wants to know of this step: readiness for them costs more than a small step."""
        own = self._optimizer_step_pre_hooks or self._optimizer_step_post_hooks
        return bool(own or _global_optimizer_pre_hooks or _global_optimizer_post_hooks or _profiler_enabled())

    def _step(self, closure: Callable[[], Any] | None) -> Any:
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        form = self.rule.form(self.defaults["form"])
        groups = [(settings_of(form, group), group["params"]) for group in self.param_groups]
        plans = [(settings, *self._entries(form, weights, settings)) for settings, weights in groups]
        for number, (settings, entries, tables) in enumerate(plans):  # whatever is refused is refused before this
            for rows in tables:
                rows.step(settings)
            torch_ops.step_all(form, kernels.step_all(form, entries, settings, self._streams[number]), settings)
        return loss

    _watched_step = Optimizer.profile_hook_step(_step)

    def _entries(self, form: Form, weights: Sequence[Tensor], settings: Settings) -> tuple[Entries, list[LazyRows]]:
        """The weights that have a gradient, with their states, and the rows of those that are RowTables."""
        grads, tables = [*map(GRAD, weights)], []
        entries = Entries([*weights], grads, [*map(self.state.get, weights)])
        if NoneType in {*map(type, grads)}:
            entries = entries.where(grad is not None for grad in grads)
        if {*map(type, entries.weights)} != {Parameter}:
            asleep = [lazy_rows(weight) is not None for weight in entries.weights]
            tables = [self._rows(*entry, settings) for entry in zip(*entries.where(asleep), strict=True)]
            entries = entries.where(not sleeps for sleeps in asleep)
        if not {*map(LAYOUT, entries.grads)} <= {torch.strided}:
            raise ConfigError("Sparse gradients are not taken: make the embedding with sparse=False.")
        if not all(entries.states):
            started = [state or self._start(form, weight) for weight, _, state in zip(*entries, strict=True)]
            entries = entries._replace(states=started)
        return entries, tables

    def _rows(self, weight: Tensor, grad: Tensor, state: dict[str, Tensor] | None, settings: Settings) -> LazyRows:
        """The rows of a RowTable's weight, ready for a step."""
        rows = lazy_rows(weight)
        assert rows is not None
        if rows.owner() is not self:
            raise ConfigError("Another optimizer was built on this RowTable later: step that one.")
        rows.check(grad, settings)
        rows.state = self.state[weight] = state or rows.begin()
        return rows

    def _start(self, form: Form, weight: Tensor) -> dict[str, Tensor]:
        if weight.is_complex():
            raise ConfigError("Complex weights are not taken: hold their real and imaginary parts as a real tensor.")
        state = self.state[weight] = start(form, weight)
        return state

    def state_dict(self) -> dict[str, Any]:
        """torch's, with rows of a RowTable as of now; inside `unflushed()` as they stand, with what they sleep by."""
        saved: dict[str, Any] = super().state_dict()
        for number, weight in enumerate(self._weights()):
            rows = lazy_rows(weight)
            if rows is not None and number in saved["state"]:
                saved["state"][number] = {**saved["state"][number], **rows.saved(AS_IT_STANDS.get())}
        return saved

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take up a saved state exactly: unlike torch's, it keeps the state's precision where weights are of half.

        Raises: ConfigError when it was saved by another rule or form, or for other shapes.
        """
        form = self.rule.form(self.defaults["form"])
        if not {"state", "param_groups"} <= state_dict.keys():
            raise ConfigError("This is not the state of an optimizer: it has no state and no param_groups.")
        self._check_saved(form, state_dict)
        names = chain.from_iterable(group["params"] for group in state_dict["param_groups"])
        saved = [state_dict["state"].get(name, {}) for name in names]
        for weight, slots in zip(self._weights(), saved, strict=False):
            if lazy_rows(weight) is None and ASLEEP & slots.keys():
                raise ConfigError("The rows of this state are asleep: load it into an optimizer on a RowTable.")
            for name in slots.keys() & {*form.elements}:
                if slots[name].shape != weight.shape:
                    had, has = tuple(slots[name].shape), tuple(weight.shape)
                    raise ConfigError(f"This state was saved for a weight of another shape: {had}, not {has}.")
        self._flush()  # the weights stay where the state before had them
        super().load_state_dict(state_dict)
        for weight, slots in zip(self._weights(), saved, strict=True):
            if slots:
                self.state[weight] = restored(form, weight, slots)
            if (rows := lazy_rows(weight)) is not None:
                rows.take_up(self.state.get(weight, {}), slots)

    def _weights(self) -> Iterator[Tensor]:
        return chain.from_iterable(group["params"] for group in self.param_groups)

    def _flush(self) -> None:
        for weight in self._weights():
            if (rows := lazy_rows(weight)) is not None and rows.owner() is self:
                rows.flush()

    def __getstate__(self) -> dict[str, Any]:
        self._flush()
        state: dict[str, Any] = super().__getstate__()
        tables = {number: lazy_rows(weight) for number, weight in enumerate(self._weights())}
        clocks = {number: rows.clocks() for number, rows in tables.items() if rows is not None}
        return {**state, "clocks": clocks}

    def _attach_copies(self, clocks: Mapping[int, Mapping[str, Tensor]]) -> None:
        for group in self.param_groups:
            if any(isinstance(weight, RowParameter) and weight.rows is None for weight in group["params"]):
                self._attach(group)
        for number, weight in enumerate(self._weights()):
            if number in clocks and (rows := lazy_rows(weight)) is not None:
                rows.take_up(self.state.get(weight, {}), clocks[number])

    def _check_saved(self, form: Form, state_dict: Mapping[str, Any]) -> None:
        expected = f"This state was not saved by {self.rule.title} in the form {form.name!r}: "
        advice = " Build the optimizer as it was when the state was saved."
        for group in state_dict["param_groups"]:
            if missing := self.defaults.keys() - group.keys():
                raise ConfigError(f"{expected}a group lacks {', '.join(sorted(missing))}.{advice}")
            if (group["rule"], group["form"]) != (self.rule.name, form.name):
                raise ConfigError(f"{expected}it is {group['rule']}'s, in the form {group['form']!r}.{advice}")
        for saved in state_dict["state"].values():
            if saved.keys() - ASLEEP != {"step", *form.slots}:
                raise ConfigError(f"{expected}a weight has {', '.join(sorted(saved)) or 'nothing'}.{advice}")


def start(form: Form, weight: Tensor) -> dict[str, Tensor]:
    """The state before the first step."""
    dtype = torch_ops.compute_dtype(weight.dtype)
    state = {"step": torch.zeros((), dtype=torch.float32)}
    for name, value in form.slots.items():
        if name in form.scalars:
            state[name] = torch.tensor(float(value), dtype=torch.float64)
        else:
            state[name] = torch.full_like(weight, value, dtype=dtype, memory_format=torch.preserve_format)
    return state


def restored(form: Form, weight: Tensor, saved: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Copies of the saved slots in the precision and place that `start` gives them."""
    dtype = torch_ops.compute_dtype(weight.dtype)
    steps = {"step": saved["step"].to("cpu", torch.float32, copy=True)}
    scalars = {name: saved[name].to("cpu", torch.float64, copy=True) for name in form.scalars}
    return steps | scalars | {name: saved[name].to(weight.device, dtype, copy=True) for name in form.elements}


class GD(RuleOptimizer, rule="gd"):
    """Gradient descent: one step for the gradient over all the data (`rule.full_batch` is true)."""


class SGD(RuleOptimizer, rule="sgd"):
    """Stochastic gradient descent: one step for each batch."""


class Momentum(RuleOptimizer, rule="momentum"):
    """SGD with a velocity."""


class NAG(RuleOptimizer, rule="nag"):
    """Nesterov's accelerated gradient."""


class Adagrad(RuleOptimizer, rule="adagrad"):
    """A step of its own for each weight, from the sum of its squared gradients."""


class RMSProp(RuleOptimizer, rule="rmsprop"):
    """A step of its own for each weight, from the running mean of its squared gradients."""


class AdaDelta(RuleOptimizer, rule="adadelta"):
    """RMSProp whose step size comes from the steps before."""


class Adam(RuleOptimizer, rule="adam"):
    """Momentum and RMSProp, both unbiased."""


class Nadam(RuleOptimizer, rule="nadam"):
    """Adam with Nesterov's look-ahead."""


def optimizer_class(name: str) -> type[RuleOptimizer]:
    """The optimizer of a rule, whatever the case of its name; a rule without a class above gets one.

    Raises: ConfigError, naming the nearest known rule.
    """
    rule = get(name)
    for known in RuleOptimizer.__subclasses__():
        if known.rule is rule:
            return known
    return new_class(rule.title, (RuleOptimizer,), {"rule": rule.name}, lambda body: body.update(__doc__=rule.title))


def make(name: str, params: Iterable[Any], **arguments: Any) -> RuleOptimizer:
    """The optimizer of that name on `params`: `make("adam", model.parameters(), lr=1e-3)`.

    Raises: ConfigError for an unknown name or setting.
    """
    return optimizer_class(name)(params, **arguments)
