"""A linear-chain conditional random field: log-likelihood, best path and marginals, over the batch at once.

A path y of a row's tags has the score  start[y₁] + Σₜ emissions[t, yₜ] + Σₜ step[yₜ₋₁, yₜ] + end[y_T], and the
probability exp(score) / Z (Lafferty, McCallum & Pereira 2001; Lample et al. 2016, section 2.2). log Z comes from the
forward recursion, marginals from forward and backward (Rabiner 1989, III), the best path from Viterbi's.

Shapes: emissions (B, T, L), mask (B, T) bool with the real tokens first (padding on the right only), start (L,),
step (L, L) from row to column, end (L,). A row without tokens has log Z 0, score 0 and an empty path. All of it runs in
float32 at least, under autocast too.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

BARRED = -1e4  # low enough that no path takes it, high enough that float32 sums stay finite


def _wide(emissions: Tensor, mask: Tensor) -> Tensor:
    """At least float32, and 0 on padding, so that nothing that stands there reaches a sum or a gradient."""
    wide = emissions.to(torch.promote_types(emissions.dtype, torch.float32))
    return wide.masked_fill(~mask[..., None], 0.0)


def _forward(emissions: Tensor, mask: Tensor, start: Tensor, step: Tensor) -> list[Tensor]:
    """T × (B, L): log-sum of the scores of all ways to each tag of token t; on padding that of the last real token."""
    ways = [start + emissions[:, 0]]
    for t in range(1, emissions.shape[1]):
        onward = torch.logsumexp(ways[-1][:, :, None] + step, 1) + emissions[:, t]
        ways.append(torch.where(mask[:, t, None], onward, ways[-1]))
    return ways


def _backward(emissions: Tensor, mask: Tensor, step: Tensor, end: Tensor) -> list[Tensor]:
    """T × (B, L): log-sum of the scores of all ways from each tag of token t to the end."""
    ways = [end.expand(emissions.shape[0], -1)]
    for t in range(emissions.shape[1] - 1, 0, -1):
        onward = torch.logsumexp(step + (emissions[:, t] + ways[-1])[:, None, :], 2)
        ways.append(torch.where(mask[:, t, None], onward, ways[-1]))
    return ways[::-1]


def log_partition(emissions: Tensor, mask: Tensor, start: Tensor, step: Tensor, end: Tensor) -> Tensor:
    """(B,) log Z: the log of the sum of exp(score) over all paths."""
    last = _forward(_wide(emissions, mask), mask, start, step)[-1]
    return torch.where(mask[:, 0], torch.logsumexp(last + end, 1), 0.0)


def path_score(emissions: Tensor, tags: Tensor, mask: Tensor, start: Tensor, step: Tensor, end: Tensor) -> Tensor:
    """(B,) score of the paths tags (B, T) int64; what stands on padding is not read."""
    tags = tags.masked_fill(~mask, 0)
    local = _wide(emissions, mask).gather(2, tags[..., None]).squeeze(2).sum(1)
    steps = step[tags[:, :-1], tags[:, 1:]].masked_fill(~mask[:, 1:], 0.0).sum(1)
    last = tags.gather(1, (mask.sum(1, keepdim=True) - 1).clamp(min=0)).squeeze(1)
    return torch.where(mask[:, 0], local + steps + start[tags[:, 0]] + end[last], 0.0)


def nll(emissions: Tensor, tags: Tensor, mask: Tensor, start: Tensor, step: Tensor, end: Tensor) -> Tensor:
    """(B,) negative log-likelihood of the paths tags (B, T), in nats a row: log Z − score."""
    return log_partition(emissions, mask, start, step, end) - path_score(emissions, tags, mask, start, step, end)


def marginals(emissions: Tensor, mask: Tensor, start: Tensor, step: Tensor, end: Tensor) -> Tensor:
    """(B, T, L) probability of each tag of each token, over all paths; 0 on padding."""
    wide = _wide(emissions, mask)
    ahead, behind = _forward(wide, mask, start, step), _backward(wide, mask, step, end)
    return (torch.stack(ahead, 1) + torch.stack(behind, 1)).softmax(2).masked_fill(~mask[..., None], 0.0)


def viterbi(emissions: Tensor, mask: Tensor, start: Tensor, step: Tensor, end: Tensor) -> list[list[int]]:
    """The path of the highest score of each row, as long as the row."""
    wide = _wide(emissions, mask)
    best, pointers = start + wide[:, 0], []
    for t in range(1, wide.shape[1]):
        onward, pointer = (best[:, :, None] + step).max(1)
        best = torch.where(mask[:, t, None], onward + wide[:, t], best)
        pointers.append(pointer)
    path = [(best + end).argmax(1)]
    for t in range(wide.shape[1] - 1, 0, -1):
        earlier = pointers[t - 1].gather(1, path[-1][:, None]).squeeze(1)
        path.append(torch.where(mask[:, t], earlier, path[-1]))
    rows: list[list[int]] = torch.stack(path[::-1], 1).tolist()
    return [row[:length] for row, length in zip(rows, mask.sum(1).tolist(), strict=True)]


def barred(tags: Sequence[str]) -> tuple[Tensor, Tensor]:
    """(L,) and (L, L) bool: the BIO tags that cannot begin a row, and the pairs that cannot follow: I-x but after x."""
    inside = torch.tensor([tag.startswith("I-") for tag in tags])
    same = torch.tensor([[old[2:] == new[2:] and old != "O" for new in tags] for old in tags])
    return inside, inside & ~same


class Chain(nn.Module):
    """The learnt part of a chain over named BIO tags: start (L,), step (L, L) and end (L,), all from 0.

    What BIO forbids is kept out by a constant of −10⁴ that is not learnt and not saved: no path that `viterbi` finds
    breaks BIO. Gold tags must keep to it too, as those of `tags_of` do.
    """

    start_bar: Tensor
    step_bar: Tensor

    def __init__(self, tags: Sequence[str]) -> None:
        super().__init__()
        self.start = nn.Parameter(torch.zeros(len(tags)))
        self.step = nn.Parameter(torch.zeros(len(tags), len(tags)))
        self.end = nn.Parameter(torch.zeros(len(tags)))
        start, step = barred(tags)
        self.register_buffer("start_bar", start * BARRED, persistent=False)
        self.register_buffer("step_bar", step * BARRED, persistent=False)

    def weights(self) -> tuple[Tensor, Tensor, Tensor]:
        """(start, step, end) with what BIO forbids held down; what the functions of this module take."""
        wide = torch.promote_types(self.start.dtype, torch.float32)
        start, step, end = self.start.to(wide), self.step.to(wide), self.end.to(wide)
        return start + self.start_bar, step + self.step_bar, end

    def nll(self, emissions: Tensor, tags: Tensor, mask: Tensor) -> Tensor:
        """(B,) `nll` under these weights."""
        return nll(emissions, tags, mask, *self.weights())

    def viterbi(self, emissions: Tensor, mask: Tensor) -> list[list[int]]:
        """`viterbi` under these weights."""
        return viterbi(emissions, mask, *self.weights())

    def marginals(self, emissions: Tensor, mask: Tensor) -> Tensor:
        """(B, T, L) `marginals` under these weights."""
        return marginals(emissions, mask, *self.weights())
