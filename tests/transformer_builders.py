"""What the tests of transformer encoders share: texts, tiny encoders of five shapes, models on them."""

import torch
import transformers

from yeonma import plugins
from yeonma.encoders import Start
from yeonma.model import Model
from yeonma.records import Example
from yeonma.text.subword import BPE, Unigram, WordPiece

TEXTS = [
    "오늘은 날씨가 참 맑고 바람이 시원하다",
    "내일은 비가 온다고 하니 우산을 챙기자",
    "The weather is fine and the wind is cool",
    "Take an umbrella with you tomorrow",
    "바람이 불면 나뭇잎이 흔들린다",
    "끌려 간 사람들은 돌아오지 못했다",
]
SMALL = {"hidden_size": 16, "num_hidden_layers": 3, "num_attention_heads": 2, "intermediate_size": 24}
SHAPES = {
    "bert": (transformers.BertConfig, transformers.BertModel, {}),
    "roberta": (transformers.RobertaConfig, transformers.RobertaModel, {"type_vocab_size": 1}),
    "electra": (transformers.ElectraConfig, transformers.ElectraModel, {"embedding_size": 12}),
    "deberta-v2": (transformers.DebertaV2Config, transformers.DebertaV2Model, {"relative_attention": True}),
    "modernbert": (transformers.ModernBertConfig, transformers.ModernBertModel, {}),
}
KINDS = {"wordpiece": WordPiece, "bpe": BPE, "unigram": Unigram}


def publish(shape, folder):
    """An encoder of a shape in a folder, as its owner would publish it."""
    number = [*SHAPES].index(shape)
    settings_of, model_of, own = SHAPES[shape]
    kind = [*KINDS.values()][number % len(KINDS)]
    kind.train(TEXTS * 3, vocab_size=120).save(folder)
    torch.manual_seed(number)
    size = transformers.AutoTokenizer.from_pretrained(folder).vocab_size
    ids = {"pad_token_id": 0, "cls_token_id": 2, "sep_token_id": 3, "bos_token_id": 2, "eos_token_id": 3}
    model_of(settings_of(vocab_size=size, max_position_embeddings=48, **SMALL, **ids, **own)).save_pretrained(folder)
    return folder


def encoder_of(folder, parts=1, **own):
    kind = plugins.load("encoder", "transformer")
    return kind.prepare(kind.Settings(**own), [], Start(path=str(folder)), parts)


def model_of(folder, task="single", labels=("가", "나"), **own):
    task = plugins.load("task", task)(labels)
    return Model(encoder_of(folder, task.parts, **own), task, max_length=24)


def examples(count=12):
    return [Example(str(n), (TEXTS[n % 6],), "가" if n % 2 else "나") for n in range(count)]
