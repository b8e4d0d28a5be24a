"""Nine update rules, each written once, and the torch optimizers made from them."""

import yeonma.optim.torch_forms  # noqa: F401 (importing the formulas registers them)
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
    "Rule",
    "RuleOptimizer",
    "SCHEDULES",
    "SGD",
    "SURFACES",
    "Scalar",
    "Surface",
    "get",
    "get_surface",
    "make",
    "multiplier",
    "optimizer_class",
    "rule",
    "torch_form",
    "trace",
    "warmup_steps",
]
