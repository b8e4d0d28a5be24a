"""A transformer under the head that tells masked tokens: made new or loaded, run on the masked places, saved."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from yeonma.encoders import pretrained
from yeonma.errors import ConfigError
from yeonma.pretraining.mlm_config import ShapeConfig


class MaskedLM(nn.Module):
    """A Hugging Face model for masked language modelling over a whole encoder, its pooler kept as it came.

    Where the head is tied to the embeddings there is one weight of two names; the state dict has the first of them.
    """

    def __init__(self, model: Any, base: nn.Module) -> None:
        super().__init__()
        setattr(model, model.base_model_prefix, base)
        model.tie_weights()
        self.model = model
        first = {name for name, _ in self.named_parameters()}
        self._other_names = {name for name, _ in self.named_parameters(remove_duplicate=False)} - first
        hooks: Any = super()
        hooks.register_state_dict_post_hook(_drop_other_names)
        hooks.register_load_state_dict_post_hook(_miss_no_other_names)

    @property
    def base(self) -> nn.Module:
        """The encoder."""
        encoder: nn.Module = self.model.base_model
        return encoder

    def forward(self, ids: Tensor, places: Tensor) -> Tensor:
        """The scores of all pieces at the places: ids (B, T), places (M,) of the flattened ids → (M, V).

        The head sees nothing but the places: what the encoder gives is cut down on its way up.
        """
        cut = self.base.register_forward_hook(partial(_only, places))
        try:
            scores: Tensor = self.model(input_ids=ids).logits
        finally:
            cut.remove()
        return scores.squeeze(0)

    def layers(self) -> list[tuple[nn.Parameter, ...]]:
        """The weights of the embeddings, then of the layers, from the bottom up."""
        return [tuple(layer.parameters()) for layer in pretrained.layers(self.base)]

    def head(self) -> tuple[nn.Parameter, ...]:
        """The head's own weights; what it shares with the embeddings is theirs."""
        below = {id(weight) for weight in self.base.parameters()}
        return tuple(weight for weight in self.parameters() if id(weight) not in below)

    def save(self, folder: Path) -> None:
        """Write config.json and model.safetensors, from which AutoModel and AutoModelForMaskedLM load."""
        with pretrained.explained(folder):
            self.model.save_pretrained(folder)


def _only(places: Tensor, module: nn.Module, given: Any, output: Any) -> Any:
    output["last_hidden_state"] = output["last_hidden_state"].flatten(0, 1)[places].unsqueeze(0)
    return output


def _drop_other_names(module: Any, state: dict[str, Tensor], prefix: str, metadata: Any) -> None:
    for name in module._other_names:
        state.pop(prefix + name, None)


def _miss_no_other_names(module: Any, problem: Any) -> None:
    problem.missing_keys[:] = [name for name in problem.missing_keys if name not in module._other_names]


def load(path: str) -> tuple[MaskedLM, bool]:
    """The encoder of a folder or of the hub, in float32, and whether a head came with it; a new one is random.

    Raises: ConfigError when it cannot be loaded, lacks weights, or is no encoder.
    """
    from transformers import AutoModelForMaskedLM

    where = pretrained.place(path)
    base = pretrained.model(where)
    with pretrained.explained(where):
        how: dict[str, Any] = {"dtype": torch.float32, "use_safetensors": True, "output_loading_info": True}
        model, found = AutoModelForMaskedLM.from_pretrained(where, **how)
    return MaskedLM(model, base), not found["missing_keys"]


def fresh(shape: ShapeConfig, tokenizer: Any, max_length: int) -> MaskedLM:
    """A small BERT with random weights; its pooler, which nobody trains, is zero."""
    from transformers import BertConfig, BertForMaskedLM, BertModel

    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=shape.width,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        intermediate_size=4 * shape.width,
        max_position_embeddings=max_length,
        hidden_dropout_prob=shape.dropout,
        attention_probs_dropout_prob=shape.dropout,
        pad_token_id=tokenizer.pad_token_id,
    )
    base: Any = BertModel(config)
    for weight in base.pooler.parameters():
        nn.init.zeros_(weight)
    return MaskedLM(BertForMaskedLM(config), base)


def must_mask(tokenizer: Any, path: str) -> int:
    """The id of the token that hides others.

    Raises: ConfigError when the tokenizer has none.
    """
    if tokenizer.mask_token_id is None:
        raise ConfigError(f"encoder: the tokenizer of {path} has no mask token, so nothing can be masked with it.")
    return int(tokenizer.mask_token_id)
