"""Nine update rules, each written once, and the torch optimizers made from them."""

import yeonma.optim.torch_forms  # noqa: F401 (importing the formulas registers them)
from yeonma.optim.clipping import clip_grad_norm_, grad_norm
from yeonma.optim.lazy import shown
from yeonma.optim.optimizer import (
    GD,
    NAG,
    SGD,
    AdaDelta,
    Adagrad,
    Adam,
    Momentum,
    Nadam,
    RMSProp,
    RuleOptimizer,
    make,
    optimizer_class,
)
from yeonma.optim.registry import Form, Rule, Scalar, get, rule, torch_form
from yeonma.optim.row_table import RowTable, current, unflushed
from yeonma.optim.schedules import SCHEDULES, multiplier, warmup_steps
from yeonma.optim.surfaces import SURFACES, Surface, get_surface, trace

__all__ = [
    "AdaDelta",
    "Adagrad",
    "Adam",
    "Form",
    "GD",
    "Momentum",
    "NAG",
    "Nadam",
    "RMSProp",
    "RowTable",
    "Rule",
    "RuleOptimizer",
    "SCHEDULES",
    "SGD",
    "SURFACES",
    "Scalar",
    "Surface",
    "clip_grad_norm_",
    "current",
    "get",
    "get_surface",
    "grad_norm",
    "make",
    "multiplier",
    "optimizer_class",
    "rule",
    "shown",
    "torch_form",
    "trace",
    "unflushed",
    "warmup_steps",
]
