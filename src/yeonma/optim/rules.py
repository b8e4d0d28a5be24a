"""The nine update rules, each written once: the body reads as the formula, the docstring is the formula.

    W ← W + Δ     g gradient     t step, from 1     α learning rate `lr`     all state starts at 0

This is the deck form: ε stands inside the root (its default is the square of torch's, so that both floors of the
root are alike), the learning rate stands inside the velocity, and NAG stores the look-ahead point. The form that equals
torch.optim stands in `torch_forms`.
"""

# ruff: noqa: D403 (the letters of a formula keep their case)

from __future__ import annotations

from typing import Any

from yeonma.optim.arithmetic import sqrt, unbias
from yeonma.optim.registry import get as get
from yeonma.optim.registry import rule
from yeonma.optim.registry import rules as rules

Array = Any  # a number, an array or a tensor: every rule is elementwise
Update = tuple[Any, Any]


@rule("GD", lr=3e-1, full_batch=True, parents={}, paper="Cauchy 1847")
def gd(g: Array, s: Any, t: float, lr: float) -> Update:
    """Δ = −α g        g: the gradient over all the data

    Cauchy 1847, Méthode générale pour la résolution des systèmes d'équations simultanées.
    """
    return -lr * g, s


@rule("SGD", lr=3e-1, parents={"gd": "looks at one batch instead of all the data"}, paper="Robbins & Monro 1951")
def sgd(g: Array, s: Any, t: float, lr: float) -> Update:
    """Δ = −α g        g: the gradient over one batch

    Robbins & Monro 1951, A Stochastic Approximation Method.
    """
    return -lr * g, s


@rule("Momentum", lr=3e-2, parents={"sgd": "keeps a velocity"}, paper="Polyak 1964", v=0.0)
def momentum(g: Array, s: Any, t: float, lr: float, *, momentum: float = 0.9) -> Update:
    """v ← m v − α g
    Δ = v

    m is `momentum`. Polyak 1964, Some methods of speeding up the convergence of iteration methods.
    """
    v = momentum * s.v - lr * g
    return v, s._replace(v=v)


@rule(
    "NAG",
    lr=3e-2,
    parents={"momentum": "takes the gradient where the velocity is about to lead"},
    paper="Nesterov 1983; Sutskever et al. 2013",
    v=0.0,
)
def nag(g: Array, s: Any, t: float, lr: float, *, momentum: float = 0.9) -> Update:
    """v ← m v − α g
    Δ = m v − α g        the weights held are the look-ahead point θ = W + m v; W itself is θ − m v

    m is `momentum`. Nesterov 1983, A method of solving a convex programming problem with convergence rate O(1/k²);
    Sutskever, Martens, Dahl & Hinton 2013, On the importance of initialization and momentum in deep learning, eq. 3-4.
    """
    v = momentum * s.v - lr * g
    return momentum * v - lr * g, s._replace(v=v)


@rule(
    "Adagrad",
    lr=3e-2,
    parents={"sgd": "gives each weight a step of its own, smaller the more it has moved"},
    paper="Duchi, Hazan & Singer 2011",
    G=0.0,
)
def adagrad(g: Array, s: Any, t: float, lr: float, *, eps: float = 1e-20) -> Update:
    """G ← G + g²
    Δ = −α g / √(G + ε)

    Duchi, Hazan & Singer 2011, Adaptive Subgradient Methods, JMLR 12, diagonal form.
    """
    G = s.G + g * g
    return -lr * g / sqrt(G + eps), s._replace(G=G)


@rule(
    "RMSProp",
    lr=1e-3,
    parents={"adagrad": "forgets old squares, so that the steps do not die"},
    paper="Tieleman & Hinton 2012",
    G=0.0,
)
def rmsprop(g: Array, s: Any, t: float, lr: float, *, alpha: float = 0.9, eps: float = 1e-16) -> Update:
    """G ← γ G + (1 − γ) g²
    Δ = −α g / √(G + ε)

    γ is `alpha`, as torch calls it, or `gamma`; α is `lr`. Tieleman & Hinton 2012, Neural Networks for Machine
    Learning, lecture 6.5.
    """
    G = alpha * s.G + (1 - alpha) * g * g
    return -lr * g / sqrt(G + eps), s._replace(G=G)


@rule(
    "AdaDelta",
    lr=1.0,
    parents={"rmsprop": "takes the size of the step from the steps before, so that no learning rate is needed"},
    paper="Zeiler 2012",
    G=0.0,
    S=0.0,
)
def adadelta(g: Array, s: Any, t: float, lr: float, *, rho: float = 0.9, eps: float = 1e-6) -> Update:
    """G ← γ G + (1 − γ) g²
    d = √(S + ε) / √(G + ε) · g
    S ← γ S + (1 − γ) d²
    Δ = −α d        α = 1 is the paper's

    γ is `rho`, or `gamma`. Zeiler 2012, ADADELTA: An Adaptive Learning Rate Method, arXiv:1212.5701, Algorithm 1.
    """
    G = rho * s.G + (1 - rho) * g * g
    d = sqrt(s.S + eps) / sqrt(G + eps) * g
    S = rho * s.S + (1 - rho) * d * d
    return -lr * d, s._replace(G=G, S=S)


@rule(
    "Adam",
    lr=1e-3,
    parents={"momentum": "averages the gradients", "rmsprop": "averages their squares; both averages are unbiased"},
    paper="Kingma & Ba 2015",
    m=0.0,
    v=0.0,
)
def adam(
    g: Array, s: Any, t: float, lr: float, *, beta1: float = 0.9, beta2: float = 0.999, eps: float = 1e-16
) -> Update:
    """m ← β₁ m + (1 − β₁) g        m̂ = m / (1 − β₁ᵗ)
    v ← β₂ v + (1 − β₂) g²       v̂ = v / (1 − β₂ᵗ)
    Δ = −α m̂ / √(v̂ + ε)

    Kingma & Ba 2015, Adam: A Method for Stochastic Optimization, arXiv:1412.6980, Algorithm 1 (there ε stands outside).
    """
    m = beta1 * s.m + (1 - beta1) * g
    v = beta2 * s.v + (1 - beta2) * g * g
    m_hat = m / unbias(beta1, t)
    v_hat = v / unbias(beta2, t)
    return -lr * m_hat / sqrt(v_hat + eps), s._replace(m=m, v=v)


@rule(
    "Nadam",
    lr=2e-3,
    parents={"adam": "keeps both averages", "nag": "looks ahead: the mean of the next step is used already"},
    paper="Dozat 2016",
    m=0.0,
    v=0.0,
)
def nadam(
    g: Array, s: Any, t: float, lr: float, *, beta1: float = 0.9, beta2: float = 0.999, eps: float = 1e-16
) -> Update:
    """m ← β₁ m + (1 − β₁) g        m̄ = β₁ m / (1 − β₁ᵗ⁺¹) + (1 − β₁) g / (1 − β₁ᵗ)
    v ← β₂ v + (1 − β₂) g²       v̂ = v / (1 − β₂ᵗ)
    Δ = −α m̄ / √(v̂ + ε)

    Dozat 2016, Incorporating Nesterov Momentum into Adam, Algorithm 2 with constant μ (no momentum schedule).
    """
    m = beta1 * s.m + (1 - beta1) * g
    v = beta2 * s.v + (1 - beta2) * g * g
    m_bar = beta1 / unbias(beta1, t + 1) * m + (1 - beta1) / unbias(beta1, t) * g
    v_hat = v / unbias(beta2, t)
    return -lr * m_bar / sqrt(v_hat + eps), s._replace(m=m, v=v)
