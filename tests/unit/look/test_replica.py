from __future__ import annotations

import copy
import random
import threading

import numpy as np
import pytest
import torch
from torch import nn

from tests.unit.look.conftest import AlwaysDropping, DigitsNet
from torchvis_widgets.look import Probe, Replica, ReplicaError, capture, trace_probe, unwrapped


class WatchHook:
    is_watch_hook = True

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, *args: object) -> None:
        self.calls += 1


def fingerprint(model: nn.Module) -> list[object]:
    flags = [module.training for module in model.modules()]
    grads = [None if p.grad is None else p.grad.tolist() for p in model.parameters()]
    return [
        flags,
        grads,
        [p.requires_grad for p in model.parameters()],
        [t.tolist() for t in model.state_dict().values()],
    ]


def random_states() -> list[object]:
    return [torch.get_rng_state().tolist(), random.getstate(), np.random.get_state()[1].tolist()]


def test_looking_changes_nothing_about_the_model_nor_the_random_state(net: DigitsNet, probe: Probe) -> None:
    net.train()
    net.spare.requires_grad_(False)
    nn.functional.cross_entropy(net(probe.args[0]), probe.targets).backward()
    hooks = len(net._forward_hooks)
    before, randomness = fingerprint(net), random_states()
    replica = Replica(net)
    trace_probe(replica, probe)
    replica.load({name: tensor + 1 for name, tensor in net.state_dict().items()}, None)
    capture(replica, probe, ["features.conv1", "head"])
    replica.forward(probe)
    assert fingerprint(net) == before
    assert random_states() == randomness
    assert len(net._forward_hooks) == hooks


def test_a_model_that_draws_in_eval_mode_is_found_out_and_the_random_states_are_put_back(probe: Probe) -> None:
    class DrawsEverywhere(AlwaysDropping):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return super().forward(x) * (1 + 0 * random.random()) * (1 + 0 * float(np.random.rand()))

    model, inputs = DrawsEverywhere(), Probe.of(torch.randn(3, 4))
    before = random_states()
    replica = Replica(model)
    trace_probe(replica, inputs)
    assert replica.draws_random_numbers is True
    assert random_states() == before


@pytest.mark.parametrize("draw", [random.random, np.random.rand], ids=["random", "numpy"])
def test_draws_from_python_and_numpy_are_noticed_too(draw: object) -> None:
    class Draws(nn.Linear):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return super().forward(x) + draw()  # type: ignore[operator]

    replica = Replica(Draws(2, 2))
    trace_probe(replica, Probe.of(torch.randn(3, 2)))
    assert replica.draws_random_numbers is True


def test_a_stopped_pass_does_not_decide_that_nothing_draws() -> None:
    model = nn.Sequential(nn.Linear(4, 4), AlwaysDropping())
    inputs = Probe.of(torch.randn(3, 4))
    replica = Replica(model)
    capture(replica, inputs, ["0"])
    assert replica.draws_random_numbers is None
    trace_probe(replica, inputs)
    assert replica.draws_random_numbers is True


def test_a_quiet_replica_never_touches_the_random_state_of_another_thread(replica: Replica, probe: Probe) -> None:
    """A draw made elsewhere during the forward pass stays made: the state is not put back."""
    assert replica.draws_random_numbers is False
    inside, drawn = threading.Event(), threading.Event()

    def wait_for_draw(*_: object) -> None:
        inside.set()
        assert drawn.wait(10)

    replica.module.get_submodule("head").register_forward_hook(wait_for_draw)
    viewer = threading.Thread(target=replica.forward, args=(probe,))
    viewer.start()
    assert inside.wait(10)
    torch.rand(1)
    after = torch.get_rng_state()
    drawn.set()
    viewer.join(10)
    assert torch.equal(torch.get_rng_state(), after)


def test_the_copy_is_in_eval_mode_without_gradients(net: DigitsNet, probe: Probe) -> None:
    net.train()
    net(probe.args[0]).sum().backward()
    replica = Replica(net)
    assert not any(module.training for module in replica.module.modules())
    assert not any(p.requires_grad or p.grad is not None for p in replica.module.parameters())
    assert not replica.forward(probe).requires_grad
    assert torch.equal(replica.forward(probe), copy.deepcopy(net).eval()(probe.args[0]))


def test_watch_hooks_are_dropped_and_the_user_s_own_are_kept(net: DigitsNet, probe: Probe) -> None:
    ours = WatchHook()
    net.features.register_forward_pre_hook(ours, with_kwargs=True)
    net.head.register_forward_hook(ours, always_call=True)
    net.head.register_forward_hook(lambda module, args, output: output * 0)
    replica = Replica(net)
    kept = [
        hook for m in replica.module.modules() for hook in (*m._forward_hooks.values(), *m._forward_pre_hooks.values())
    ]
    assert len(kept) == 1
    assert not replica.forward(probe).any()
    assert ours.calls == 0
    assert len(net.head._forward_hooks) == 2


def test_load_skips_a_token_it_holds_and_notices_buffers_changed_by_a_forward_pass() -> None:
    class Counts(nn.Linear):
        def __init__(self) -> None:
            super().__init__(2, 2)
            self.register_buffer("calls", torch.zeros(()))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            self.calls += 1
            return super().forward(x)

    model = Counts()
    replica = Replica(model)
    state = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    replica.load(state, 7)
    assert replica.holds(7)
    assert not replica.holds(8)
    replica.load({name: tensor + 1 for name, tensor in state.items()}, 7)
    assert torch.equal(replica.module.weight, state["weight"])
    replica.load({name: tensor + 1 for name, tensor in state.items()}, None)
    assert torch.equal(replica.module.weight, state["weight"] + 1)
    assert not replica.holds(None)
    replica.load(state, 7)
    replica.forward(Probe.of(torch.zeros(1, 2)))
    assert not replica.holds(7)


def test_a_state_that_does_not_fit_is_named(replica: Replica, net: DigitsNet) -> None:
    state = dict(net.state_dict())
    with pytest.raises(ReplicaError, match=r"'head.weight' has shape \(2, 2\), the model's is \(10, 16\)"):
        replica.load({**state, "head.weight": torch.zeros(2, 2)}, None)
    del state["head.weight"], state["head.bias"]
    with pytest.raises(ReplicaError, match=r"lacks 'head.bias' and 1 more"):
        replica.load(state, None)


def test_a_model_that_cannot_be_copied_asks_for_a_factory(probe: Probe) -> None:
    class Locked(DigitsNet):
        def __init__(self) -> None:
            super().__init__()
            self.guard = threading.Lock()

    model = Locked().eval()
    with pytest.raises(ReplicaError, match=r"cannot be copied with copy\.deepcopy .*replica=lambda: MyModel"):
        Replica(model)
    before = torch.get_rng_state()
    replica = Replica(model, factory=Locked)
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(replica.forward(probe), model(probe.args[0]))


def test_a_factory_that_gives_no_module_and_a_lazy_model_are_refused() -> None:
    with pytest.raises(ReplicaError, match=r"replica= gave a int, expected an nn.Module"):
        Replica(nn.Linear(2, 2), factory=lambda: 3)  # type: ignore[arg-type,return-value]
    with pytest.raises(ReplicaError, match=r"'weight' is not initialised yet.*Run one batch"):
        Replica(nn.LazyLinear(2))


def test_wrapped_models_are_looked_at_unwrapped(net: DigitsNet) -> None:
    assert unwrapped(nn.DataParallel(net)) is net
    assert unwrapped(torch.compile(net)) is net
    assert type(Replica(nn.DataParallel(net)).module) is DigitsNet
