"""Which words carried an answer: by hand on linear models, and the same contract for every task and kind of model."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
import transformers
from hypothesis import given, settings
from hypothesis import strategies as st

from builders import config, dataset
from yeonma import batches, explaining, plain_head
from yeonma import config as configs
from yeonma.errors import ConfigError
from yeonma.explaining import Carried, explain, gradients, leave_one_out
from yeonma.model import build
from yeonma.optim import RowTable, make
from yeonma.records import Dataset, Example, Prediction, Span, Tokens
from yeonma.text.subword import WordPiece

TEXT = "지우 씨가 오늘 서울 로 갔다"
CASES = {
    "single": (("가", "부"), (TEXT,), "가", {}),
    "number": ((), (TEXT,), 2.5, {}),
    "pair": (("가", "부"), (TEXT, "서울 로 간 사람"), "부", {"task": "pair"}),
    "choice": ((), ("지우 씨가", "서울 로", "부산 로 갔다", "서울 로"), "2", {"task": "choice"}),
    "qa": ((), ("어디 로 갔나", TEXT), (Span(9, 11, "", 1),), {"task": "qa"}),
    "tagging": (("LC", "PS"), (TEXT,), (Span(0, 2, "PS"), Span(9, 11, "LC")), {"task": "tagging"}),
}


def model_of(case="single", **changes):
    """An untrained model of that case, its answers spread out, and an example."""
    labels, texts, gold, own = CASES[case]
    example = Example("0", texts, gold)
    scale = (0.0, 5.0) if case == "number" else None
    quiet = {"encoder__dropout": 0.0, "encoder__dim": 12, "head__dropout": 0.0}
    torch.manual_seed(3)
    model = build(config(**{**quiet, **own, **changes}), Dataset("made", {"train": [example]}, labels, scale=scale))
    with torch.no_grad():
        for weight in model.head.parameters():
            weight.mul_(3)
        if case == "number":
            model.head.layers[-1].bias.fill_(0.5)
    return model.eval(), example


def batch_of(model, example):
    prepared = model.prepare([example], cache=False)
    return batches.collate(model.encoder, prepared, np.arange(len(prepared.windows)))


STEPS = {"number": 60, "qa": 30, "tagging": 30}


def trained(case):
    """The same, with a network that has learnt the example."""
    model, example = model_of(case, encoder__kind="bilstm-attention")
    batch = batch_of(model, example)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.005)
    for _ in range(STEPS.get(case, 3)):
        optimizer.zero_grad()
        model.task.loss(model.train()(batch), batch).backward()
        optimizer.step()
    optimizer.zero_grad()
    return model.eval(), example


def forms(example, words):
    return [example.texts[w.text][w.start : w.end] for w in words]


def by_form(example, words):
    return dict(zip(forms(example, words), (w.weight for w in words), strict=True))


# -- by hand -----------------------------------------------------------------------------------------------------------


def linear_scores(model, words):
    """What a bag under one linear layer says, from the weights alone."""
    rows = model.encoder.table.weight.detach().double().numpy()[model.encoder.rows_of(words)]
    layer = model.head.layers[-1]
    return layer.weight.detach().double().numpy() @ rows.mean(0) + layer.bias.detach().double().numpy()


def log_softmax(scores):
    return scores - np.log(np.exp(scores).sum())


def test_leaving_words_of_a_bag_out_is_what_its_weights_say():
    model, example = model_of()
    words = TEXT.split()
    found = leave_one_out(model, example)
    answer = int(np.argmax(linear_scores(model, words)))
    for number, word in enumerate(found):
        without = log_softmax(linear_scores(model, words[:number] + words[number + 1 :]))[answer]
        assert word.weight == pytest.approx(log_softmax(linear_scores(model, words))[answer] - without, abs=1e-5)
    assert max(abs(word.weight) for word in found) > 0.05


def test_what_a_certain_model_loses_is_known_to_its_digits():
    """What float32 cannot hold of 1 − p beside 1 is told by the probabilities of the other labels."""
    model, example = model_of()
    with torch.no_grad():
        for weight in model.head.parameters():
            weight.mul_(60)
    words = TEXT.split()
    scores = linear_scores(model, words)
    answer = int(np.argmax(scores))
    assert model.predict([TEXT])[0].score == 1
    rest = [np.logaddexp(0, each[1 - answer] - each[answer]) for each in (scores, linear_scores(model, words[1:]))]
    assert 0 < rest[0] < 1e-7
    assert leave_one_out(model, example)[0].weight == pytest.approx(rest[1] - rest[0], rel=1e-3)


def test_the_gradient_of_a_bag_is_complete():
    """Σ weights = score − bias: a linear score has nothing else, and each word has its own part of it."""
    model, example = model_of()
    layer, words = model.head.layers[-1], TEXT.split()
    answer = int(np.argmax(linear_scores(model, words)))
    found = gradients(model, example)
    assert sum(w.weight for w in found) == pytest.approx(
        linear_scores(model, words)[answer] - layer.bias[answer].item(), abs=1e-5
    )
    rows = model.encoder.table.weight.detach().numpy()[model.encoder.rows_of(words)]
    own = rows @ layer.weight.detach().numpy()[answer] / len(words)
    assert [w.weight for w in found] == pytest.approx(own.tolist(), abs=1e-5)


def test_a_number_changes_in_its_own_unit():
    model, example = model_of("number")
    words = TEXT.split()
    whole = 5 * linear_scores(model, words)[0]
    assert 0 < whole < 5
    without = 5 * min(1, max(0, linear_scores(model, words[1:])[0]))
    assert leave_one_out(model, example)[0].weight == pytest.approx(whole - without, abs=1e-5)
    total = sum(w.weight for w in gradients(model, example))
    assert total == pytest.approx(whole - 5 * model.head.layers[-1].bias.item(), abs=1e-5)


def made(kind, **own):
    """A model of n-grams that was never trained, with random weights under a head that passes scores on."""
    tree = {"encoder": {"kind": kind, **own}, "data": {"train": "made.tsv"}}
    model = build(configs.resolve(tree), dataset())
    torch.manual_seed(1)
    with torch.no_grad():
        for weight in model.encoder.parameters():
            weight.normal_()
    return model.eval()


def test_leaving_words_of_ngrams_out_is_what_their_weights_say():
    model = made("ngram", characters=3, bits=12)
    plain_head.pass_on(model)
    example = Example("0", ("그 영화 최고 정말",))
    words = example.texts[0].split()
    sign = 1 if model.predict([example.texts[0]])[0].value == model.task.labels[1] else -1

    def support(words):
        z = float(model.encoder.logits(model.encoder.read([" ".join(words)]))[0, 0])
        return -math.log1p(math.exp(-sign * z))

    found = leave_one_out(model, example)
    expected = [support(words) - support(words[:n] + words[n + 1 :]) for n in range(len(words))]
    assert [w.weight for w in found] == pytest.approx(expected, abs=1e-5)
    assert np.ptp(expected) > 0.1


# -- every task --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", explaining.METHODS)
@pytest.mark.parametrize("case", CASES)
def test_every_word_of_every_task_has_a_weight(case, method):
    model, example = trained(case)
    before = {name: weight.clone() for name, weight in model.state_dict().items()}
    (explained,) = explain(model.train(), [example.texts if len(example.texts) > 1 else TEXT], method)
    prediction, words = explained
    assert model.task.right(example, prediction) or case == "number"
    assert forms(example, words) == [word for text in example.texts for word in text.split()]
    assert [w[:2] for w in words] == sorted(w[:2] for w in words)
    assert any(w.weight for w in words) and all(math.isfinite(w.weight) for w in words)
    assert model.training
    assert all(weight.grad is None for weight in model.parameters())
    assert all(torch.equal(weight, before[name]) for name, weight in model.state_dict().items())
    assert not model.encoder.embeddings()._forward_hooks and not model.encoder.embeddings()._forward_pre_hooks


def test_another_answer_can_be_asked_about():
    model, example = model_of("single", encoder__kind="bilstm-attention")
    answer = model.predict([TEXT])[0]
    other = next(label for label in answer.scores if label != answer.value)
    for method in explaining.METHODS.values():
        one, its = method(model, example, answer), method(model, example, answer._replace(value=other))
        assert np.corrcoef([w.weight for w in one], [w.weight for w in its])[0, 1] < 0


def test_a_tagging_loses_the_spans_whose_words_go():
    model, example = trained("tagging")
    found = by_form(example, leave_one_out(model, example))
    assert found["지우"] >= 0.5 and found["서울"] >= 0.5
    assert all(0 <= weight <= 1 for weight in found.values())


class Says:
    """The spans that a model would find in a text, at hand."""

    def __init__(self, model, spans_of):
        self.task, self.spans_of = model.task, spans_of

    def prepare(self, examples, cache):
        return examples

    def predictions(self, prepared, examples):
        return [Prediction(e.id, spans, 1.0, {}, spans) for e in examples for spans in [self.spans_of(e.texts[0])]]


def found_in(text, *wanted):
    return tuple(Span(text.index(word), text.index(word) + len(word), label) for word, label in wanted if word in text)


def test_a_span_counts_as_found_by_its_characters_wherever_they_are_now():
    """Which spans are found is known here, so the shares can be counted by hand."""
    model, _ = model_of("tagging")
    example = Example("0", ("어제 김 지우 씨가 서울 로",))
    always = Says(model, lambda text: found_in(text, ("서울", "LC")))
    assert by_form(example, leave_one_out(always, example)) == {
        "어제": 0, "김": 0, "지우": 0, "씨가": 0, "서울": 1, "로": 0
    }  # fmt: skip
    several = Says(model, lambda text: found_in(text, ("김 지우", "PS"), ("서울", "LC")))
    assert by_form(example, leave_one_out(several, example)) == {
        "어제": 0, "김": 0.5, "지우": 0.5, "씨가": 0, "서울": 0.5, "로": 0
    }  # fmt: skip
    rest = Says(model, lambda text: found_in(text, ("김 지우", "PS"), *[("김", "PS")] * ("지우" not in text)))
    assert by_form(example, leave_one_out(rest, example))["지우"] == 0  # what is left of it is found
    nothing = Says(model, lambda text: ())
    assert not any(by_form(example, leave_one_out(nothing, example)).values())


def test_an_answer_that_vanished_counts_as_the_least_likely_one_that_is_left():
    model, example = trained("qa")
    answer = model.predict([example.texts])[0]
    assert answer.value == "서울"
    own = next(w for w in leave_one_out(model, example) if w.text == 1 and w.start == 9)
    question, context = example.texts
    left = model.predict([(question, context[:8] + context[own.end :])])[0].scores
    assert answer.value not in left
    assert own.weight == pytest.approx(math.log(answer.score) - math.log(min(left.values())), rel=1e-3)


def test_the_gradient_of_an_answer_is_that_of_its_beginning_and_end():
    """Of a bag under linear scores of tokens: nothing but the answer's own tokens has a part of them."""
    model, example = model_of("tagging", encoder__kind="bag")
    spans = (Span(0, 2, "PS"),)
    found = by_form(example, gradients(model, example, Prediction("0", spans, 1.0, {}, spans)))
    row = model.encoder.table.weight.detach().numpy()[model.encoder.rows_of(["지우"])[0]]
    layer = [*model.head.tokens.modules()][-1]
    own = float(row @ layer.weight.detach().numpy()[model.task.index["B-PS"]])
    assert found["지우"] == pytest.approx(own, abs=1e-5)
    assert [word for word, weight in found.items() if weight] == ["지우"]


