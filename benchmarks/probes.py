"""What recording for the report costs: the share of a run's CPU time spent in probes.

    YEONMA_DATA=DIR python benchmarks/probes.py

Trains bag (the cheapest steps, so the dearest share) and bilstm-attention on 40,000 reviews of NSMC for one epoch each,
with a clock around everything that `yeonma.probes` and `Run.save_probe` do. Adds a row to results/probes.jsonl.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from yeonma import api, chosen, probes
from yeonma.run import Run


class Clock:
    """Adds up the CPU time of the functions it wraps."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def around(self, owner: Any, name: str) -> None:
        """Put the clock around `owner.name`."""
        inner: Callable[..., Any] = getattr(owner, name)

        def timed(*args: Any, **kwargs: Any) -> Any:
            began = time.process_time()
            try:
                return inner(*args, **kwargs)
            finally:
                self.seconds += time.process_time() - began

        setattr(owner, name, timed)


def main() -> None:
    """Measure both encoders, print and append."""
    clock = Clock()
    for owner, name in ((probes, "path_point"), (probes, "states"), (Run, "save_probe")):
        clock.around(owner, name)
    row = {}
    for encoder in ("bag", "bilstm-attention"):
        overrides = {"data": {"limit": 40_000}, "train": {"threads": 1, "epochs": 1, "batch_size": 128}}
        config = chosen.settings(data="nsmc", encoder=encoder, overrides=overrides)
        clock.seconds, began = 0.0, time.process_time()
        with tempfile.TemporaryDirectory() as folder:
            list(api.training(config, Path(folder) / "run"))
        whole = time.process_time() - began
        row[encoder] = {"probe_seconds": round(clock.seconds, 3), "run_seconds": round(whole, 2)}
        print(f"{encoder:<18} probes {clock.seconds:.2f} of {whole:.1f} CPU s: {100 * clock.seconds / whole:.2f} %")
    with Path("results/probes.jsonl").open("a", encoding="utf-8") as stream:
        stream.write(json.dumps(row) + "\n")


if __name__ == "__main__":
    main()
