"""RowTable with what trains: schedulers, accumulation, autocast, scalers, accelerate, clipping."""

import re

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.optim import lr_scheduler

from row_table_builders import draws
from yeonma.errors import ConfigError
from yeonma.optim import Adam, RowTable, multiplier
from yeonma.optim.settings import fold

SCHEDULERS = {
    "lambda": lambda o: lr_scheduler.LambdaLR(o, lambda step: multiplier("cosine", step, 80, 10)),
    "one cycle, which moves the betas": lambda o: lr_scheduler.OneCycleLR(o, max_lr=0.05, total_steps=81),
    "plateau": lambda o: lr_scheduler.ReduceLROnPlateau(o, patience=2, factor=0.5),
    "restarts": lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, 10, eta_min=0),
}


@pytest.mark.parametrize("scheduler", SCHEDULERS)
@pytest.mark.parametrize("name", ["adam", "momentum", "nadam"])
def test_schedulers_of_torch(scheduler, name, twins):
    dense, lazy = twins(name, "torch", lr=0.01)
    for one in (dense, lazy):
        schedule = SCHEDULERS[scheduler](one.optimizer)
        for number, ids in enumerate(draws(80, 40, 5)):
            one.step(ids)
            schedule.step(*([1.0 / (1 + number // 30)] if scheduler == "plateau" else []))
    assert fold(lazy.optimizer.param_groups[0])["lr"] == dense.optimizer.param_groups[0]["lr"]
    assert lazy.away_from(dense) < 1e-12


def test_gradients_add_up_over_several_batches(engine, twins):
    dense, lazy = twins("adam", weight_decay=0.1)
    for one in (dense, lazy):
        for number in range(60):
            one.step(*draws(4, 40, 3, seed=number), clip=0.5)
    assert lazy.away_from(dense) < 1e-12


def test_gradients_set_to_zero_or_to_none():
    def run(table_type, set_to_none):
        torch.manual_seed(0)
        table = table_type(20, 3).double()
        optimizer = Adam(table.parameters(), lr=0.1)
        for ids in draws(30, 20, 4):
            optimizer.zero_grad(set_to_none=set_to_none)
            table(ids).sin().sum().backward()
            optimizer.step()
        return table.weight.detach()

    for set_to_none in (True, False):
        torch.testing.assert_close(run(RowTable, set_to_none), run(nn.Embedding, set_to_none), rtol=1e-12, atol=1e-13)


class Classifier(nn.Module):
    """The mean of a text's vectors, and a layer."""

    def __init__(self, table_type, dtype=torch.float32):
        super().__init__()
        torch.manual_seed(0)
        self.table, self.head = table_type(40, 8), nn.Linear(8, 3)
        self.to(dtype)

    def forward(self, ids):
        return self.head(self.table(ids).mean(1))


def batches_and_labels(steps):
    return [(ids.view(4, 3), ids.view(4, 3)[:, 0] % 3) for ids in draws(steps, 40, 12)]


def trained(model, optimizer, steps=30, backward=None, around=torch.enable_grad):
    for ids, labels in batches_and_labels(steps):
        optimizer.zero_grad()
        with around():
            loss = F.cross_entropy(model(ids).float(), labels)
        backward(loss) if backward else loss.backward()
        optimizer.step()
    return torch.cat([weight.detach().double().flatten() for weight in model.state_dict().values()])


def test_autocast():
    def run(table_type):
        model = Classifier(table_type)
        optimizer = Adam(model.parameters(), lr=0.01)
        return trained(model, optimizer, around=lambda: torch.autocast("cpu", torch.bfloat16))

    torch.testing.assert_close(run(RowTable), run(nn.Embedding), rtol=0, atol=2e-3)


def test_a_step_that_a_scaler_skips_moves_no_clock():
    def run(table_type):
        model = Classifier(table_type, torch.float64)
        optimizer = Adam(model.parameters(), lr=0.01)
        scaler = torch.amp.GradScaler("cpu", init_scale=8.0)
        for number, (ids, labels) in enumerate(batches_and_labels(30)):
            optimizer.zero_grad()
            loss = F.cross_entropy(model(ids), labels)
            scaler.scale(loss * float("inf") if number % 7 == 3 else loss).backward()
            scaler.step(optimizer)
            scaler.update()
        return torch.cat([weight.flatten() for weight in model.state_dict().values()])

    one, other = run(RowTable), run(nn.Embedding)
    assert one.isfinite().all()
    torch.testing.assert_close(one, other, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("used", [False, True])
def test_accelerate(used):
    accelerate = pytest.importorskip("accelerate")

    def run(with_accelerate):
        model = Classifier(RowTable, torch.float64)
        optimizer = Adam(model.parameters(), lr=0.01)
        if used:
            trained(model, optimizer)
        if not with_accelerate:
            return trained(model, optimizer)
        accelerator = accelerate.Accelerator(cpu=True)
        ready, its_optimizer = accelerator.prepare(model, optimizer)
        return trained(ready, its_optimizer, backward=accelerator.backward)

    torch.testing.assert_close(run(True), run(False), rtol=1e-12, atol=1e-13)


def test_torch_clipping_raises_instead_of_leaving_rows_out(trainee):
    table = trainee(RowTable, "adam").table
    table(torch.tensor([1, 2])).sum().backward()
    with pytest.raises((NotImplementedError, RuntimeError)):
        nn.utils.clip_grad_norm_(table.parameters(), 1.0)


def test_messages_name_the_way_out():
    with pytest.raises(ConfigError, match=re.escape("Use an nn.Embedding for them.")):
        RowTable(3, 2, max_norm=1.0)
