"""Yeonma (연마) hones a pretrained embedding for one job.

pretrain  word vectors from plain text          finetune  train an encoder and a head for a task
evaluate  score a run, or vectors on words      load      a model or vectors from their folder
export    the tuned vectors of a run            compare   settings by equal rules, with statistics
Report    what runs show, as tables and a page
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"
_WHERE = {
    "Comparison": "studies", "compare": "studies", "Report": "report",
    "evaluate": "api", "export": "api", "finetune": "api", "load": "api", "pretrain": "api",
}  # fmt: skip
__all__ = ["__version__", "Comparison", "Report", "compare", "evaluate", "export", "finetune", "load", "pretrain"]

if TYPE_CHECKING:
    from yeonma.api import evaluate, export, finetune, load, pretrain
    from yeonma.report import Report
    from yeonma.studies import Comparison, compare


def __getattr__(name: str) -> Any:
    """Import a command's function when it is first asked for, so that `import yeonma` is light."""
    if name not in _WHERE:
        raise AttributeError(f"module 'yeonma' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"yeonma.{_WHERE[name]}"), name)
