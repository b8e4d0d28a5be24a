"""What becomes of a run while its events pass by: its status stays true, and the machine's failures become ours."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from yeonma.errors import DiskError, InputError, OutOfMemory
from yeonma.records import Evaluated, Event, Finished
from yeonma.run import Run

HEARTBEAT = 5.0  # seconds between two writes of status.json
MEMORY = ("not enough memory", "out of memory", "allocate memory")  # how torch says it, in a RuntimeError


def watched(run: Run, events: Iterator[Event], *, new: bool, advice: str) -> Iterator[Event]:
    """The events of a run that is locked; at their end, however they end, its status says so and it is released.

    new     whether this is the run's first start: where its input turns out to be wrong it leaves no folder behind
    advice  what to lower when memory runs out
    Raises: OutOfMemory, and what the events raise.
    """
    try:
        yield from _noted(run, events, advice)
    except (KeyboardInterrupt, GeneratorExit):
        if run.status().get("state") == "running":
            run.set_status("interrupted", reason="stopped without saving")
        raise
    except BaseException as error:
        if isinstance(error, InputError) and new and not run.has_trained():
            run.discard()
        else:
            with suppress(DiskError):
                run.note(f"failed: {type(error).__name__}: {error}")
                run.set_status("failed", reason=str(error), kind=type(error).__name__)
        raise
    finally:
        run.release()


def _noted(run: Run, events: Iterator[Event], advice: str) -> Iterator[Event]:
    run.set_status("running", step=0)
    beat = time.monotonic()
    with memory_told(advice):
        for event in events:
            if isinstance(event, Finished):
                state = "interrupted" if event.reason == "interrupted" else "done"
                run.set_status(state, step=event.step, reason=event.reason)
                run.note(f"{event.reason} at step {event.step}; best {event.best_score} at step {event.best_step}")
            elif time.monotonic() - beat > HEARTBEAT:
                beat = time.monotonic()
                run.set_status("running", step=event.step)
            if isinstance(event, Evaluated):
                run.note(f"step {event.step}, validation {event.metric} {event.scores[event.metric]:.4f}")
            yield event


@contextmanager
def memory_told(advice: str) -> Iterator[None]:
    """Turn what says that memory ran out into an OutOfMemory with advice."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, MemoryError) or any(words in str(error).lower() for words in MEMORY):
            said = next(iter(str(error).splitlines()), "")
            raise OutOfMemory(f"Memory ran out: {said} {advice}") from error
        raise
