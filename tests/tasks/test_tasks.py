"""The contract of every task: rows, targets, a loss that falls, decoding and scores; and what is special of each."""

from __future__ import annotations

import dataclasses
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from builders import config
from yeonma import batches, plugins
from yeonma.errors import ConfigError
from yeonma.model import build
from yeonma.records import Batch, Dataset, Example, Span, Tokens
from yeonma.tasks import IGNORED
from yeonma.tasks.crf import Chain
from yeonma.tasks.qa import Found as Answers
from yeonma.tasks.tagging import Found, Tagged, owners, to_the_left
from yeonma.text.windows import windows

PLACES, PEOPLE = ("서울", "부산", "제주", "대전"), ("민수", "지우", "하린", "도윤")


def marked(text, words, label="", part=0):
    return tuple(Span(text.index(word), text.index(word) + len(word), label, part) for word in words)


def sentences():
    """(text, person, place)."""
    return [(f"오늘 {who} 씨가 {where} 쪽으로 갔다", who, where) for who in PEOPLE for where in PLACES]


def pairs():
    for text, _, where in sentences():
        for other in (where, PEOPLE[0]):
            yield Example(text + other, (text, other), "네" if other in text else "아니")


def choices():
    for number, (text, _, where) in enumerate(sentences()):
        endings = [where if place == number % 3 else "없음" for place in range(3)]
        yield Example(text, (text, *endings), str(number % 3 + 1))


def tagged():
    for text, who, where in sentences():
        yield Example(text, (text,), marked(text, [who], "PS") + marked(text, [where], "LC"))


CASES = {
    "single": (("가", "부"), [Example(t, (t,), "가" if where in PLACES[:2] else "부") for t, _, where in sentences()]),
    "pair": (("네", "아니"), [*pairs()]),
    "choice": ((), [*choices()]),
    "qa": ((), [Example(t, ("누가 갔나", t), marked(t, [who], part=1)) for t, who, _ in sentences()]),
    "tagging": (("LC", "PS"), [*tagged()]),
}


def model_of(name, examples=None, **head):
    torch.manual_seed(0)
    labels, own = CASES[name]
    examples = own if examples is None else examples
    changes = {f"head__{key}": value for key, value in head.items()}
    settings = config(task=name, encoder__kind="bilstm-attention", encoder__dropout=0.0, head__dropout=0.0, **changes)
    return build(settings, Dataset("made", {"train": examples}, labels)), examples


def steps(model, examples, count=100):
    """Losses of training on all examples at once."""
    prepared = model.prepare(examples, cache=False)
    batch = batches.collate(model.encoder, prepared, prepared.rows_of(np.arange(len(examples))))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    losses = []
    for _ in range(count):
        optimizer.zero_grad()
        loss = model.task.loss(model(batch), batch)
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    return losses, model.predictions(prepared, examples)


def test_every_task_has_a_case():
    assert set(CASES) == set(plugins.names("task"))


@pytest.mark.parametrize(("name", "crf"), [*((name, False) for name in CASES), ("tagging", True)])
def test_the_loss_falls_and_the_answers_become_right(name, crf):
    model, examples = model_of(name, crf=crf)
    losses, predictions = steps(model, examples)
    assert losses[-1] < losses[0] / 5
    assert [p.id for p in predictions] == [e.id for e in examples]
    assert all(0 <= p.score <= 1.0001 for p in predictions)
    assert all(model.task.right(e, p) for e, p in zip(examples, predictions, strict=True))
    scores = model.task.scores(predictions, examples)
    assert scores["n"] == len(examples)
    assert set(model.task.metrics) <= set(scores)
    assert scores[model.task.metrics[0]] == 1
    row = model.task.row(examples[0], predictions[0])
    assert row and all(isinstance(key, str) for key in row)


@pytest.mark.parametrize("name", CASES)
def test_examples_without_gold_are_not_learnt_and_not_scored(name):
    model, examples = model_of(name)
    blind = [dataclasses.replace(e, gold=None) for e in examples[:3]]
    prepared = model.prepare(blind, cache=False)
    batch = batches.collate(model.encoder, prepared, prepared.rows_of(np.arange(3)))
    known = batches.collate(
        model.encoder, both := model.prepare([*blind, examples[3]], cache=False), both.rows_of(np.arange(4))
    )
    loss = model.task.loss(model(known), known)
    assert torch.isfinite(loss)
    loss.backward()
    assert len(model.predictions(prepared, blind)) == 3
    assert model.task.scores(model.predictions(prepared, blind), blind)["n"] == 0
    assert batch.items.tolist() == sorted(batch.items.tolist())


@pytest.mark.parametrize("name", CASES)
def test_texts_that_do_not_fit_are_refused(name):
    model, _ = model_of(name)
    with pytest.raises(ConfigError, match="came"):
        model.predict([("하나",) if len(model.task.roles) > 1 else ("하나", "둘")])