@pytest.mark.parametrize(("case", "own"), [("single", {"data__stride": 1}), ("tagging", {}), ("qa", {})])
def test_the_windows_of_a_long_text_are_added_up(case, own):
    """A bag's tokens know nothing of one another, so only the mean over windows differs from the whole text."""
    whole, example = model_of(case, encoder__kind="bag")
    cut, _ = model_of(case, encoder__kind="bag", data__max_length=5, **own)
    assert len(cut.prepare([example], cache=False).windows) > 1
    answer = whole.predict([example.texts])[0]
    if case != "single":  # where it lies is what counts
        answer = answer._replace(spans=example.gold)
    found = [w.weight for w in gradients(cut, example, answer)]
    if case == "single":
        bias = whole.head.layers[-1].bias.tolist()[whole.task.labels.index(answer.value)]
        windows = [" ".join(TEXT.split()[start : start + 5]) for start in (0, 1)]
        scores = [linear_scores(cut, window.split())[whole.task.labels.index(answer.value)] for window in windows]
        assert sum(found) == pytest.approx(np.mean(scores) - bias, abs=1e-5)
    elif case == "tagging":
        assert found == pytest.approx([w.weight for w in gradients(whole, example, answer)], abs=1e-5)
    assert any(found)


# -- texts of all kinds ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", explaining.METHODS)
@pytest.mark.parametrize("text", ["", " \n ", "하나", "  하나\t", "가" * 3000])
def test_texts_without_or_with_one_word(text, method):
    model, _ = model_of()
    (explained,) = explain(model, [text], method)
    assert len(explained.words) == len(text.split())
    assert all(text[w.start : w.end] == text.strip() for w in explained.words)


