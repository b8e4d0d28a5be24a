"""One of two processes that train a RowTable together: `python ddp_worker.py RANK FOLDER`, run by test_ddp."""

import os
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel

from yeonma.optim import RowTable, clip_grad_norm_, make

RULES = ("adam", "momentum", "adagrad", "sgd")
ORDERS = ("optimizer first", "wrapped first")
VOCAB, STEPS = 30, 24


class Model(nn.Module):
    """A table and a layer over it."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(1)
        self.table, self.head = RowTable(VOCAB, 4), nn.Linear(4, 1)

    def forward(self, ids):
        return self.head(self.table(ids)).squeeze(-1)


def batches():
    """The global batches: mostly a few rows, so that others sleep, and each half meets rows the other does not."""
    draw = torch.Generator().manual_seed(5)
    return [torch.randint(6 if step % 4 else VOCAB, (8,), generator=draw) for step in range(STEPS)]


def train(model, optimizer, share=slice(None), between=lambda step: None):
    for step, ids in enumerate(batches()):
        optimizer.zero_grad()
        (model(ids[share]) - ids[share].float().sin()).pow(2).mean().backward()
        clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        between(step)


def together(name, order, rank):
    model = Model()
    wrapped = None if order == "optimizer first" else DistributedDataParallel(model)
    optimizer = make(name, (wrapped or model).parameters(), lr=0.05, weight_decay=0.1)
    wrapped = wrapped or DistributedDataParallel(model)

    def look(step):
        if rank == 0 and step % 5 == 0:  # what one process reads changes nothing
            with torch.no_grad():
                model(torch.arange(VOCAB))

    train(wrapped, optimizer, slice(4 * rank, 4 * rank + 4), look)
    assert model.table._parameters["weight"].grad.is_sparse
    return {f"{name} {order} {key}": value.clone() for key, value in model.state_dict().items()}


def foreign():
    """What torch's own optimizer makes of the table where processes are joined: "" or the error."""
    model = DistributedDataParallel(Model())
    try:
        train(model, torch.optim.Adam(model.parameters()))
    except RuntimeError as error:
        return str(error)
    return ""


def main(rank, folder):
    torch.set_num_threads(1)
    distributed.init_process_group("gloo", init_method=f"file://{folder / 'store'}", rank=rank, world_size=2)
    weights = {}
    for name in RULES:
        for order in ORDERS:
            weights |= together(name, order, rank)
    save_file(weights, folder / f"rank{rank}")
    (folder / f"foreign{rank}").write_text(foreign(), encoding="utf-8")
    os._exit(0)  # an error between two processes, made on purpose: threads of theirs may still wait for each other


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
