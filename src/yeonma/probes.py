"""What the report needs and only the loop knows: the weights' path, gradient norms, states of fixed texts."""

from __future__ import annotations

import zlib
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from yeonma import batches, optim
from yeonma.batches import Prepared
from yeonma.model import Model
from yeonma.precision import fast_float32

SKETCH, POINTS, TEXTS, AT_ONCE = 256, 32, 64, 16


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


def path(model: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """The sketch (SKETCH,) of every weight that the run trains, by its name, as it stands at the present."""
    chosen = {id(weight) for group in optimizer.param_groups for weight in group["params"]}
    return {name: sketch(name, optim.current(p)) for name, p in model.named_parameters() if id(p) in chosen}


def point(model: nn.Module, optimizer: torch.optim.Optimizer, before: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A point of the weights' path, and how far the last step went.

    before  the path one step ago, where that was recorded; else {}
    Returns path.<weight>; and grad_norm.<layer>, the norm (1,) of the gradient that the step used, and from `before`
    update_norm.<layer>, that of the difference of the sketches: 9 % standard error of its square for one weight, less
    for a layer of several. A layer without a gradient has neither.
    """
    now = path(model, optimizer)
    found = {f"path.{name}": each for name, each in now.items()}
    names = {id(weight): name for name, weight in model.named_parameters()}
    for group in optimizer.param_groups:
        layer, weights = group["name"], group["params"]
        gradients = [optim.grad_norm(weight) for weight in weights if weight.grad is not None]
        if not gradients:
            continue
        found[f"grad_norm.{layer}"] = torch.cat(gradients).norm().reshape(1)
        if before:
            steps = [now[name] - before[name] for name in (names[id(weight)] for weight in weights)]
            found[f"update_norm.{layer}"] = torch.cat(steps).norm().reshape(1)
    return found


@torch.inference_mode()
def states(model: Model, prepared: Prepared) -> dict[str, Tensor]:
    """The first examples as each layer sees them, in evaluation mode: states.<layer> (TEXTS, its width) float32.

    Of the layers that have a vector for each token, the mean over the tokens; states.pooled is what the head reads.
    """
    model.eval()
    found: dict[str, list[Tensor]] = {}
    firsts = prepared.starts[:-1][:TEXTS]  # the first row of each
    for start in range(0, len(firsts), AT_ONCE):
        batch = batches.collate(model.encoder, prepared, firsts[start : start + AT_ONCE])
        mask = batch.mask.unsqueeze(2).float()
        with fast_float32():
            layers, pooled = model.encoder.depths(batch), model.encoder(batch).pooled
        for name, tokens in layers.items():
            found.setdefault(name, []).append((tokens.float() * mask).sum(1) / mask.sum(1).clamp(min=1))
        if pooled is not None:
            found.setdefault("pooled", []).append(pooled.float())
    return {f"states.{name}": torch.cat(parts).cpu() for name, parts in found.items()}