@pytest.mark.parametrize("name", CASES)
def test_saved_and_loaded_it_answers_the_same(name, tmp_path):
    model, examples = model_of(name)
    model.eval().save_pretrained(tmp_path / "model")
    again = type(model).from_pretrained(tmp_path / "model")
    texts = [e.texts for e in examples[:5]]
    assert again.predict(texts) == model.predict(texts)


# --- single -----------------------------------------------------------------------------------------------------------


def batch_of(golds, items=None):
    items = torch.arange(len(golds)) if items is None else torch.tensor(items)
    mask = torch.ones(len(golds), 1, dtype=torch.bool)
    return Batch({}, mask, mask.to(torch.int8), {"label": torch.tensor(golds)}, items)


def test_class_weights_are_scikit_learns_balanced():
    task = plugins.load("task", "single")(("긍정", "부정"))
    task.weigh([Example(str(i), ("가",), "긍정" if i < 3 else "부정") for i in range(4)])
    assert task.aim.weights.tolist() == pytest.approx([4 / (2 * 3), 4 / (2 * 1)])
    out = torch.tensor([[1.0, 0.0], [1.0, 0.0]])
    plain = nn.functional.cross_entropy(out, torch.tensor([0, 1]), reduction="none")
    expected = (plain[0] * 4 / 6 + plain[1] * 2) / 2
    assert float(task.loss(out, batch_of([0, 1]))) == pytest.approx(float(expected))


def test_windows_of_a_text_answer_together():
    task = plugins.load("task", "single")(("긍정", "부정"))
    out = torch.tensor([[3.0, 0.0], [0.0, 1.0], [0.0, 4.0]])
    batch = batch_of([0, 0, 1], items=[7, 7, 9])
    expected = nn.functional.cross_entropy(torch.tensor([[1.5, 0.5], [0.0, 4.0]]), torch.tensor([0, 1]))
    assert float(task.loss(out, batch)) == pytest.approx(float(expected))
    read = task.read(out, batch)
    assert task.answer(Example("1", ("글",)), [], read[:2]).value == "긍정"


def test_a_number_is_learnt_and_answered_on_its_scale():
    task = plugins.load("task", "pair")((), scale=(1.0, 5.0))
    assert task.targets(Example("1", ("가", "나"), 2.0), [None])[0] == {"label": 0.25}
    assert task.answer(Example("1", ("가", "나")), [], [torch.tensor([0.5])]).value == 3.0
    assert task.answer(Example("1", ("가", "나")), [], [torch.tensor([7.0])]).value == 5.0
    assert float(task.loss(torch.tensor([[0.75]]), batch_of([0.25]))) == pytest.approx(0.25)
    with pytest.raises(ConfigError, match="lowest first"):
        plugins.load("task", "single")((), scale=(5.0, 1.0))


# --- choice -----------------------------------------------------------------------------------------------------------


def test_a_choice_takes_any_number_of_endings():
    task = plugins.load("task", "choice")(())
    out, batch = torch.tensor([[1.0], [0.0], [2.0], [0.0], [0.0]]), batch_of([1, 1, 2, 2, 2], items=[0, 0, 1, 1, 1])
    one = -torch.tensor([1.0, 0.0]).log_softmax(0)[1]
    other = -torch.tensor([2.0, 0.0, 0.0]).log_softmax(0)[2]
    assert float(task.loss(out, batch)) == pytest.approx(float((one + other) / 2))
    answer = task.answer(Example("1", ("전제", "하나", "둘", "셋")), [], [2.0, 0.0, 0.0])
    assert answer.value == "1"
    assert set(answer.scores) == {"1", "2", "3"}


# --- windows ----------------------------------------------------------------------------------------------------------


def windows_of(length, room, stride):
    """Windows over a text of one-letter tokens, as an encoder gives them."""
    made = []
    for (kept,) in windows([length], room, stride):
        places = np.arange(kept.start, kept.stop)
        made.append(
            Tokens(
                places,
                np.stack([places, places + 1], 1).astype(np.int32),
                np.zeros(len(places), np.int8),
                start=kept.start,
            )
        )
    return made


@given(st.integers(1, 80), st.integers(2, 20), st.integers(0, 10))
def test_every_token_belongs_to_one_window(length, room, stride):
    made = windows_of(length, room, stride)
    owned = [place for window, own in zip(made, owners(made), strict=True) for place in window.ids[own]]
    assert owned == list(range(length))


def test_a_long_text_is_tagged_across_windows():
    task = plugins.load("task", "tagging")(("X",), crf=True)
    example = Example("1", ("가" * 30,), (Span(7, 14, "X"), Span(29, 30, "X")))
    made = windows_of(30, 10, 4)
    targets = [target["tags"] for target in task.targets(example, made)]
    chain = Chain(task.tags)
    for tags in targets:
        gold = torch.tensor(tags)[None]
        scores, gold, known = to_the_left(gold != IGNORED, torch.zeros(1, gold.shape[1], 3), gold)
        assert float(chain.nll(scores, gold, known).detach()) < 100  # no sequence that the chain bars
    found = [Found(np.where(tags == IGNORED, 0, tags), np.ones(len(tags))) for tags in targets]
    merged = task.answer(example, made, found).spans
    assert [(s.start, s.end) for s in merged][-1] == (29, 30)
    assert {place for s in merged for place in range(s.start, s.end)} == {*range(7, 14), 29}


