"""Training, read top to bottom: a generator of events. What is random is a function of (seed, step) or is saved."""

from __future__ import annotations

import math
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from yeonma import groups, optim, probes
from yeonma.config import CheckpointConfig, TrainConfig
from yeonma.errors import ConfigError, Diverged, RunError
from yeonma.files import read_json
from yeonma.groups import Group
from yeonma.model import load_weights
from yeonma.precision import fast_float32
from yeonma.records import Evaluated, Event, Finished, Progress, Saved, Stepped, silent
from yeonma.run import Run
from yeonma.snapshot import pack_optimizer, unpack_optimizer


class Made(NamedTuple):
    """A step: the summed loss of its examples, how many they were, the learning rate, the gradient's norm."""

    loss: float
    examples: int
    rate: float
    norm: float


@dataclass
class State:
    """What the loop remembers between steps, besides weights, optimizer and random state."""

    step: int = 0
    best_step: int = 0
    best_score: float | None = None
    stale: int = 0  # evaluations since the best one
    loss_sum: float = 0.0  # since the last Stepped
    loss_count: int = 0
    seconds: float = 0.0
    stopped: str = ""
    examples: int = 0  # seen so far
    cpu_seconds: float = 0.0  # of the processor, in steps
    scored: int = 0  # evaluations so far


class Settings(Protocol):
    """The settings that the loop itself reads."""

    @property
    def train(self) -> TrainConfig:
        """How to descend."""

    @property
    def checkpoint(self) -> CheckpointConfig:
        """How often the run is made safe."""


@dataclass(kw_only=True)
class Descent(ABC):
    """Everything the loop needs; a subclass is an objective: it says what is learned, from what, and how it is scored.

    metric  the name of the score that chooses between models; the highest is the best
    """

    config: Settings
    model: nn.Module
    groups: list[Group]
    optimizer: torch.optim.Optimizer
    metric: str
    steps_per_epoch: int
    steps: int
    base_rates: list[float] = field(init=False)
    state: State = field(default_factory=State)
    epoch_plan: tuple[int, list[np.ndarray]] = (-1, [])
    looked: tuple[int, dict[str, Tensor]] = (-1, {})

    def __post_init__(self) -> None:
        self.base_rates = [group["lr"] for group in self.optimizer.param_groups]
        if self.config.train.examples:
            self.steps = steps_within(self, self.config.train.examples)

    @abstractmethod
    def plan(self, epoch: int) -> list[np.ndarray]:
        """The batches of an epoch, as arrays of numbers of examples; the same whenever it is asked for."""

    def passes(self, examples: np.ndarray) -> list[np.ndarray]:
        """A batch in parts that fit into memory, each of which goes forward and back by itself."""
        return [examples]

    @abstractmethod
    def loss(self, examples: np.ndarray) -> Tensor:
        """The mean loss over a batch of examples, to go back from."""

    def look(self) -> None:
        """Keep where the weights are before a step after which `watch` is called."""
        self.looked = self.state.step, probes.path(self.model, self.optimizer)

    def point(self) -> dict[str, Tensor]:
        """A point of the weights' path, and how far the last step went where it was looked at before."""
        step, before = self.looked
        return probes.point(self.model, self.optimizer, before if step == self.state.step - 1 else {})

    def advance(self, stop: Callable[[], bool] = lambda: False) -> Made | None:
        """Make the coming step, or None when asked to stop first; an objective may have a way of its own to make it."""
        return update(self, stop)

    @abstractmethod
    def scores(self) -> Mapping[str, Any]:
        """The scores of the model as it is, on what it is not trained on; `metric` is among them."""

    @abstractmethod
    def inputs(self) -> str:
        """A hash of what the steps are made from: a run is only continued on the same."""

    @abstractmethod
    def begin(self, run: Run, progress: Progress) -> None:
        """Record what is so before the first step."""

    @abstractmethod
    def finish(self, run: Run) -> None:
        """Write what training has made; the best weights are loaded."""

    @abstractmethod
    def watch(self, run: Run, scored: bool) -> None:
        """Record how things are, now and then and whenever the model was scored."""


