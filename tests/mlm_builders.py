"""What the tests of masked language modelling share: sentences to learn, and the settings of a tiny run."""

import random

FACTS = {
    "고양이는": "야옹하고 운다",
    "강아지는": "멍멍하고 짖는다",
    "참새가": "짹짹하며 노래한다",
    "개구리는": "개굴개굴 운다",
}
TINY = {
    "vocab_size": 90, "layers": 1, "width": 16, "heads": 2, "max_length": 24, "batch_size": 8, "threads": 1,
    "learning_rate": 0.01,
}  # fmt: skip


def lines(count: int, seed: int = 0) -> list[str]:
    """Sentences whose end follows from their beginning."""
    draw = random.Random(seed)
    return [f"{animal} {does}" for animal, does in draw.choices([*FACTS.items()], k=count)]
