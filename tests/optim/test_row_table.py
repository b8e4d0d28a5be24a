"""RowTable: what the dense optimizer gives, in every rule, form and schedule, and an nn.Embedding to everyone else."""

import copy
import json
import pickle
import re
from functools import cache

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from torch import nn
from torch.nn import functional as F
from torch.optim import lr_scheduler

from yeonma.errors import ConfigError
from yeonma.optim import Adam, Momentum, RowTable, current, make, multiplier, unflushed
from yeonma.optim.registry import RULES, rule
from yeonma.optim.rules import rules
from yeonma.optim.settings import fold

NAMES = list(rules())
FORMS = [(name, form) for name in NAMES for form in ("deck", "torch")]
L2 = ("gd", "sgd", "momentum", "nag")
DECAYS = [{}, {"weight_decay": 0.1}, {"l2": 0.01}]
CASES = [(name, form, decay) for name, form in FORMS for decay in DECAYS if "l2" not in decay or name in L2]


def draws(steps, vocab, tokens, seed=0):
    """A batch of ids a step; every fourth over all rows, the others over the first six, so that rows sleep and wake."""
    draw = torch.Generator().manual_seed(seed)
    return [torch.randint(6 if step % 4 else vocab, (tokens,), generator=draw) for step in range(steps)]


def zipf(steps, vocab, tokens, seed=0):
    """A batch of ids a step, as frequent as words are."""
    draw = torch.Generator().manual_seed(seed)
    shares = 1 / torch.arange(1, vocab + 1)
    return [torch.multinomial(shares, tokens, replacement=True, generator=draw) for _ in range(steps)]


