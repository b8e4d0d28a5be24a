"""The contract of a pre-training method: settings with ranges in, a corpus read, vectors out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any, ClassVar

from yeonma import plugins
from yeonma.errors import ConfigError, nearest
from yeonma.pretraining.corpus import Corpus
from yeonma.pretraining.work import Work, descend
from yeonma.records import Progress, silent
from yeonma.vectors import Vectors

Setting = int | float | str

__all__ = ["Method", "Setting", "choice", "descend", "make_method", "setting"]


def setting(default: float, low: float, high: float, help: str) -> Any:
    """A field of a method: its default, the range it must stay in (both ends allowed), and what it means."""
    return field(default=default, metadata={"low": low, "high": high, "help": help})


def choice(default: str, choices: Sequence[str], help: str) -> Any:
    """A field of a method that is one of a few words."""
    return field(default=default, metadata={"choices": tuple(choices), "help": help})


@dataclass(frozen=True, kw_only=True)
class Method(ABC):
    """A way to make word vectors. A subclass names itself, lists its settings as fields and writes `train`.

    Raises: ConfigError for a setting of another type or outside its range.
    """

    name: ClassVar[str]
    min_count: int = setting(5, 1, 2**31 - 1, "words that occur less often are left out")
    vocab_size: int = setting(0, 0, 2**31 - 1, "how many words are kept, the most frequent; 0 keeps all")
    phrases: float = setting(0.0, 0.0, 1e12, "two words that score more become one, a_b; 0 joins none")
    threads: int = setting(1, 1, 1024, "processes that read, threads that train; only one gives the same bits again")
    seed: int = setting(42, 0, 2**32 - 1, "what all random numbers come from")

    def __post_init__(self) -> None:
        for each in fields(self):
            _check(self.name, each.name, getattr(self, each.name), each.default, each.metadata)

    @property
    def settings(self) -> dict[str, Setting]:
        """The settings this method was made with."""
        return asdict(self)

    @abstractmethod
    def train(self, corpus: Corpus, work: Work, progress: Progress = silent) -> Vectors:
        """The vectors of a corpus: words and counts as they stand there; `config` says what only the method knows.

        Steps go through `descend`, so that `work` holds what a killed training goes on from.
        Raises: Diverged when a number is not finite any more; DiskError.
        """


def make_method(name: str, **settings: Setting) -> Method:
    """A pre-training method by its registered name.

    Raises: ConfigError for an unknown name or setting, naming the nearest, or a value that does not fit.
    """
    kind: Any = plugins.load("pretrain", name)
    if Method not in getattr(kind, "__mro__", ()):
        raise ConfigError(f"The method {name!r} makes no word vectors. Train it with yeonma.pretrain({name!r}, …).")
    known = [each.name for each in fields(kind)]
    for key in settings:
        if key not in known:
            raise ConfigError(f"The method {name!r} has no setting {key!r}.{nearest(key, known)}")
    method: Method = kind(**settings)
    return method


def _check(method: str, key: str, value: Any, default: object, limits: Mapping[str, Any]) -> None:
    if "choices" in limits:
        _check_choice(method, key, value, limits)
        return
    whole = isinstance(default, int)
    kinds = (int,) if whole else (int, float)
    fits = isinstance(value, kinds) and not isinstance(value, bool) and limits["low"] <= value <= limits["high"]
    if not fits:
        kind = "a whole number" if whole else "a number"
        raise ConfigError(
            f"The setting {key!r} of {method!r} ({limits['help']}) must be {kind} from {limits['low']} to "
            f"{limits['high']} (default {default}); {value!r} came."
        )


def _check_choice(method: str, key: str, value: Any, limits: Mapping[str, Any]) -> None:
    if value not in limits["choices"]:
        near = nearest(str(value), limits["choices"])
        raise ConfigError(f"The setting {key!r} of {method!r} ({limits['help']}) cannot be {value!r}.{near}")
