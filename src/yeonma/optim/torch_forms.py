"""The same rules as torch.optim writes them: ε outside the root, the learning rate outside the buffer.

Equal to torch.optim.SGD, Adagrad, RMSprop, Adadelta, Adam and NAdam with torch's defaults, in weights and in state.
"""

# ruff: noqa: D403 (the letters of a formula keep their case)

from __future__ import annotations

from typing import Any

from yeonma.optim.arithmetic import sqrt, unbias
from yeonma.optim.registry import Scalar, torch_form
from yeonma.optim.rules import Array, Update, adadelta, gd, sgd

torch_form("gd", lr=1e-3)(gd)
torch_form("sgd", lr=1e-3)(sgd)
torch_form("adadelta", lr=1.0, G=0.0, S=0.0)(adadelta)


@torch_form("momentum", lr=1e-3, b=0.0)
def momentum_torch(g: Array, s: Any, t: float, lr: float, *, momentum: float = 0.9) -> Update:
    """b ← m b + g
    Δ = −α b        differs from the deck form when α changes: the old velocity is rescaled

    torch.optim.SGD(momentum=m).
    """
    b = momentum * s.b + g
    return -lr * b, s._replace(b=b)


@torch_form("nag", lr=1e-3, b=0.0)
def nag_torch(g: Array, s: Any, t: float, lr: float, *, momentum: float = 0.9) -> Update:
    """b ← m b + g
    Δ = −α (g + m b)

    torch.optim.SGD(momentum=m, nesterov=True).
    """
    b = momentum * s.b + g
    return -lr * (g + momentum * b), s._replace(b=b)


@torch_form("adagrad", lr=1e-2, G=0.0)
def adagrad_torch(g: Array, s: Any, t: float, lr: float, *, lr_decay: float = 0.0, eps: float = 1e-10) -> Update:
    """G ← G + g²
    Δ = −α / (1 + (t − 1) λ) · g / (√G + ε)        λ is `lr_decay`

    torch.optim.Adagrad.
    """
    G = s.G + g * g
    return -lr / (1 + (t - 1) * lr_decay) * g / (sqrt(G) + eps), s._replace(G=G)


@torch_form("rmsprop", lr=1e-2, G=0.0)
def rmsprop_torch(g: Array, s: Any, t: float, lr: float, *, alpha: float = 0.99, eps: float = 1e-8) -> Update:
    """G ← γ G + (1 − γ) g²
    Δ = −α g / (√G + ε)        γ is `alpha`, α is `lr`

    torch.optim.RMSprop.
    """
    G = alpha * s.G + (1 - alpha) * g * g
    return -lr * g / (sqrt(G) + eps), s._replace(G=G)


@torch_form("adam", lr=1e-3, m=0.0, v=0.0)
def adam_torch(
    g: Array, s: Any, t: float, lr: float, *, beta1: float = 0.9, beta2: float = 0.999, eps: float = 1e-8
) -> Update:
    """m ← β₁ m + (1 − β₁) g        m̂ = m / (1 − β₁ᵗ)
    v ← β₂ v + (1 − β₂) g²       v̂ = v / (1 − β₂ᵗ)
    Δ = −α m̂ / (√v̂ + ε)

    torch.optim.Adam; with `weight_decay` torch.optim.AdamW.
    """
    m = beta1 * s.m + (1 - beta1) * g
    v = beta2 * s.v + (1 - beta2) * g * g
    m_hat = m / unbias(beta1, t)
    v_hat = v / unbias(beta2, t)
    return -lr * m_hat / (sqrt(v_hat) + eps), s._replace(m=m, v=v)


@torch_form("nadam", lr=2e-3, m=0.0, v=0.0, mu_product=Scalar(1.0))
def nadam_torch(
    g: Array,
    s: Any,
    t: float,
    lr: float,
    *,
    beta1: float = 0.9,
    beta2: float = 0.999,
    eps: float = 1e-8,
    momentum_decay: float = 4e-3,
) -> Update:
    """μ = β₁ (1 − ½ · 0.96^(t ψ))        μ' = β₁ (1 − ½ · 0.96^((t + 1) ψ))        Π ← Π μ, from 1
    m ← β₁ m + (1 − β₁) g        m̄ = μ' m / (1 − Π μ') + (1 − μ) g / (1 − Π)
    v ← β₂ v + (1 − β₂) g²       v̂ = v / (1 − β₂ᵗ)
    Δ = −α m̄ / (√v̂ + ε)

    ψ is `momentum_decay`, Π is `mu_product`. torch.optim.NAdam.
    """
    mu = beta1 * (1 - 0.5 * 0.96 ** (t * momentum_decay))
    mu_next = beta1 * (1 - 0.5 * 0.96 ** ((t + 1) * momentum_decay))
    mu_product = s.mu_product * mu
    m = beta1 * s.m + (1 - beta1) * g
    v = beta2 * s.v + (1 - beta2) * g * g
    m_bar = mu_next / (1 - mu_product * mu_next) * m + (1 - mu) / (1 - mu_product) * g
    v_hat = v / unbias(beta2, t)
    return -lr * m_bar / (sqrt(v_hat) + eps), s._replace(m=m, v=v, mu_product=mu_product)