def test_an_answer_is_found_in_the_window_that_holds_it():
    text = "아무 말 " * 20 + "정답은 한빛마을에서 나온다 " + "다른 말 " * 20
    example = Example("1", ("어디", text), marked(text, ["한빛마을"], part=1))
    model, examples = model_of("qa", [example])
    model.max_length, model.stride = 16, 4
    _, predictions = steps(model, examples, 60)
    assert len(model.prepare(examples, cache=False).windows) > 5
    (span,) = predictions[0].spans
    assert text[span.start : span.end] == predictions[0].value
    assert "한빛마을" in predictions[0].value


def test_an_answer_that_was_cut_off_teaches_nothing():
    task = plugins.load("task", "qa")(())
    out = torch.randn(1, 3, 2, requires_grad=True)
    part = torch.tensor([[0, 1, 1]], dtype=torch.int8)
    nothing = torch.zeros(1, 3, dtype=torch.int64)
    batch = Batch({}, part >= 0, part, {"first": nothing, "last": nothing}, torch.tensor([0]))
    loss = task.loss(out, batch)
    loss.backward()
    assert float(loss.detach()) == 0
    assert torch.isfinite(out.grad).all()


def test_an_answer_does_not_depend_on_the_padding():
    task = plugins.load("task", "qa")(())
    out, part = torch.randn(1, 4, 2), torch.tensor([[0, 1, 1, 1]], dtype=torch.int8)
    wide, behind = torch.zeros(1, 30, 2), torch.full((1, 30), -1, dtype=torch.int8)
    wide[:, :4], behind[:, :4] = out, part
    found = [task.read(o, Batch({}, p >= 0, p, {}, torch.tensor([0])))[0] for o, p in ((out, part), (wide, behind))]
    assert all(np.array_equal(one, other) for one, other in zip(*found, strict=True))


def test_an_answer_that_stands_at_several_places_is_as_likely_as_they_are_together():
    """The best single place is the answer; the others are sorted by what all their places have."""
    text = "가 나 다 나 라 마 바"
    starts = np.array([0, 1, 2, 3, 4, 5, 6])
    scores = np.log([0.3, 0.2, 0.05, 0.2, 0.15, 0.06, 0.04])
    window = Tokens(starts, np.array([[2 * i, 2 * i + 1] for i in range(7)]), np.ones(7, np.int8), 0, 0, 0)
    task = plugins.load("task", "qa")(())
    found = task.answer(Example("1", ("무엇", text)), [window], [Answers(starts, starts, scores)])
    assert found.value == "가"
    assert [*found.scores] == ["가", "나", "라", "마", "다"]
    assert found.scores["나"] == pytest.approx(0.4)


def test_outer_blanks_of_an_answer_are_left_out():
    text = " 서울은 수도다"
    model, examples = model_of("qa", [Example("1", ("어디", text), (Span(0, 3, "", 1),))])
    targets = model.task.targets(examples[0], model.prepare(examples, cache=False).windows)
    assert targets[0]["first"].sum() == 1


def test_a_stride_that_cannot_be_is_refused():
    for name, stride, message in (("single", 70, "at most half"), ("choice", 4, "reads each of its rows whole")):
        model, examples = model_of(name)
        model.stride = stride
        with pytest.raises(ConfigError, match=message):
            model.prepare(examples, cache=False)


def test_only_the_context_answers():
    task = plugins.load("task", "qa")(())
    out = torch.zeros(1, 4, 2)
    out[0, 0] = 9.0  # the question's token
    part = torch.tensor([[0, 1, 1, -1]], dtype=torch.int8)
    (found,) = task.read(out, Batch({}, part >= 0, part, {}, torch.tensor([0])))
    assert set(found.first) | set(found.last) <= {1, 2}


def test_tags_that_bio_forbids_are_never_decoded():
    task = plugins.load("task", "tagging")(("X", "Y"))
    scores = torch.full((1, 3, 5), -5.0)
    for place, tag in enumerate(("I-Y", "I-X", "I-Y")):
        scores[0, place, task.index[tag]] = 5.0
    part = torch.zeros(1, 3, dtype=torch.int8)
    head = task.head(4)
    (found,) = task.read(Tagged(scores, head.chain), Batch({}, part >= 0, part, {}, torch.tensor([0])))
    names = ["O", *(task.tags[tag] for tag in found.tags)]
    for before, tag in pairwise(names):
        assert not tag.startswith("I-") or before[2:] == tag[2:]