def warm_then_cosine(steps):
    return lambda step: multiplier("cosine", step, steps, steps // 10)


# --- equal to the dense optimizer -------------------------------------------------------------------------------------


BATCHES = [*draws(20, 40, 6), *draws(36, 5, 4), *draws(8, 40, 14)]


@cache
def dense_run(trainee, name, form, **decay):
    return trainee(nn.Embedding, name, form, **decay).learn(BATCHES, warm_then_cosine(len(BATCHES)), clip=0.5)


@pytest.mark.parametrize(("name", "form", "decay"), CASES, ids=lambda x: x if isinstance(x, str) else "".join(x))
def test_it_is_the_dense_optimizer(name, form, decay, engine, trainee):
    """Warm-up and cosine, clipping, ids met twice in a batch, and rows that sleep for most of the time."""
    dense = dense_run(trainee, name, form, **decay)
    lazy = trainee(RowTable, name, form, **decay).learn(BATCHES, warm_then_cosine(len(BATCHES)), clip=0.5)
    assert lazy.away_from(dense) < 1e-12
    assert (lazy.weight[6:] != lazy.start[6:]).any()


def test_sleeps_that_outlast_the_sum(engine, twins):
    """Under (0.5, 0.9) a sleep is whole after 67 steps; the nodes that stand then are used again and again."""
    dense, lazy = twins("adam", betas=(0.5, 0.9), weight_decay=0.5)
    for one in (dense, lazy):
        one.learn([*draws(60, 40, 5), *draws(100, 3, 3), *draws(60, 40, 5), *draws(100, 3, 3), *draws(9, 40, 12)])
    assert lazy.away_from(dense) < 1e-12


def errors_in_single(twins, name, form, batches, **arguments):
    """How far float32 is from dense float64: lazy, and dense."""
    exact, _ = twins(name, form, **arguments)
    dense, lazy = twins(name, form, dtype=torch.float32, **arguments)
    for one in (exact, dense, lazy):
        one.learn(batches, warm_then_cosine(len(batches)))
    return lazy.away_from(exact), dense.away_from(exact)


@pytest.mark.parametrize("name", NAMES)
def test_single_precision_is_no_worse_than_dense(name, twins):
    lazy, dense = errors_in_single(twins, name, "deck", zipf(300, 150, 12), vocab=150, dim=8)
    assert 0 < lazy <= 1.3 * dense


def test_single_precision_by_torch_operations(monkeypatch, twins):
    monkeypatch.setenv("YEONMA_KERNELS", "off")
    lazy, dense = errors_in_single(twins, "adam", "torch", zipf(300, 150, 12), vocab=150, dim=8, weight_decay=0.1)
    assert 0 < lazy <= 1.3 * dense


def test_single_precision_over_long_sleeps(twins):
    lazy, dense = errors_in_single(twins, "nadam", "torch", zipf(1500, 400, 12), vocab=400, dim=8)
    assert 0 < lazy <= 1.3 * dense


@pytest.mark.slow
@pytest.mark.parametrize(("name", "form"), FORMS)
def test_single_precision_of_every_form_over_long_sleeps(name, form, twins):
    lazy, dense = errors_in_single(twins, name, form, zipf(1500, 400, 20), vocab=400, dim=8, weight_decay=0.05)
    assert 0 < lazy <= 1.3 * dense


@pytest.mark.parametrize("name", NAMES)
def test_half_precision_weights_are_no_worse_than_dense(name, twins):
    """Their state is float32 on both sides; a row that wakes is rounded once, not once a step."""
    exact, _ = twins(name, weight_decay=0.05)
    dense, lazy = twins(name, dtype=torch.bfloat16, weight_decay=0.05)
    for one in (exact, dense, lazy):
        one.learn(draws(100, 40, 5))
    assert lazy.away_from(exact) <= 1.3 * dense.away_from(exact)
    slots = [value for key, value in lazy.optimizer.state_dict()["state"][0].items() if key != "step"]
    assert all(slot.dtype is torch.float32 for slot in slots)
    assert lazy.table.weight.dtype is torch.bfloat16


@pytest.mark.parametrize(("eps", "size"), [(0.0, 1e-15), (1e-16, 1e-19), (1e-30, 1e-19)])
def test_tiny_state_is_no_worse_than_dense(eps, size, engine, twins):
    """Gradients so small that v is subnormal in float32 and has a few digits; without ε, just not so small."""

    def run(one):
        for step in range(60):
            one.optimizer.zero_grad()
            ids = torch.arange(12) if step == 0 else torch.tensor([step % 3, 3 + step % 2])
            (one.table(ids) * torch.linspace(size, 10 * size, 3)).sum().backward()
            one.optimizer.step()
        return one

    exact, _ = map(run, twins("adam", eps=eps, vocab=12))
    dense, lazy = map(run, twins("adam", eps=eps, vocab=12, dtype=torch.float32))
    assert lazy.weight.isfinite().all()
    error = max(dense.away_from(exact) * (exact.weight - exact.start).norm(), 1e-7 * exact.weight.norm())
    assert (lazy.weight - exact.weight).norm() <= 2 * error


IDS = st.lists(st.integers(0, 7), max_size=4)
STEPS = st.lists(
    st.tuples(
        st.sampled_from([0.0, 1e-5, 1e-3, 0.1]),  # the rate
        st.lists(IDS, min_size=1, max_size=3),  # batches before the step, some of them empty
        st.integers(0, 25),  # steps after it that touch nothing
        st.sampled_from(["", "flush", "read", "weight", "state"]),
    ),
    min_size=1,
    max_size=8,
)


@given(st.sampled_from(CASES), STEPS, st.sampled_from([None, 3]), st.sampled_from([None, 0.3]))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_life_of_a_table(twins, case, life, padding_idx, clip):
    name, form, decay = case
    dense, lazy = twins(name, form, vocab=8, dim=2, padding_idx=padding_idx, **decay)
    for rate, batches, rest, look in life:
        for one in (dense, lazy):
            one.step(*batches, lr=rate, clip=clip)
            for _ in range(rest):
                one.step([])
        looked_at(lazy, look)
    torch.testing.assert_close(lazy.weight, dense.weight, rtol=1e-12, atol=1e-12)
    if padding_idx is not None and not decay:
        assert torch.equal(lazy.weight[3], lazy.start[3])


def test_a_batch_may_follow_an_empty_one(twins):
    dense, lazy = twins("adam")
    for one in (dense, lazy):
        one.step([], [1, 2])
    assert lazy.away_from(dense) < 1e-12


def looked_at(trainee, look):
    if look == "flush":
        trainee.table.flush()
    elif look == "read":
        with torch.no_grad():
            trainee.table(torch.arange(8))
    elif look == "weight":
        assert trainee.table.weight.shape == (8, 2)
    elif look == "state":
        trainee.table.state_dict(), trainee.optimizer.state_dict()


@given(
    st.sampled_from([*L2[2:], "adam", "nadam"]),
    st.sampled_from(["deck", "torch"]),
    st.lists(
        st.tuples(st.floats(0.01, 0.95), st.floats(0.95, 0.9999), st.integers(1, 30), IDS), min_size=2, max_size=6
    ),
)
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_momentum_and_betas_that_change(twins, name, form, life):
    dense, lazy = twins(name, form, vocab=8, dim=2)
    for one in (dense, lazy):
        for first, second, rest, ids in life:
            changed = {"betas": (first, second)} if "adam" in name else {"momentum": first}
            one.step(ids, **changed)
            for _ in range(rest):
                one.step([])
    torch.testing.assert_close(lazy.weight, dense.weight, rtol=1e-12, atol=1e-13)


def test_a_flush_of_many_rows_goes_in_pieces(twins):
    """More rows than are woken at a time, asleep since many different steps."""
    dense, lazy = twins("adam", vocab=40_000, dim=1)
    for one in (dense, lazy):
        for step in range(30):
            one.step(torch.arange(step, 40_000, 30 + step))
    expected = lazy.away_from(dense)
    assert expected < 1e-12


def test_two_tables_may_share_a_weight():
    def run(table_type):
        torch.manual_seed(0)
        one, other = table_type(30, 3), table_type(30, 3)
        other.weight = one.weight
        optimizer = Adam(nn.ModuleList([one, other]).parameters(), lr=0.01)
        for ids in draws(40, 30, 4):
            optimizer.zero_grad()
            (one(ids).sin() * other(ids // 2).cos()).sum().backward()
            optimizer.step()
        return one.weight.detach()

    torch.testing.assert_close(run(RowTable), run(nn.Embedding), rtol=1e-5, atol=1e-6)


# --- a drop-in for nn.Embedding ---------------------------------------------------------------------------------------


def test_it_begins_as_an_embedding():
    torch.manual_seed(0)
    table = RowTable(7, 3, padding_idx=-2, dtype=torch.float64)
    torch.manual_seed(0)
    embedding = nn.Embedding(7, 3, padding_idx=-2, dtype=torch.float64)
    assert isinstance(table, nn.Embedding)
    assert isinstance(table.weight, nn.Parameter)
    assert torch.equal(table.weight, embedding.weight)
    assert table.padding_idx == embedding.padding_idx == 5
    assert table.weight.dtype is torch.float64


@pytest.mark.parametrize("other", [torch.optim.Adam, torch.optim.SGD, torch.optim.Adagrad])
def test_any_other_optimizer_sees_an_embedding(other):
    def run(table_type):
        torch.manual_seed(0)
        table = table_type(20, 3, padding_idx=2)
        optimizer = other(table.parameters(), lr=0.1)
        for ids in draws(20, 20, 4):
            optimizer.zero_grad()
            table(ids).sin().sum().backward()
            assert table.weight.grad.layout is torch.strided
            nn.utils.clip_grad_norm_(table.parameters(), 1.0)
            optimizer.step()
        return table.weight.detach()

    assert torch.equal(run(RowTable), run(nn.Embedding))


@pytest.mark.parametrize("shape", [(), (0,), (4,), (2, 3), (2, 0), (2, 3, 4)])
@pytest.mark.parametrize("dtype", [torch.int64, torch.int32])
def test_ids_of_any_shape(shape, dtype, twins):
    dense, lazy = twins("adam", vocab=9, padding_idx=4)
    ids = torch.randint(9, shape, generator=torch.Generator().manual_seed(1), dtype=dtype)
    for one in (dense, lazy):
        one.learn(draws(5, 9, 3))
        one.optimizer.zero_grad()
        found = one.table(ids)
        assert found.shape == (*shape, 3)
        found.pow(2).sum().backward()
        one.optimizer.step()
        with torch.no_grad():
            assert one.table(ids).shape == (*shape, 3)
    assert lazy.away_from(dense) < 1e-12


@pytest.mark.parametrize("reading", [torch.enable_grad, torch.no_grad])
@pytest.mark.parametrize("wrong", [-1, 8, 10**12])
@pytest.mark.parametrize("name", ["adam", "rmsprop"])
def test_ids_outside_of_the_table_raise_as_an_embedding_does(wrong, reading, name, trainee):
    one = trainee(RowTable, name, vocab=8).learn(draws(4, 8, 2))
    before = one.weight
    with reading(), pytest.raises(IndexError):
        one.table(torch.tensor([1, wrong]))
    assert torch.equal(one.weight, before)


def test_from_pretrained(twins):
    vectors = torch.randn(10, 3)
    table = RowTable.from_pretrained(vectors, freeze=False, padding_idx=0)
    assert isinstance(table, RowTable)
    assert torch.equal(table.weight, vectors)
    assert table.padding_idx == 0
    frozen = RowTable.from_pretrained(vectors)
    assert not frozen.weight.requires_grad


@pytest.mark.parametrize("name", NAMES)
def test_a_frozen_table_stays(name):
    table, head = RowTable(9, 3).requires_grad_(False), nn.Linear(3, 1)
    before = table.weight.detach().clone()
    optimizer = make(name, [*table.parameters(), *head.parameters()], weight_decay=0.1)
    for ids in draws(4, 9, 3):
        optimizer.zero_grad()
        head(table(ids)).sum().backward()
        optimizer.step()
    assert torch.equal(table.weight, before)
    assert table.weight.grad is None


@pytest.mark.parametrize("name", ["adam", "momentum", "sgd"])
def test_padding_and_rows_never_met_stay_to_the_bit(name, trainee):
    one = trainee(RowTable, name, padding_idx=2)
    one.learn([ids.clamp(max=20) for ids in draws(60, 40, 6)])
    one.table.flush()
    assert torch.equal(one.weight[2], one.start[2])
    assert torch.equal(one.weight[21:], one.start[21:])
    assert not torch.equal(one.weight[:2], one.start[:2])


def test_the_gradient_has_the_rows_of_the_batch_alone(trainee):
    table = trainee(RowTable, "adam").table
    table(torch.tensor([[5, 3], [5, 5]])).sum().backward()
    gradient = table.weight.grad
    assert gradient.is_sparse
    assert gradient._indices().tolist() == [[3, 5]]
    assert gradient._values().tolist() == [[1.0] * 3, [3.0] * 3]


def test_state_dicts_are_those_of_an_embedding():
    one, other = RowTable(6, 2), nn.Embedding(6, 2)
    Adam(one.parameters())
    assert {key: value.shape for key, value in one.state_dict().items()} == {"weight": (6, 2)}
    other.load_state_dict(one.state_dict())
    assert torch.equal(other.weight, one.weight)
    back = nn.Embedding(6, 2)
    one.load_state_dict(back.state_dict())
    assert torch.equal(one.weight, back.weight)


@pytest.mark.parametrize(
    "renew",
    [
        lambda table: table.load_state_dict({"weight": torch.ones(6, 2)}, assign=True),
        lambda table: setattr(table, "weight", nn.Parameter(torch.ones(6, 2))),
        pytest.param(
            lambda table: table.to("meta").to_empty(device="cpu"),
            marks=pytest.mark.xfail(strict=True, reason="torch puts an ordinary parameter in the place of one on meta"),
        ),
    ],
    ids=["assign", "a new parameter", "from meta"],
)
def test_a_weight_that_is_replaced_is_lazy_too(renew):
    table = RowTable(6, 2)
    renew(table)
    Adam(table.parameters())
    table(torch.tensor([1, 2])).sum().backward()
    assert table.weight.grad.is_sparse


# --- what is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("setting", [{"max_norm": 1.0}, {"scale_grad_by_freq": True}])
def test_steps_of_its_own_are_refused(setting):
    with pytest.raises(ConfigError, match=rf"{next(iter(setting))}.*nn\.Embedding"):
        RowTable(5, 2, **setting)


@pytest.mark.parametrize("name", ["adagrad", "rmsprop", "adadelta", "adam", "nadam"])
def test_l2_through_a_square_is_refused_when_the_optimizer_is_built(name):
    table = RowTable(5, 2)
    with pytest.raises(ConfigError, match=rf"l2 .*{name}.*weight_decay.*nn\.Embedding"):
        make(name, table.parameters(), l2=0.1)
    optimizer = make(name, table.parameters())
    optimizer.param_groups[0]["l2"] = 0.1
    table(torch.tensor([1])).sum().backward()
    with pytest.raises(ConfigError, match="l2"):
        optimizer.step()
    make(name, nn.Embedding(5, 2).parameters(), l2=0.1)


@pytest.mark.parametrize("betas", [(0.95, 0.9), (0.9, 0.81)])
def test_a_mean_that_outlives_its_root_is_refused(betas):
    with pytest.raises(ConfigError, match="needs beta1 < √beta2"):
        Adam(RowTable(5, 2).parameters(), betas=betas)
    Adam(nn.Embedding(5, 2).parameters(), betas=betas)


def test_a_rule_whose_sleep_is_unknown_is_refused():
    @rule("Mine", lr=0.5, parents={"sgd": "…"}, paper="none")
    def mine(g, s, t, lr):
        """Δ = −α g"""
        return -lr * g, s

    try:
        with pytest.raises(ConfigError, match=r"cannot be trained by Mine.*SLEEPS.*nn\.Embedding"):
            make("mine", RowTable(5, 2).parameters())
        make("mine", nn.Embedding(5, 2).parameters())
    finally:
        del RULES["mine"]


def test_a_weight_tied_to_an_output_layer_is_refused():
    table, head, first = RowTable(9, 3), nn.Linear(3, 9, bias=False), nn.Linear(3, 3)
    head.weight = table.weight
    model = nn.ModuleList([first, table, head])
    optimizer = Adam(model.parameters())
    F.cross_entropy(head(first(table(torch.tensor([1, 2])))), torch.tensor([2, 3])).backward()
    before = copy.deepcopy(model.state_dict())
    with pytest.raises(ConfigError, match=r"dense gradient.*tied.*nn\.Embedding"):
        optimizer.step()
    assert_same_bits(model.state_dict(), before)


# --- reading changes nothing ------------------------------------------------------------------------------------------


def as_it_stands(trainee):
    with unflushed():
        saved = trainee.optimizer.state_dict()["state"][0]
        return {"weight": trainee.table.state_dict()["weight"].clone(), **copy.deepcopy(saved)}


def assert_same_bits(one, other):
    assert one.keys() == other.keys()
    assert [key for key in one if not torch.equal(one[key], other[key])] == []


@pytest.mark.parametrize(("name", "form"), FORMS)
def test_reading_is_as_of_now_and_changes_nothing(name, form, engine, trainee):
    one = trainee(RowTable, name, form, weight_decay=0.1).learn(draws(50, 40, 5))
    before = as_it_stands(one)
    if name not in ("gd", "sgd"):
        assert (before["last"] < 50).any()
    ids = torch.tensor([[39, 3], [17, 39]])
    with torch.no_grad():
        found = one.table(ids)
    with torch.inference_mode():
        again = one.table(ids).clone()
    saved, copied = one.table.state_dict()["weight"].clone(), copy.deepcopy(one.table)
    sent = pickle.loads(pickle.dumps(one.table))  # to a worker of a DataLoader
    now = current(next(one.table.parameters())).clone()
    one.optimizer.state_dict()
    assert_same_bits(as_it_stands(one), before)
    flushed = one.table.weight.detach()
    assert not torch.equal(flushed, before["weight"])  # some rows were asleep, and decay
    for read in (found, again):
        assert torch.equal(read, flushed[ids])
    for read in (saved, copied.weight, sent.weight, now, one.table.flush().weight):
        assert torch.equal(read, flushed)
    one.learn(draws(3, 40, 5))
    assert torch.equal(copied.weight, saved)


def test_a_frozen_while_asleep_table_is_read_as_of_now(trainee):
    one = trainee(RowTable, "momentum").learn(draws(50, 40, 5))
    one.table.requires_grad_(False)
    found = one.table(torch.arange(40))
    assert not found.requires_grad
    assert torch.equal(found, one.table.weight)


def test_every_way_to_take_a_state_dict_is_as_of_now(trainee):
    one = trainee(RowTable, "adam").learn(draws(50, 40, 5))
    kept = one.table.state_dict(keep_vars=True)["weight"].detach().clone()
    assert torch.equal(kept, one.table.weight)


@pytest.mark.parametrize("name", NAMES)
def test_a_flush_on_the_way_is_only_rounding(name, trainee):
    one, other = (trainee(RowTable, name, weight_decay=0.1) for _ in range(2))
    for number, ids in enumerate(draws(80, 40, 5)):
        one.learn([ids])
        other.learn([ids])
        if number % 7 == 0:
            other.table.flush()
    assert other.away_from(one) < 1e-13


def test_weights_that_are_loaded_are_not_moved_by_what_slept(twins):
    vectors = torch.randn(40, 3, dtype=torch.float64)
    dense, lazy = twins("momentum")
    for one in (dense, lazy):
        one.learn(draws(30, 40, 5))
        one.table.load_state_dict({"weight": vectors})
        if one is lazy:
            assert torch.equal(one.table.weight, vectors)
        one.learn(draws(30, 40, 5, seed=1))
    assert lazy.away_from(dense) < 1e-12


def test_a_copy_of_model_and_optimizer_goes_its_own_way(twins):
    """As dense ones do: the copy's optimizer trains the copy's table from the state as of now."""
    for name in ("adam", "momentum", "rmsprop"):
        dense, lazy = (copy.deepcopy(one.learn(draws(30, 40, 5))) for one in twins(name))
        other = copy.copy(lazy)
        other.optimizer, other.table = copy.deepcopy((lazy.optimizer, lazy.table))
        for one in (dense, lazy, other):
            one.learn(draws(30, 40, 5, seed=1))
        assert lazy.away_from(dense) < 1e-12
        assert other.away_from(dense) < 1e-12


def test_a_model_that_is_cast_before_training_is_exact_in_its_new_precision():
    def run(table_type):
        torch.manual_seed(0)
        table = table_type(20, 3)
        optimizer = Adam(table.parameters(), lr=0.1)
        table.double()
        for ids in draws(60, 20, 4):
            optimizer.zero_grad()
            table(ids).sin().sum().backward()
            optimizer.step()
        return table.weight.detach()

    torch.testing.assert_close(run(RowTable), run(nn.Embedding), rtol=1e-12, atol=1e-12)


# --- state ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "form"), FORMS)
def test_the_state_is_that_of_the_dense_optimizer(name, form, twins):
    """It goes over into a dense optimizer in the middle, and back."""
    dense, lazy = twins(name, form, weight_decay=0.1)
    for one in (dense, lazy):
        one.learn(draws(30, 40, 5))
    saved, expected = lazy.optimizer.state_dict(), dense.optimizer.state_dict()
    assert saved["param_groups"] == expected["param_groups"]
    assert saved["state"][0].keys() == expected["state"][0].keys()
    for key, value in saved["state"][0].items():
        torch.testing.assert_close(value, expected["state"][0][key], rtol=1e-12, atol=1e-14)
    taken, given = twins(name, form, weight_decay=0.1)
    for one, source in ((taken, lazy), (given, dense)):
        one.table.load_state_dict(source.table.state_dict())
        one.optimizer.load_state_dict(copy.deepcopy(source.optimizer.state_dict()))
        one.steps = 30
    for one in (dense, lazy, taken, given):
        one.learn(draws(30, 40, 5, seed=1))
    for one in (lazy, taken, given):
        assert one.away_from(dense) < 1e-12


@pytest.mark.parametrize("table_type", [nn.Embedding, RowTable])
def test_a_state_that_was_taken_up_is_not_shared(table_type, trainee):
    one = trainee(table_type, "adam").learn(draws(5, 40, 5))
    other = trainee(table_type, "adam")
    other.optimizer.load_state_dict(one.optimizer.state_dict())
    one.step([1])
    assert other.optimizer.state_dict()["state"][0]["step"] == 5


def saved_to(path, trainee):
    """Model and optimizer in a file of tensors and one of settings: all that another process gets."""
    with unflushed():
        state = trainee.optimizer.state_dict()
        tensors = {f"state.{key}": value for key, value in state["state"][0].items()}
        save_file({**tensors, **trainee.table.state_dict()}, path / "tensors")
    (path / "groups").write_text(json.dumps(state["param_groups"]), encoding="utf-8")


def read_from(path, trainee):
    tensors = load_file(path / "tensors")
    state = {key.removeprefix("state."): value for key, value in tensors.items() if key.startswith("state.")}
    trainee.table.load_state_dict({"weight": tensors["weight"]})
    groups = json.loads((path / "groups").read_text(encoding="utf-8"))
    trainee.optimizer.load_state_dict({"state": {0: state}, "param_groups": groups})


@pytest.mark.parametrize(
    ("name", "form", "dtype"),
    [(*key, torch.float64) for key in FORMS] + [(name, "deck", torch.float32) for name in NAMES],
)
def test_what_is_saved_unflushed_goes_on_bit_for_bit(name, form, dtype, tmp_path, trainee):
    def begin(**settings):
        return trainee(RowTable, name, form, dtype=dtype, **settings)

    whole = begin(weight_decay=0.1).learn(draws(40, 40, 5), warm_then_cosine(80))
    saved_to(tmp_path, whole)
    again = begin()
    read_from(tmp_path, again)
    again.steps = 40
    for one in (whole, again):
        one.learn(draws(40, 40, 5, seed=1), warm_then_cosine(80))
    assert_same_bits(as_it_stands(again), as_it_stands(whole))
    assert torch.equal(again.weight, whole.weight)


def taken_over(one, other, order=("model", "optimizer")):
    with unflushed():
        saved = copy.deepcopy((dict(one.table.state_dict()), one.optimizer.state_dict()))
        for part in order:
            if part == "model":
                other.table.load_state_dict(saved[0])
            else:
                other.optimizer.load_state_dict(saved[1])
    other.steps = one.steps
    return other


def test_what_is_saved_unflushed_may_be_loaded_in_either_order(trainee):
    one = trainee(RowTable, "adam").learn(draws(40, 40, 5))
    other = taken_over(one, trainee(RowTable, "adam"), order=("optimizer", "model"))
    assert torch.equal(other.weight, one.weight)


@pytest.mark.parametrize(
    ("name", "built", "changed"),
    [
        ("adam", {"eps": 1e-2}, {}),
        ("momentum", {"momentum": 0.97}, {"momentum": 0.8}),
        ("adam", {"betas": (0.95, 0.999)}, {"betas": (0.5, 0.99)}),
    ],
)
def test_settings_come_with_the_state(name, built, changed, trainee):
    """The optimizer that takes it over was built with the defaults, and reads rows before its first step."""
    one = trainee(RowTable, name, **built).learn(draws(40, 40, 5))
    one.step([1], **changed)
    other = taken_over(one, trainee(RowTable, name))
    with torch.no_grad():
        assert torch.equal(other.table(torch.arange(40)), one.table(torch.arange(40)))
    for each in (one, other):
        each.learn(draws(20, 40, 5, seed=1))
    assert torch.equal(other.weight, one.weight)


def test_settings_that_change_between_steps_hold_from_then_on(twins):
    dense, lazy = twins("adam", eps=1e-2)
    for one in (dense, lazy):
        one.learn(draws(40, 40, 5))
        one.step([1], eps=1e-8)
        one.learn(draws(40, 40, 5, seed=1))
    assert lazy.away_from(dense) < 1e-12


def test_an_own_state_loaded_again_changes_nothing(twins):
    dense, lazy = twins("adam")
    for one in (dense, lazy):
        one.learn(draws(40, 40, 5))
        one.optimizer.load_state_dict(copy.deepcopy(one.optimizer.state_dict()))
        one.learn(draws(40, 40, 5, seed=1))
    assert lazy.away_from(dense) < 1e-12


def test_a_state_from_before_the_first_step_begins_anew(twins):
    dense, lazy = twins("adam")
    for one in (dense, lazy):
        first = copy.deepcopy(one.optimizer.state_dict())
        one.learn(draws(40, 40, 5))
        one.optimizer.load_state_dict(first)
        one.learn(draws(40, 40, 5, seed=1))
        assert one.optimizer.state_dict()["state"][0]["step"] == 40
    assert lazy.away_from(dense) < 1e-12


def test_rows_asleep_do_not_fit_a_dense_optimizer(trainee):
    one = trainee(RowTable, "adam").learn(draws(20, 40, 5))
    with unflushed():
        saved = copy.deepcopy(one.optimizer.state_dict())
    dense = trainee(nn.Embedding, "adam")
    with pytest.raises(ConfigError):
        dense.optimizer.load_state_dict(saved)
    assert not dense.optimizer.state


def test_groups_have_rates_of_their_own():
    def run(table_type):
        torch.manual_seed(0)
        one, other = table_type(20, 3).double(), table_type(20, 2).double()
        groups = [{"params": one.parameters(), "lr": 0.1, "betas": (0.8, 0.99)}, {"params": other.parameters()}]
        optimizer = Adam(groups, lr=0.01, weight_decay=0.1)
        for number, ids in enumerate(draws(60, 20, 4)):
            optimizer.zero_grad()
            loss = one(ids).sin().sum()
            (loss + other(ids // 2).cos().sum() if number % 3 else loss).backward()  # each table has its own clock
            optimizer.step()
        return torch.cat([one.weight.detach().flatten(), other.weight.detach().flatten()])

    torch.testing.assert_close(run(RowTable), run(nn.Embedding), rtol=1e-12, atol=1e-13)


def test_a_second_optimizer_takes_over(twins):
    dense, lazy = twins("adam")
    for one in (dense, lazy):
        one.learn(draws(30, 40, 5))
        one.optimizer = Momentum(one.table.parameters(), lr=0.01)
        one.learn(draws(30, 40, 5, seed=1))
        assert one.optimizer.state_dict()["state"][0]["step"] == 30
    assert lazy.away_from(dense) < 1e-12


def test_the_optimizer_before_is_not_silently_wrong(twins):
    """Two optimizers on one table, in turns: as the dense ones, or refused."""
    dense, lazy = twins("adam")
    for one in (dense, lazy):
        one.learn(draws(10, 40, 5))
        Adam(one.table.parameters(), lr=0.5)
        try:
            one.learn(draws(30, 40, 5, seed=1))
        except ConfigError:
            return
    assert lazy.away_from(dense) < 1e-12


def test_torch_takes_over_a_table_that_was_ours():
    table = RowTable(8, 2)
    ours = Adam(table.parameters())
    table(torch.tensor([1, 2])).sum().backward()
    ours.step()
    del ours
    table.weight.grad = None
    theirs = torch.optim.Adam(copy.deepcopy(table).parameters())
    assert theirs.param_groups[0]["params"][0].grad is None
    table = copy.deepcopy(table)
    theirs = torch.optim.Adam(table.parameters())
    table(torch.tensor([1, 2])).sum().backward()
    theirs.step()


# --- with what trains -------------------------------------------------------------------------------------------------

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
