"""What the report needs and only the loop knows: the weights' path, gradient norms, states of fixed texts."""

from __future__ import annotations

import zlib

import torch
from torch import Tensor

from yeonma import batches, optim
from yeonma.batches import Prepared
from yeonma.model import Model

SKETCH, POINTS, TEXTS = 256, 32, 64


def due(step: int, steps: int) -> bool:
    """Whether the path is recorded at this step: about POINTS times over a run, and at both ends."""
    return step % max(1, steps // POINTS) == 0 or step == steps


def _signs(name: str, blocks: int) -> Tensor:
    generator = torch.Generator().manual_seed(zlib.crc32(name.encode()))
    return torch.randint(0, 2, (blocks, 1), generator=generator).float() * 2 - 1


@torch.no_grad()
def sketch(name: str, weight: Tensor) -> Tensor:
    """A weight of any shape in SKETCH numbers: blocks of SKETCH are added up with a random sign each.

    Linear, the same for the same name and shape, one pass over memory. Differences between two points keep their
    squared length in expectation over the signs (AMS sketch), so the path's principal axes can be drawn from it.
    """
    flat = weight.detach().flatten().float().cpu()
    blocks, rest = divmod(len(flat), SKETCH)
    result = torch.zeros(SKETCH)
    if blocks:
        result += (flat[: blocks * SKETCH].view(blocks, SKETCH).T @ _signs(name, blocks)).squeeze(1)
    result[:rest] += flat[blocks * SKETCH :]
    return result


def path_point(model: Model, optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Per weight that the run trains: its sketch, and the norm of the gradient that the last step used."""
    chosen = {id(weight) for group in optimizer.param_groups for weight in group["params"]}
    trained = [(name, p) for name, p in model.named_parameters() if id(p) in chosen]
    point = {f"path.{name}": sketch(name, optim.current(p)) for name, p in trained}
    norms = {f"grad_norm.{name}": optim.grad_norm(p) for name, p in trained if p.grad is not None}
    return {**point, **norms}


@torch.inference_mode()
def states(model: Model, prepared: Prepared) -> dict[str, Tensor]:
    """Text vectors (TEXTS, width) of the first examples, in evaluation mode."""
    model.eval()
    rows = prepared.starts[:-1][:TEXTS]  # the first of each
    encoded = model.encoder(batches.collate(model.encoder, prepared, rows)) if len(rows) else None
    return {} if encoded is None or encoded.pooled is None else {"states.pooled": encoded.pooled.float().cpu()}
