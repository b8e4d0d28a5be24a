"""Two processes that train a RowTable together (gloo, CPU): as one process on the whole batch."""

import os
import subprocess
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from yeonma.optim import make

SCRIPT = Path(__file__).with_name("ddp_worker.py")

pytestmark = pytest.mark.skipif(not torch.distributed.is_available(), reason="torch was built without distributed")


@pytest.fixture(scope="module")
def worker():
    spec = spec_from_file_location("ddp_worker", SCRIPT)
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def alone(worker, kernel_cache):
    """Rule → what one process makes of the global batches; the kernels are compiled here, once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("YEONMA_CACHE", str(kernel_cache))
        weights = {}
        for name in worker.RULES:
            model = worker.Model()
            worker.train(model, make(name, model.parameters(), lr=0.05, weight_decay=0.1))
            weights[name] = {key: value.clone() for key, value in model.state_dict().items()}
    return weights


@pytest.fixture(scope="module")
def folder(alone, kernel_cache, tmp_path_factory):
    """Where the two processes left what they made."""
    path = tmp_path_factory.mktemp("ddp")
    environment = {**os.environ, "YEONMA_CACHE": str(kernel_cache), "OMP_NUM_THREADS": "1"}
    processes = [
        subprocess.Popen(
            [sys.executable, SCRIPT, str(rank), path],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for rank in (0, 1)
    ]
    try:
        outputs = [process.communicate(timeout=120)[0] for process in processes]
    finally:
        for process in processes:
            process.kill()
    assert [process.returncode for process in processes] == [0, 0], "\n".join(outputs)
    return path


@pytest.mark.parametrize("order", ["optimizer first", "wrapped first"])
@pytest.mark.parametrize("name", ["adam", "momentum", "adagrad", "sgd"])
def test_two_processes_are_one(name, order, folder, alone, worker):
    ranks = [load_file(folder / f"rank{rank}") for rank in (0, 1)]
    start = worker.Model().state_dict()
    for key, expected in alone[name].items():
        one, other = (weights[f"{name} {order} {key}"] for weights in ranks)
        assert torch.equal(one, other)
        assert (one - expected).norm() <= 2e-6 * (expected - start[key]).norm() + 1e-7 * expected.norm()
        assert not torch.equal(one, start[key])


def test_torchs_optimizers_refuse_the_table_there(folder):
    """DistributedDataParallel must be told before training whether gradients are sparse, so there they always are."""
    for rank in (0, 1):
        assert "does not support sparse gradients" in (folder / f"foreign{rank}").read_text(encoding="utf-8")