def test_long_texts_are_left_out_in_runs_that_hold_every_word_once():
    model, _ = model_of("pair", encoder__kind="bag")
    texts = (" ".join(["지우"] * 20), "  ".join(f"낱말{n}" for n in range(1000)) + " ")
    found = leave_one_out(model, Example("0", texts))
    assert len(found) == explaining.MOST
    assert [w for w in found if w.text == 0] == [w for w in found if w.start == w.end - 2]
    assert sum(w.text == 0 for w in found) == 20
    words = [word for w in found if w.text == 1 for word in texts[1][w.start : w.end].split()]
    assert words == texts[1].split()


@given(st.lists(st.text("가나 \t한e\u0301🙂", max_size=40), min_size=1, max_size=4))
@settings(max_examples=60, deadline=None)
def test_what_is_left_are_the_other_words(texts):
    example = Example("0", tuple(texts))
    for piece in explaining._pieces(texts):
        left = explaining._without(example, piece).texts
        text, word = texts[piece.text], texts[piece.text][piece.start : piece.end]
        before, behind = text[: piece.start].split(), text[piece.end :].split()
        assert word.split() == [word]
        assert left[piece.text].split() == before + behind
        assert (
            left[: piece.text] + left[piece.text + 1 :] == example.texts[: piece.text] + example.texts[piece.text + 1 :]
        )


