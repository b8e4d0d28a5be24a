"""The contract of a pre-training method: settings with ranges in, a corpus read, vectors out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, ClassVar

from yeonma import plugins
from yeonma.errors import ConfigError, nearest
from yeonma.pretraining.corpus import Corpus
from yeonma.records import Progress, silent
from yeonma.vectors import Vectors

Setting = int | float


def setting(default: Setting, low: Setting, high: Setting, help: str) -> Any:
    """A field of a method: its default, the range it must stay in (both ends allowed), and what it means."""
    return field(default=default, metadata={"low": low, "high": high, "help": help})


@dataclass(frozen=True, kw_only=True)
class Method(ABC):
    """A way to make word vectors. A subclass names itself, lists its settings as fields and writes `train`.

    Raises: ConfigError for a setting of another type or outside its range.
    """

    name: ClassVar[str]
    min_count: int = setting(5, 1, 2**31 - 1, "words that occur less often are left out")
    seed: int = setting(42, 0, 2**32 - 1, "what all random numbers come from")

    def __post_init__(self) -> None:
        for each in fields(self):
            _check(self.name, each.name, getattr(self, each.name), each.default, each.metadata)

    @property
    def settings(self) -> dict[str, Setting]:
        """The settings this method was made with."""
        return asdict(self)

    @abstractmethod
    def train(self, corpus: Corpus, progress: Progress = silent) -> Vectors:
        """The vectors of a corpus: words and counts as they stand there; `config` says what only the method knows.

        Raises: Diverged when a number is not finite any more.
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
    whole = isinstance(default, int)
    kinds = (int,) if whole else (int, float)
    fits = isinstance(value, kinds) and not isinstance(value, bool) and limits["low"] <= value <= limits["high"]
    if not fits:
        kind = "a whole number" if whole else "a number"
        raise ConfigError(
            f"The setting {key!r} of {method!r} ({limits['help']}) must be {kind} from {limits['low']} to "
            f"{limits['high']} (default {default}); {value!r} came."
        )
