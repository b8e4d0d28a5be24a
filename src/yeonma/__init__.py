"""Yeonma (연마) hones a pretrained embedding for one job.

pretrain  word vectors from plain text          finetune  train an encoder and a head for a task
evaluate  score a run or model on a split       load      a model or vectors from their folder
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"
__all__ = ["__version__", "evaluate", "finetune", "load", "pretrain"]

if TYPE_CHECKING:
    from yeonma.api import evaluate, finetune, load, pretrain


def __getattr__(name: str) -> Any:
    """Import a command's function when it is first asked for, so that `import yeonma` is light."""
    if name.startswith("_") or name not in __all__:
        raise AttributeError(f"module 'yeonma' has no attribute {name!r}")
    from yeonma import api

    return getattr(api, name)