# -- kinds of models ---------------------------------------------------------------------------------------------------


def test_gradients_leave_the_rows_of_a_table_asleep():
    model, example = model_of(encoder__rows="lazy")
    assert isinstance(model.encoder.table, RowTable)
    optimizer = make("adam", model.parameters(), lr=0.1)
    for text in (TEXT, "지우", "지우"):  # the rows of the other words sleep through the latter two
        optimizer.zero_grad()
        model.train()(batch_of(model, Example("", (text,)))).logsumexp(1).sum().backward()
        optimizer.step()
    stands = next(iter(model.encoder.table.parameters())).detach().clone()
    found = gradients(model, example)
    assert torch.equal(next(iter(model.encoder.table.parameters())).detach(), stands)
    assert not torch.equal(model.encoder.table.weight.detach(), stands), "the rows did sleep"
    assert [w.weight for w in gradients(model, example)] == pytest.approx([w.weight for w in found], rel=1e-3)


def test_a_tokens_share_goes_evenly_to_the_words_it_covers():
    model, _ = model_of()
    example = Example("0", ("가 나 다",))
    window = Tokens(np.array([1, 1, 0]), np.array([[0, 3], [4, 5], [0, 0]]), np.array([0, 0, -1], np.int8))
    found = explaining._by_word(model.task, example, [window], np.array([[3.0, 1.0, 9.0]]))
    assert found == [(0, 0, 1, 1.5), (0, 2, 3, 1.5), (0, 4, 5, 1.0)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A tiny BERT."""
    path = tmp_path_factory.mktemp("bert")
    WordPiece.train([TEXT, "부산 로 갔다"] * 3, vocab_size=60).save(path)
    small = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    torch.manual_seed(0)
    transformers.BertModel(transformers.BertConfig(vocab_size=60, **small)).save_pretrained(path)
    return path


@pytest.mark.parametrize("method", explaining.METHODS)
def test_a_transformer_says_which_words_carried_its_answer(folder, method):
    tree = {"encoder": {"kind": "transformer", "path": str(folder)}, "data": {"train": "made.tsv"}}
    model = build(configs.resolve(tree), Dataset("made", {"train": [Example("0", (TEXT,), "가")]}, ("가", "부")))
    with torch.inference_mode():  # as a caller may
        (explained,) = explain(model, [TEXT], method)
    assert [TEXT[w.start : w.end] for w in explained.words] == TEXT.split()
    assert len({w.weight for w in explained.words}) > 1


@pytest.mark.parametrize(
    "model_kind",
    [
        lambda path: made("stack", path=str(path), tokenizer="whitespace", dim=4),
        lambda path: made("ngram", characters=2, bits=10),
        lambda path: made("wide-deep", tokenizer="whitespace", ngram={"bits": 10, "characters": 2}, cnn={"dim": 4}),
        lambda path: model_of(encoder__characters=4)[0],
        lambda path: model_of(encoder__unknown="subwords", encoder__unknown_buckets=50)[0],
    ],
    ids=["stack", "ngram", "wide-deep", "characters", "subwords"],
)
def test_where_a_table_is_not_all_there_is_no_gradient_but_leaving_out(folder, model_kind):
    model = model_kind(folder)
    with pytest.raises(ConfigError, match="leave-one-out"):
        explain(model, [TEXT], "gradient")
    assert not model.encoder.embeddings()._forward_hooks
    assert [TEXT[w.start : w.end] for w in explain(model, [TEXT])[0].words] == TEXT.split()


def test_an_unknown_method_is_named_with_the_nearest():
    with pytest.raises(ConfigError, match="Did you mean 'gradient'"):
        explaining.method_of("gradients")


def test_rows_hold_the_words_themselves():
    assert explaining.rows(Example("0", ("가 나", "다")), [Carried(0, 2, 3, 0.5)]) == [
        {"text": 0, "start": 2, "end": 3, "word": "나", "weight": 0.5}
    ]