def descend(
    t: Descent, run: Run, *, resume: bool = False, stop: Callable[[], bool] = lambda: False, progress: Progress = silent
) -> Iterator[Event]:
    """Train until the last step, early stop, or `stop()`; the caller draws the events.

    Yields Stepped at a steady pace, Evaluated and Saved after evaluations and checkpoints, Finished at the end.
    Raises: Diverged when the loss or the gradient is not finite; DiskError; RunError.
    """
    notes = restore(t, run) if resume else []
    _aim(t)
    for note in notes:
        progress(note, 0, None, "")
    if t.state.step == 0:
        t.begin(run, progress)
    log_every = max(1, min(50, t.steps // 400))
    last = saved = time.monotonic()
    began = last - t.state.seconds
    while t.state.step < t.steps and not t.state.stopped:
        random_state = torch.get_rng_state()
        if probes.due(t.state.step + 1, t.steps):
            t.look()
        loss, examples, rate, norm = _timed(t, stop) or Made(math.nan, 0, 0.0, 0.0)
        if not examples:  # asked to stop before the step was made: nothing has moved
            torch.set_rng_state(random_state)
            t.state.seconds = time.monotonic() - began
            yield save(t, run)
            yield Finished(t.state.step, "interrupted", t.state.best_step, t.state.best_score, t.state.seconds)
            return
        step, epoch = t.state.step, (t.state.step - 1) // t.steps_per_epoch
        t.state.loss_sum, t.state.loss_count = t.state.loss_sum + loss, t.state.loss_count + examples
        if step % log_every == 0 or step == t.steps:
            now = time.monotonic()
            mean = t.state.loss_sum / t.state.loss_count
            yield _logged(run, Stepped(step, epoch, mean, rate, norm, t.state.loss_count, now - last))
            t.state.loss_sum, t.state.loss_count, last = 0.0, 0, now
        if probes.due(step, t.steps):
            with optim.shown(progress):
                t.watch(run, scored=False)
        evaluated = must_score(t)
        if evaluated:
            with optim.shown(progress):
                event = _evaluate(t, run)
            yield _logged(run, event)
            last = time.monotonic()
        old = time.monotonic() - saved > t.config.checkpoint.after_seconds
        if step % t.config.checkpoint.every_steps == 0 or (evaluated and old) or step == t.steps:
            saved = time.monotonic()
            t.state.seconds = saved - began
            yield save(t, run)
    yield finish(t, run, time.monotonic() - began)


def _timed(t: Descent, stop: Callable[[], bool]) -> Made | None:
    """The coming step; what it has seen and cost is added up."""
    began, state = time.process_time(), t.state
    made = t.advance(stop)
    if made is None:
        return None
    state.cpu_seconds += time.process_time() - began
    state.examples += made.examples
    _aim(t)
    return made


def _aim(t: Descent) -> None:
    """Where the seconds of the processor are given: the last step as the steps so far let expect it."""
    state, budget = t.state, t.config.train.cpu_seconds
    if budget and state.step:
        left = max(0.0, budget - state.cpu_seconds)
        t.steps = state.step + math.ceil(left * state.step / max(state.cpu_seconds, 1e-9))


def steps_within(t: Descent, examples: int) -> int:
    """How many steps see no more than so many examples; each one of gradient descent sees all there are.

    Raises: ConfigError where that is none.
    """
    sizes = [len(batch) for batch in t.plan(0)]
    epochs, rest = divmod(examples, sum(sizes))
    whole = full_batch(t.config.train)
    last = 0 if whole else int(np.searchsorted(np.cumsum([len(batch) for batch in t.plan(epochs)]), rest, "right"))
    if steps := epochs if whole else epochs * len(sizes) + last:
        return steps
    needed = sum(sizes) if whole else sizes[0]
    raise ConfigError(
        f"train.examples = {examples:,} is not enough for one step, which sees {needed:,}. Give more, or choose a "
        "smaller batch or another optimizer."
    )


def must_score(t: Descent) -> bool:
    """Whether the model is scored after the step that was made: at the settings' pace, and at the end."""
    settings, state = t.config.train, t.state
    if state.step >= t.steps:
        return True
    if settings.evaluations:
        return settings.evaluations * state.step // t.steps > state.scored
    return state.step % (settings.eval_steps or t.steps_per_epoch) == 0


def update(t: Descent, stop: Callable[[], bool] = lambda: False) -> Made | None:
    """One step of the optimizer on the gradient of a batch; None when asked to stop first."""
    groups.freeze(t.groups, t.state.step // t.steps_per_epoch)
    t.model.train()
    t.optimizer.zero_grad()
    chosen = micro_batches(t)
    total, loss_sum = sum(len(examples) for examples in chosen), 0.0
    for examples in chosen:
        if stop():
            return None
        with fast_float32():
            loss = t.loss(examples)
            torch.autograd.backward(loss * (len(examples) / total))  # the step's gradient is the mean over its examples
        loss_sum += float(loss.detach()) * len(examples)
    rate = set_rates(t)
    weights = [p for p in t.model.parameters() if p.grad is not None]
    norm = float(optim.clip_grad_norm_(weights, t.config.train.max_grad_norm or math.inf))
    made = finite(t, Made(loss_sum, total, rate, norm))
    t.optimizer.step()
    t.state.step += 1
    return made


def set_rates(t: Descent) -> float:
    """Give every group its learning rate for the coming step; returns the first one's."""
    settings = t.config.train
    rate = optim.multiplier(
        settings.schedule, t.state.step, t.steps, optim.warmup_steps(settings.warmup_ratio, t.steps)
    )
    for group, base in zip(t.optimizer.param_groups, t.base_rates, strict=True):
        group["lr"] = base * rate
    first: float = t.optimizer.param_groups[0]["lr"]
    return first


def finite(t: Descent, made: Made) -> Made:
    """What the coming step is made of; raise Diverged where that is not finite."""
    if math.isfinite(made.loss) and math.isfinite(made.norm):
        return made
    raise Diverged(
        f"Training diverged at step {t.state.step + 1}: loss {made.loss / made.examples:.4g}, learning rate "
        f"{made.rate:.4g}, gradient norm {made.norm:.4g}. Lower train.learning_rate or "
        f"train.max_grad_norm; the last checkpoint is from before this step."
    )


def full_batch(settings: TrainConfig) -> bool:
    """Gradient descent looks at all the data before it takes a step."""
    return optim.get(settings.optimizer).full_batch


def micro_batches(t: Descent) -> list[np.ndarray]:
    """The examples of the coming step, one batch or for gradient descent all, in parts that fit into memory."""
    epoch, index = divmod(t.state.step, t.steps_per_epoch)
    if t.epoch_plan[0] != epoch:
        t.epoch_plan = (epoch, t.plan(epoch))
    chosen = t.epoch_plan[1] if full_batch(t.config.train) else [t.epoch_plan[1][index]]
    return [part for batch in chosen for part in t.passes(batch)]


def _logged(run: Run, event: Event) -> Event:
    run.log(event)
    return event


def _evaluate(t: Descent, run: Run) -> Evaluated:
    """Score the model; keep the weights if they are the best so far; count towards an early stop."""
    began, state = time.monotonic(), t.state
    must_be_finite(t)
    scores = t.scores()
    state.scored += 1
    best = state.best_score is None or scores[t.metric] > state.best_score
    if best:
        state.best_step, state.best_score, state.stale = state.step, scores[t.metric], 0
        run.checkpoints.save_best(state.step, t.model.state_dict())
    else:
        state.stale += 1
    if 0 < t.config.train.patience <= state.stale:
        state.stopped = "early stop"
    t.watch(run, scored=True)
    epoch, seconds = (state.step - 1) // t.steps_per_epoch, time.monotonic() - began
    return Evaluated(state.step, epoch, scores, best, seconds, t.metric)


def save(t: Descent, run: Run) -> Saved:
    """Write a checkpoint that training can continue from, bit for bit.

    Raises: Diverged rather than write weights that are not finite.
    """
    must_be_finite(t)
    with optim.unflushed():  # rows sleep on after a resume as they would have without it
        tensors, plain = pack_optimizer(t.optimizer)
        files = {"model": t.model.state_dict(), "optimizer": tensors, "rng": {"torch": torch.get_rng_state()}}
    folder = run.checkpoints.save(
        t.state.step, files, {**asdict(t.state), "optimizer": plain, "inputs": t.inputs()}, t.config.checkpoint.keep
    )
    return Saved(t.state.step, folder.name)


def restore(t: Descent, run: Run) -> list[str]:
    """Continue from the newest whole checkpoint, or from the start where there is none; says what was passed over."""
    from safetensors.torch import load_file

    folder, notes = run.checkpoints.newest()
    if folder is None:
        run.forget_after(0)
        return [*notes, "no whole checkpoint: training starts from the beginning"]
    saved: dict[str, Any] = read_json(folder / "state.json")
    if saved.pop("inputs") != t.inputs():
        raise RunError(f"{run.folder}: the data or the vectors have changed since the run began. Start a new run.")
    if [g.get("name") for g in saved["optimizer"]["groups"]] != [g["name"] for g in t.optimizer.param_groups]:
        raise RunError(f"{folder} was written by a version of yeonma with other parameter groups. Start a new run.")
    run.checkpoints.drop_after(saved["step"])
    load_weights(t.model, folder / "model.safetensors")
    unpack_optimizer(t.optimizer, load_file(folder / "optimizer.safetensors"), saved["optimizer"])
    t.state = State(**{name: value for name, value in saved.items() if name != "optimizer"})
    run.forget_after(t.state.step)
    torch.set_rng_state(load_file(folder / "rng.safetensors")["torch"])
    return [*notes, f"continued from {folder.name}"]


def must_be_finite(t: Descent) -> None:
    """Raise Diverged when the last update made a weight infinite or NaN."""
    bad = [name for name, weight in t.model.named_parameters() if not bool(torch.isfinite(weight).all())]
    if bad:
        rate = t.optimizer.param_groups[0]["lr"]
        raise Diverged(
            f"Training diverged at step {t.state.step}: learning rate {rate:.4g}, weights that are not finite: "
            f"{', '.join(bad[:3])} (the gradient norm before the step was finite). Lower train.learning_rate."
        )


def finish(t: Descent, run: Run, seconds: float) -> Finished:
    """Load the best weights and write what they are."""
    load_weights(t.model, run.checkpoints.best(t.state.best_step))
    t.finish(run)
    event = Finished(t.state.step, t.state.stopped or "done", t.state.best_step, t.state.best_score, seconds)
    run.log(event)
    return event
