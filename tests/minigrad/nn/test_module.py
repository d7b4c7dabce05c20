"""Module: what it finds, how it is switched, saved, loaded, copied and shown."""

import copy
import gc

import numpy as np
import pytest

import minigrad
from minigrad import Tensor, nn, random


class Block(nn.Module):
    """A parameter of its own, a buffer, submodules, and things that are none of these."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(np.ones(3, np.float32))
        self.linear = nn.Linear(3, 3)
        self.inner = nn.Sequential(nn.BatchNorm1d(3), nn.Dropout(0.5))
        self.register_buffer("offset", np.zeros(3, np.float32))
        self.absent = None
        self.number = 3
        self.plain = Tensor(np.ones(2))

    def forward(self, x):
        return self.inner(self.linear(x)) * self.scale + self.offset


PARAMETERS = ["scale", "linear.weight", "linear.bias", "inner.0.weight", "inner.0.bias"]
BUFFERS = ["inner.0.running_mean", "inner.0.running_var", "inner.0.num_batches_tracked"]


class TestWhatItIsMadeOf:
    def test_parameters(self):
        block = Block()
        assert [name for name, _ in block.named_parameters()] == PARAMETERS
        assert next(block.parameters()) is block.scale
        assert [n for n, _ in block.named_parameters("net")][1] == "net.linear.weight"

    def test_buffers(self):
        assert {name for name, _ in Block().named_buffers()} == {"offset", *BUFFERS}
        assert len(list(Block().buffers())) == 4

    def test_modules(self):
        block = Block()
        assert [name for name, _ in block.named_modules()] == [
            "", "linear", "inner", "inner.0", "inner.1",
        ]  # fmt: skip
        assert [name for name, _ in block.named_children()] == ["linear", "inner"]
        assert next(block.modules()) is block

    def test_shared_ones_are_counted_once(self):
        linear = nn.Linear(2, 2)
        twice = nn.Sequential(linear, nn.ReLU(), linear)
        assert len(list(twice.parameters())) == 2
        assert len(list(twice.children())) == 2
        assert len(twice) == 3
        assert set(twice.state_dict()) == {"0.weight", "0.bias", "2.weight", "2.bias"}
        twice.load_state_dict(twice.state_dict())

    def test_a_parameter_that_is_replaced_or_removed(self):
        linear = nn.Linear(2, 3)
        linear.bias = None
        assert [n for n, _ in linear.named_parameters()] == ["weight"]
        assert linear(np.ones((1, 2))).shape == (1, 3)
        del linear.weight
        assert list(linear.parameters()) == []

    def test_a_parameter_has_its_own_memory(self):
        data = np.ones(3)
        parameter = nn.Parameter(data)
        data[:] = 5
        assert parameter.tolist() == [1, 1, 1]
        assert parameter.requires_grad
        assert not nn.Parameter(data, requires_grad=False).requires_grad
        assert isinstance(parameter, Tensor)
        with pytest.raises(TypeError, match="only floating Tensors can require grad"):
            nn.Parameter([1, 2])

    def test_names_are_checked(self):
        block = Block()
        with pytest.raises(KeyError, match="without dots"):
            block.register_buffer("a.b", np.zeros(1))
        with pytest.raises(KeyError, match="has an attribute 'train' already"):
            block.add_module("train", nn.ReLU())
        with pytest.raises(TypeError, match="a Module is needed, not function"):
            block.add_module("f", lambda x: x)


class TestSwitches:
    def test_train_and_eval(self):
        block = Block()
        assert all(m.training for m in block.modules())
        assert block.eval() is block
        assert not any(m.training for m in block.modules())
        assert block.train() is block
        assert all(m.training for m in block.modules())

    def test_gradients(self):
        block = Block()
        block(
            np.ones((4, 3), np.float32) * np.arange(4, dtype=np.float32)[:, None]
        ).sum().backward()
        assert all(p.grad is not None for p in block.parameters())
        block.zero_grad()
        assert all(p.grad is None for p in block.parameters())
        block.requires_grad_(False)
        assert not block(np.ones((4, 3), np.float32)).requires_grad
        block.linear.requires_grad_(True)
        assert [p.requires_grad for p in block.parameters()] == [False, True, True, False, False]

    def test_apply_goes_from_the_inside_out(self):
        seen = []
        block = Block()
        assert block.apply(seen.append) is block
        assert [type(m).__name__ for m in seen] == [
            "Linear", "BatchNorm1d", "Dropout", "Sequential", "Block",
        ]  # fmt: skip

    def test_to_another_type(self):
        block = Block()
        weight = block.linear.weight
        assert block.to(np.float64) is block
        assert block.linear.weight is weight  # an optimiser may hold it
        floating = [a for a in block.state_dict().values() if a.dtype.kind == "f"]
        assert {a.dtype for a in floating} == {np.dtype(np.float64)}
        assert block.state_dict()["inner.0.num_batches_tracked"].dtype == np.int64
        block(np.random.default_rng(0).normal(size=(4, 3))).sum().backward()
        assert weight.grad.dtype == np.float64
        with pytest.raises(TypeError, match="not int64"):
            block.to(np.int64)

    def test_forward_hooks(self):
        linear, seen = nn.Linear(2, 3), []
        remove = linear.register_forward_hook(lambda m, xs, y: seen.append((m, len(xs), y.shape)))
        double = linear.register_forward_hook(lambda m, xs, y: y * 2)
        y = linear(np.ones((1, 2)))
        assert seen == [(linear, 1, (1, 3))]
        double()
        assert (y.data == 2 * linear(np.ones((1, 2))).data).all()
        remove()
        linear(np.ones((1, 2)))
        assert len(seen) == 2

    def test_forward_is_asked_for(self):
        with pytest.raises(NotImplementedError, match="Module needs a method forward"):
            nn.Module()(1)


class TestState:
    def test_there_and_back(self):
        first, second = Block(), Block()
        first(np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32))
        state = first.state_dict()
        assert set(state) == {*PARAMETERS, "offset", *BUFFERS}
        assert all(type(a) is np.ndarray for a in state.values())
        assert second.load_state_dict(state) == ([], [])
        for name, array in second.state_dict().items():
            assert array.dtype == state[name].dtype
            np.testing.assert_array_equal(array, state[name])

    def test_it_is_a_copy(self):
        block = Block()
        state = block.state_dict()
        for array in state.values():
            array[...] = 7
        assert not any((a == 7).any() for a in block.state_dict().values())

    def test_memory_and_identity_are_kept(self):
        block, other = Block(), Block()
        before = [(p, p.data) for p in block.parameters()]
        block.load_state_dict(other.state_dict())
        assert all(
            p is q and p.data is d for (p, d), q in zip(before, block.parameters(), strict=True)
        )

    def test_what_does_not_fit_is_named_and_nothing_is_changed(self):
        block = Block()
        before = block.state_dict()
        state = {name: array + 1 for name, array in before.items()}
        del state["linear.bias"]
        state["linear.weigth"] = state["scale"]
        state["inner.0.weight"] = np.zeros(4)
        state["inner.0.num_batches_tracked"] = np.array(0.5)
        with pytest.raises(ValueError, match="does not fit Block") as caught:
            block.load_state_dict(state)
        assert str(caught.value).splitlines() == [
            "this state does not fit Block:",
            "  missing: linear.bias",
            "  unexpected: linear.weigth",
            "  inner.0.weight: shape (4,), expected (3,)",
            "  inner.0.num_batches_tracked: float64 is no type of numbers for int64",
        ]
        for name, array in block.state_dict().items():
            np.testing.assert_array_equal(array, before[name])

    def test_not_strict(self):
        block = Block()
        skipped = block.load_state_dict(
            {"scale": np.full(3, 2), "other": np.zeros(1)}, strict=False
        )
        assert block.scale.tolist() == [2, 2, 2]
        assert "linear.bias" in skipped.missing_keys
        assert skipped.unexpected_keys == ["other"]
        with pytest.raises(ValueError, match="scale: shape"):
            block.load_state_dict({"scale": np.zeros(2)}, strict=False)

    def test_an_older_graph_is_not_run_backward_with_the_new_values(self):
        linear = nn.Linear(2, 2)
        x = Tensor(np.ones((1, 2), np.float32), requires_grad=True)
        y = linear(x).sum()
        linear.load_state_dict(nn.Linear(2, 2).state_dict())
        with pytest.raises(RuntimeError, match="was changed after linear had used it"):
            y.backward()

    def test_copies_are_independent(self):
        block = Block()
        twin = copy.deepcopy(block)
        twin.linear.weight.data[:] = 0
        assert block.linear.weight.data.any()
        twin.eval()
        twin(np.ones((1, 3), np.float32)).sum().backward()
        assert twin.scale.grad is not None
        assert block.scale.grad is None


class TestContainers:
    def test_sequential(self):
        model = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))
        x = np.ones((4, 2), np.float32)
        want = model[2](model[1](model[0](x)))
        np.testing.assert_array_equal(model(x).data, want.data)
        assert len(model) == 3
        assert model[-1] is list(model)[2]
        assert [n for n, _ in model[1:].named_children()] == ["1", "2"]
        assert model.append(nn.Tanh()) is model
        assert isinstance(model[3], nn.Tanh)

    def test_sequential_with_names(self):
        model = nn.Sequential({"first": nn.Linear(2, 3), "act": nn.ReLU()})
        assert isinstance(model.act, nn.ReLU)
        assert "first.weight" in model.state_dict()

    def test_sequential_of_nothing_is_the_identity(self):
        assert nn.Sequential()(3) == 3

    def test_module_list(self):
        layers = nn.ModuleList(nn.Linear(2, 2) for _ in range(3))
        assert len(layers) == 3
        assert len(list(layers.parameters())) == 6
        assert len(layers[1:]) == 2
        assert layers.append(nn.ReLU())[3] is list(layers)[-1]
        with pytest.raises(NotImplementedError, match="loop over its modules"):
            layers(1)


class TestHowItLooks:
    def test_repr(self):
        assert repr(Block()) == (
            "Block(\n"
            "  (linear): Linear(in_features=3, out_features=3, bias=True)\n"
            "  (inner): Sequential(\n"
            "    (0): BatchNorm1d("
            "3, eps=1e-05, momentum=0.1, affine=True, track_running_stats=True)\n"
            "    (1): Dropout(p=0.5)\n"
            "  )\n"
            ")"
        )

    def test_summary(self):
        lenet = nn.Sequential(
            nn.Conv2d(1, 8, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(8, 16, 5), nn.ReLU(),
            nn.MaxPool2d(2), nn.Flatten(), nn.Linear(256, 10),
        )  # fmt: skip
        assert lenet.summary((64, 1, 28, 28)).splitlines() == [
            "layer          output           parameters",
            "-------------  ---------------  ----------",
            "Sequential     (64, 10)              5,994",
            "  0 Conv2d     (64, 8, 24, 24)         208",
            "  1 ReLU       (64, 8, 24, 24)           0",
            "  2 MaxPool2d  (64, 8, 12, 12)           0",
            "  3 Conv2d     (64, 16, 8, 8)        3,216",
            "  4 ReLU       (64, 16, 8, 8)            0",
            "  5 MaxPool2d  (64, 16, 4, 4)            0",
            "  6 Flatten    (64, 256)                 0",
            "  7 Linear     (64, 10)              2,570",
            "-------------  ---------------  ----------",
            "parameters: 5,994, trainable: 5,994",
        ]

    def test_summary_of_nested_frozen_and_unused(self):
        block = Block()
        block.unused = nn.LSTM(2, 3)
        block.linear.requires_grad_(False)
        text = block.summary((2, 3))
        assert "  inner Sequential" in text
        assert "    0 BatchNorm1d   (2, 3)               6" in text
        assert "not called" in text
        assert text.endswith("parameters: 105, trainable: 93")
        assert "(1, 4, 3), (1, 1, 3), (1, 1, 3)" in nn.LSTM(2, 3).summary((1, 4, 2))

    def test_summary_changes_nothing(self):
        block = Block()
        block.inner.eval()
        before, state = block.state_dict(), random.get_state()
        block.summary((2, 3))
        assert random.get_state() == state
        assert [m.training for m in block.modules()] == [True, True, False, False, False]
        for name, array in block.state_dict().items():
            np.testing.assert_array_equal(array, before[name])
        with pytest.raises(ValueError, match="length 3"):
            block.summary((2, 5))
        assert block.training
        assert block.linear._forward_hooks == ()


def test_no_reference_cycles():
    model = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 3))
    lstm = nn.LSTM(4, 3)
    x = np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32)
    while gc.collect():  # what other tests left may take more than one round
        pass
    gc.disable()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        for _ in range(3):
            nn.functional.cross_entropy(model(x), [0, 1, 2, 0, 1]).backward()
            y, _ = lstm(x[None])
            y.sum().backward()
            with minigrad.no_grad():
                model(x)
        del y
        model.summary((5, 4))
        gc.collect()
        mine = [o for o in gc.garbage if type(o).__module__.startswith("minigrad")]
        assert not mine
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()


def test_a_parameter_is_not_replaced_by_what_is_none():
    layer = nn.Linear(2, 1)
    with pytest.raises(TypeError, match="weight is a parameter"):
        layer.weight = np.ones((1, 2))
    layer.weight = nn.Parameter(np.ones((1, 2), np.float32))
    layer.bias = None
    assert [name for name, _ in layer.named_parameters()] == ["weight"]
