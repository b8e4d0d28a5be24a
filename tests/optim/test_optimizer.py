"""The optimizers as torch's: groups, schedulers, decay, closures, dtypes, layouts, and what they refuse."""

import copy
import re

import pytest
import torch
from torch import nn
from torch import optim as reference
from torch.optim import lr_scheduler

from yeonma import optim
from yeonma.errors import ConfigError
from yeonma.optim import Adam, Momentum, Nadam, RMSProp, make, multiplier, optimizer_class
from yeonma.optim.rules import rules

NAMES = list(rules())


def network(dtype=torch.float32):
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 1)).to(dtype)


def learn(model, optimizer, steps, scheduler=None):
    x = torch.linspace(-1, 1, 48).view(8, 6).to(next(model.parameters()).dtype)
    for _ in range(steps):
        optimizer.zero_grad()
        (model(x) - x.sum(1, keepdim=True).sin()).pow(2).mean().backward()
        optimizer.step()
        if scheduler is not None:
            scheduler.step()


def assert_same(one, other, **tolerance):
    for a, b in zip(one.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(a, b, **tolerance)


def test_public_names_are_exact_and_sorted():
    assert optim.__all__ == sorted(optim.__all__)
    assert all(hasattr(optim, name) for name in optim.__all__)
    assert {optimizer_class(name).__name__ for name in NAMES} <= set(optim.__all__)


@pytest.mark.parametrize("name", NAMES)
def test_default_training_lowers_the_loss(name):
    model = network()
    optimizer = make(name, model.parameters())
    assert isinstance(optimizer, reference.Optimizer)
    assert optimizer.rule.formula in type(optimizer).__doc__
    x = torch.linspace(-1, 1, 48).view(8, 6)

    def loss():
        return (model(x) - x.sum(1, keepdim=True).sin()).pow(2).mean().item()

    before = loss()
    learn(model, optimizer, 30)
    assert loss() < before


# --- groups -----------------------------------------------------------------------------------------------------------


def test_groups_have_settings_of_their_own(engine):
    def groups(model):
        first = {"params": model[0].parameters(), "lr": 0.05, "betas": (0.8, 0.99)}
        return [first, {"params": model[2].parameters()}]

    ours, theirs = network(torch.float64), network(torch.float64)
    learn(ours, Adam(groups(ours), lr=0.01, form="torch"), 20)
    learn(theirs, reference.Adam(groups(theirs), lr=0.01), 20)
    assert_same(ours, theirs, rtol=1e-11, atol=1e-13)


def test_a_group_may_change_one_beta_and_has_a_name():
    weight, other = nn.Parameter(torch.ones(2)), nn.Parameter(torch.ones(2))
    optimizer = Adam([{"params": [weight], "beta1": 0.5, "name": "embedding"}], beta2=0.99)
    optimizer.add_param_group({"params": [other], "learning_rate": 0.5})
    assert [group["betas"] for group in optimizer.param_groups] == [(0.5, 0.99), (0.9, 0.99)]
    assert [group["lr"] for group in optimizer.param_groups] == [1e-3, 0.5]
    assert optimizer.param_groups[0]["name"] == "embedding"


def test_what_has_no_gradient_stays_as_it_is(engine):
    model = network()
    model[0].requires_grad_(False)
    frozen = copy.deepcopy(model[0].state_dict())
    optimizer = Adam(model.parameters())
    learn(model, optimizer, 3)
    assert all(torch.equal(value, frozen[name]) for name, value in model[0].state_dict().items())
    assert set(optimizer.state) == set(model[2].parameters())


# --- decay ------------------------------------------------------------------------------------------------------------


def test_decoupled_decay_is_adamw(engine):
    ours, theirs = network(torch.float64), network(torch.float64)
    learn(ours, Adam(ours.parameters(), lr=0.01, weight_decay=0.3, form="torch"), 30)
    learn(theirs, reference.AdamW(theirs.parameters(), lr=0.01, weight_decay=0.3), 30)
    assert_same(ours, theirs, rtol=1e-11, atol=1e-13)


def test_decoupled_decay_is_nadamw(engine, double):
    ours, theirs = network(double), network(double)
    learn(ours, Nadam(ours.parameters(), weight_decay=0.3, form="torch"), 30)
    learn(theirs, reference.NAdam(theirs.parameters(), weight_decay=0.3, decoupled_weight_decay=True), 30)
    assert_same(ours, theirs, rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize(
    ("name", "torch_class", "extra"),
    [
        ("sgd", reference.SGD, {}),
        ("nag", reference.SGD, {"momentum": 0.9, "nesterov": True}),
        ("adagrad", reference.Adagrad, {}),
        ("rmsprop", reference.RMSprop, {}),
        ("adadelta", reference.Adadelta, {}),
        ("adam", reference.Adam, {}),
    ],
)
def test_l2_is_what_torch_calls_weight_decay(name, torch_class, extra, engine):
    ours, theirs = network(torch.float64), network(torch.float64)
    learn(ours, make(name, ours.parameters(), lr=0.01, l2=0.3, form="torch"), 20)
    learn(theirs, torch_class(theirs.parameters(), lr=0.01, weight_decay=0.3, **extra), 20)
    assert_same(ours, theirs, rtol=1e-10, atol=1e-13)


def test_adagrad_lowers_its_rate_as_torch_does(engine):
    ours, theirs = network(torch.float64), network(torch.float64)
    learn(ours, make("adagrad", ours.parameters(), lr_decay=0.2, form="torch"), 20)
    learn(theirs, reference.Adagrad(theirs.parameters(), lr_decay=0.2), 20)
    assert_same(ours, theirs, rtol=1e-11, atol=1e-13)


# --- schedulers -------------------------------------------------------------------------------------------------------

SCHEDULERS = {
    "ours": lambda o: lr_scheduler.LambdaLR(o, lambda step: multiplier("cosine", step, 20, 4)),
    "cosine": lambda o: lr_scheduler.CosineAnnealingLR(o, T_max=20),
    "one cycle, which moves the betas": lambda o: lr_scheduler.OneCycleLR(o, max_lr=0.05, total_steps=20),
}


@pytest.mark.parametrize("scheduler", SCHEDULERS)
def test_adam_under_torch_schedulers(scheduler, engine):
    ours, theirs = network(torch.float64), network(torch.float64)
    one, other = Adam(ours.parameters(), lr=0.05, form="torch"), reference.Adam(theirs.parameters(), lr=0.05)
    learn(ours, one, 19, SCHEDULERS[scheduler](one))
    learn(theirs, other, 19, SCHEDULERS[scheduler](other))
    assert one.param_groups[0]["betas"] == other.param_groups[0]["betas"]
    assert_same(ours, theirs, rtol=1e-11, atol=1e-13)


def test_velocity_forms_differ_only_when_the_rate_changes(engine):
    def run(form, scheduled):
        model = network(torch.float64)
        optimizer = Momentum(model.parameters(), lr=0.05, form=form)
        learn(model, optimizer, 10, lr_scheduler.ExponentialLR(optimizer, 0.7) if scheduled else None)
        return nn.utils.parameters_to_vector(model.parameters())

    torch.testing.assert_close(run("deck", False), run("torch", False), rtol=1e-12, atol=1e-14)
    assert (run("deck", True) - run("torch", True)).abs().max() > 1e-3


# --- torch's other habits ---------------------------------------------------------------------------------------------


def test_closure_runs_with_gradients_and_its_loss_comes_back(engine):
    weight = nn.Parameter(torch.tensor([3.0]))
    optimizer = make("sgd", [weight], lr=0.5)

    def closure():
        optimizer.zero_grad()
        loss = (weight**2).sum()
        loss.backward()
        return loss

    assert optimizer.step(closure).item() == 9.0
    assert weight.item() == 0.0
    assert optimizer.step(lambda: 1.5) == 1.5


def test_deepcopy_goes_its_own_way(engine):
    model = network()
    optimizer = Nadam(model.parameters(), form="torch")
    learn(model, optimizer, 3)
    twin, twin_optimizer = copy.deepcopy((model, optimizer))
    learn(model, optimizer, 3)
    learn(twin, twin_optimizer, 3)
    assert_same(model, twin, rtol=0, atol=0)
    assert twin_optimizer.rule is optimizer.rule


def test_autograd_sees_that_a_step_changed_a_weight(engine):
    weight = nn.Parameter(torch.ones(3))
    loss = (weight**2).sum()
    weight.grad = torch.ones(3)
    make("sgd", [weight]).step()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


def test_a_subclass_keeps_its_rule():
    class Mine(Adam):
        """Adam with another name."""

    assert Mine([nn.Parameter(torch.ones(1))]).rule.name == "adam"
    assert optimizer_class("ADAM") is Adam


# --- dtypes and layouts -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_weights_are_computed_in_single(dtype, engine):
    torch.manual_seed(0)
    weight = nn.Parameter(torch.randn(40).to(dtype))
    optimizer = Adam([weight], lr=0.01)
    form = optimizer.rule.form("deck")
    expected, state = weight.detach().clone(), form.State(torch.zeros(40), torch.zeros(40))
    for t in range(1, 11):
        weight.grad = weight.detach() * 0.5 + 1
        delta, state = form.function((expected * 0.5 + 1).float(), state, t, 0.01, **form.hyper)
        expected = (expected.float() + delta).to(dtype)
        optimizer.step()
    assert torch.equal(weight, expected)
    assert torch.equal(optimizer.state[weight]["v"], state.v)
    assert optimizer.state[weight]["v"].dtype is torch.float32


def test_a_saved_state_keeps_its_precision_beside_half_precision_weights():
    weight = nn.Parameter(torch.randn(40).bfloat16())
    optimizer = Nadam([weight], form="torch")
    optimizer.state[weight] = {
        "step": torch.tensor(1001.0),
        "m": torch.rand(40),
        "v": torch.rand(40),
        "mu_product": torch.tensor(1 / 3, dtype=torch.float64),
    }
    loaded = Nadam([weight], form="torch")
    loaded.load_state_dict(optimizer.state_dict())
    for name, value in optimizer.state[weight].items():
        assert loaded.state[weight][name].dtype == value.dtype
        assert torch.equal(loaded.state[weight][name], value)
        assert name == "step" or loaded.state[weight][name] is not value


LAYOUTS = {
    "transposed": lambda: torch.randn(4, 6).t(),
    "strided": lambda: torch.randn(8, 6)[::2],
    "channels last": lambda: torch.randn(2, 3, 4, 5).contiguous(memory_format=torch.channels_last),
    "one number": lambda: torch.tensor(1.5),
    "empty": lambda: torch.empty(0, 3),
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", ["adam", "sgd"])
def test_every_layout_is_updated_alike(layout, name, engine):
    weight = nn.Parameter(LAYOUTS[layout]())
    plain = nn.Parameter(weight.detach().clone(memory_format=torch.contiguous_format))
    one, other = make(name, [weight], lr=0.1), make(name, [plain], lr=0.1)
    for _ in range(3):
        weight.grad, plain.grad = weight.detach().sin(), plain.detach().sin()
        one.step()
        other.step()
    torch.testing.assert_close(weight.detach(), plain.detach())


def test_a_gradient_of_another_layout_is_taken(engine):
    weight, plain = nn.Parameter(torch.ones(4, 6)), nn.Parameter(torch.ones(4, 6))
    gradient = torch.randn(6, 4)
    weight.grad, plain.grad = gradient.t(), gradient.t().contiguous()
    Adam([weight]).step()
    Adam([plain]).step()
    torch.testing.assert_close(weight, plain)


def test_large_weights_are_updated_in_blocks(monkeypatch):
    monkeypatch.setenv("YEONMA_KERNELS", "off")
    torch.manual_seed(0)
    weight = nn.Parameter(torch.randn(300, 333))
    expected = weight.detach() - 0.1 * weight.detach().sin()
    weight.grad = weight.detach().sin()
    make("sgd", [weight], lr=0.1).step()
    torch.testing.assert_close(weight.detach(), expected)


# --- refusals ---------------------------------------------------------------------------------------------------------


def one_weight():
    return [nn.Parameter(torch.ones(2))]


REFUSED = [
    (lambda: make("adm", one_weight()), "There is no optimizer called 'adm'. Did you mean 'adam'?"),
    (lambda: Adam(one_weight(), form="keras"), "Adam has no form 'keras'. Known: deck, torch."),
    (lambda: Adam(one_weight(), beta_1=0.9), "adam has no setting 'beta_1'. Did you mean 'beta1'?"),
    (lambda: Adam(one_weight(), amsgrad=True), "adam has no setting 'amsgrad'."),
    (lambda: Nadam(one_weight(), momentum_decay=0.1), "nadam has no setting 'momentum_decay'."),
    (lambda: Adam(one_weight(), lr=float("nan")), "lr must be a number, at least 0; got nan."),
    (lambda: Adam(one_weight(), lr=-1), "lr must be a number, at least 0; got -1."),
    (lambda: Adam(one_weight(), lr="fast"), "lr must be a number, at least 0; got 'fast'."),
    (lambda: Adam(one_weight(), betas=(0.9, 1.0)), "beta2 must be a number, at least 0 and below 1; got 1.0."),
    (lambda: Adam(one_weight(), betas=0.9), "betas must be a pair (beta1, beta2); got 0.9."),
    (lambda: Adam(one_weight(), betas=(0.9, 0.99), beta1=0.8), "beta1 was given twice"),
    (lambda: Adam(one_weight(), lr=0.1, alpha=0.1), "lr was given twice"),
    (lambda: Momentum(one_weight(), momentum=True), "momentum must be a number, at least 0 and below 1; got True."),
    (lambda: Adam(one_weight(), weight_decay=float("inf")), "weight_decay must be a number, at least 0; got inf."),
    (lambda: Adam([{"params": one_weight(), "wieght_decay": 0.1}]), "Did you mean 'weight_decay'?"),
    (lambda: Adam([{"params": one_weight(), "form": "torch"}]), "One optimizer has one form"),
]


@pytest.mark.parametrize(("call", "message"), REFUSED, ids=[message[:40] for _, message in REFUSED])
def test_what_does_not_fit_is_refused_in_words(call, message):
    with pytest.raises(ConfigError, match=re.escape(message)):
        call()


def test_sparse_gradients_are_refused():
    table = nn.Embedding(5, 2, sparse=True)
    optimizer = Adam(table.parameters())
    table(torch.tensor([1, 3])).sum().backward()
    with pytest.raises(ConfigError, match="sparse=False"):
        optimizer.step()
    assert not optimizer.state
    table.weight.grad = torch.ones(5, 2)
    optimizer.step()
    table.weight.grad = None
    table(torch.tensor([1, 3])).sum().backward()
    with pytest.raises(ConfigError, match="sparse=False"):
        optimizer.step()
    assert optimizer.state[table.weight]["step"] == 1


def test_complex_weights_are_refused():
    weight = nn.Parameter(torch.ones(2, dtype=torch.complex64))
    weight.grad = torch.ones_like(weight)
    with pytest.raises(ConfigError, match="Complex weights"):
        Adam([weight]).step()


def stepped(optimizer_type, **arguments):
    weight = nn.Parameter(torch.ones(2))
    weight.grad = torch.ones(2)
    optimizer = optimizer_type([weight], **arguments)
    optimizer.step()
    return optimizer


@pytest.mark.parametrize(
    ("saved", "message"),
    [
        (lambda: stepped(RMSProp), "a group lacks betas"),
        (lambda: stepped(Adam, form="torch"), "it is adam's, in the form 'torch'"),
        (lambda: stepped(Nadam), "it is nadam's, in the form 'deck'"),
        (lambda: stepped(reference.Adam), "a group lacks form, l2"),
    ],
)
def test_a_state_of_another_rule_or_form_is_refused(saved, message):
    optimizer = stepped(Adam)
    before = copy.deepcopy(optimizer.state_dict())
    with pytest.raises(ConfigError, match=message):
        optimizer.load_state_dict(saved().state_dict())
    assert str(optimizer.state_dict()) == str(before)


def test_a_state_with_other_slots_is_refused_before_anything_changes():
    optimizer = stepped(Adam)
    saved = copy.deepcopy(optimizer.state_dict())
    del saved["state"][0]["v"]
    with pytest.raises(ConfigError, match="a weight has m, step"):
        optimizer.load_state_dict(saved)
    assert "v" in optimizer.state[optimizer.param_groups[0]["params"][0]]
