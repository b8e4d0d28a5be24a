"""Two texts that read each other: taken apart, softly aligned token by token, compared, put together again."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

Two = tuple[Tensor, Tensor]


class TwoTexts:
    """The tokens of text 0 and of text 1 of every row, as two padded batches.

    part (B, T) as in a Batch. `masks` are (B, T0) and (B, T1) bool, True on real tokens, padding behind them; T0 and T1
    are the longest text of their kind, at least 1.
    """

    def __init__(self, part: Tensor) -> None:
        own = part == 0, part == 1
        sizes = [max(1, int(mask.sum(1).max())) for mask in own]
        order = [(~mask).to(torch.int8).argsort(dim=1, stable=True) for mask in own]
        self._places = order[0][:, : sizes[0]], order[1][:, : sizes[1]]
        self.masks: Two = own[0].gather(1, self._places[0]), own[1].gather(1, self._places[1])
        ranks = torch.where(own[1], sizes[0] + own[1].cumsum(1), own[0].cumsum(1)) - 1
        self._home, self._real = ranks.clamp(min=0), own[0] | own[1]

    def apart(self, x: Tensor) -> Two:
        """(B, T, width) → (B, T0, width) and (B, T1, width); zeros on padding."""
        first, second = (
            turned(x, places) * mask.unsqueeze(2) for places, mask in zip(self._places, self.masks, strict=True)
        )
        return first, second

    def together(self, texts: Two) -> Tensor:
        """The way back to (B, T, width); zeros on what belongs to neither text."""
        return turned(torch.cat(texts, dim=1), self._home) * self._real.unsqueeze(2)


def turned(x: Tensor, turn: Tensor) -> Tensor:
    """Rows of x (B, T, width) in the order of `turn` (B, S)."""
    return x.gather(1, turn.unsqueeze(2).expand(-1, -1, x.shape[2]))


class Alignment(nn.Module):
    """Each token beside what it finds in the other text (Parikh et al. 2016, arXiv 1606.01933, section 3).

    eᵢⱼ = hᵢ · hⱼ / √inputs between tokens of different texts;  aᵢ = Σⱼ softmaxⱼ(eᵢⱼ) hⱼ;
    outᵢ = ReLU(W [hᵢ; aᵢ; hᵢ − aᵢ; hᵢ ⊙ aᵢ] + b), as ESIM enhances it (Chen et al. 2017, arXiv 1609.06038, eq. 14).
    Where the other text is empty, aᵢ is zero.
    """

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.project = nn.Linear(4 * inputs, width)

    def forward(self, texts: Two, masks: Two) -> Two:
        """(B, T0, inputs) and (B, T1, inputs) with their masks → (B, T0, width) and (B, T1, width)."""
        first, second = texts
        e = first @ second.transpose(1, 2) / math.sqrt(first.shape[2])
        return (
            self._enhanced(first, attended(e, second, masks[1])),
            self._enhanced(second, attended(e.transpose(1, 2), first, masks[0])),
        )

    def _enhanced(self, h: Tensor, a: Tensor) -> Tensor:
        return F.relu(self.project(torch.cat((h, a, h - a, h * a), dim=2)))


def attended(e: Tensor, values: Tensor, mask: Tensor) -> Tensor:
    """Σⱼ softmaxⱼ(eᵢⱼ) valuesⱼ over the real j: e (B, T, S), values (B, S, w), mask (B, S) → (B, T, w).

    Zero where a row has no real j.
    """
    weights = e.masked_fill(~mask.unsqueeze(1), torch.finfo(e.dtype).min).softmax(2)
    return weights @ values * mask.any(1)[:, None, None]


def highest(x: Tensor, mask: Tensor) -> Tensor:
    """The maximum over the real tokens: (B, T, w) → (B, w); zero where there are none."""
    top = x.masked_fill(~mask.unsqueeze(2), torch.finfo(x.dtype).min).amax(1)
    return torch.where(mask.any(1, keepdim=True), top, 0)


class Comparison(nn.Module):
    """ReLU(W [u; v; |u − v|; u ⊙ v] + b) of the vectors of two texts (as InferSent, arXiv 1705.02364, section 3.1)."""

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.project = nn.Linear(4 * inputs, width)

    def forward(self, u: Tensor, v: Tensor) -> Tensor:
        """(B, inputs) twice → (B, width)."""
        return F.relu(self.project(torch.cat((u, v, (u - v).abs(), u * v), dim=1)))
