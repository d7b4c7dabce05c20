"""What is kept, and that it goes away: no reference cycles, no array longer than it is needed."""

import gc
import tracemalloc
import weakref
from contextlib import contextmanager, suppress

import numpy as np
import pytest

from minigrad import Function, Tensor, detect_anomaly, grad, no_grad, ops, tensor

from .ops.samples import SAMPLES


def leaf(*shape):
    return tensor(np.random.default_rng(0).uniform(0.5, 1.5, shape), requires_grad=True)


class Cube(Function):
    formula = staticmethod(lambda x: x * x * x)

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    def backward(ctx, g):
        return 3 * g * ctx.saved_tensors[0] ** 2


@contextmanager
def no_cycles():
    """Everything made inside is gone by reference counts alone."""
    while gc.collect():  # what other tests left may take more than one round
        pass
    gc.disable()
    gc.freeze()  # so that what there is already is not looked through again
    before = len(gc.get_objects())
    try:
        yield
        grown = len(gc.get_objects()) - before
        assert gc.collect() == 0
        assert grown < 50
    finally:
        gc.unfreeze()
        gc.enable()


class TestNoCycles:
    def test_every_op(self):
        def run(sample):
            xs = [Tensor(x, requires_grad=True) for x in sample.inputs]
            y = sample.f(*xs)
            gy = np.ones(y.shape)
            y.backward(gy, retain_graph=True)
            first = grad(y, xs, gy, create_graph=True)
            total = sum((g * g).sum() for g in first)
            if total.requires_grad:
                grad(total, xs)

        for sample in SAMPLES.values():  # plans are made, caches filled
            run(sample)
        with no_cycles():
            for sample in SAMPLES.values():
                run(sample)

    def test_graphs_dropped_without_backward(self):
        x = leaf(3)
        with no_cycles():
            for _ in range(100):
                y = np.tanh(Cube.apply(x) @ x) + x.max()
            del y

    def test_hooks(self):
        with no_cycles():
            x = leaf(3)
            seen = []
            y = x * 2
            remove = y.register_hook(seen.append)
            y.sum().backward()
            del x, y, remove, seen

    def test_errors_in_the_middle(self):
        class Fails(Function):
            @staticmethod
            def forward(ctx, x):
                return x * 2

            @staticmethod
            def backward(ctx, g):
                raise KeyError("mine")

        def run():
            x = leaf(3)
            with suppress(KeyError):
                (np.exp(Fails.apply(np.sin(x))) * x).sum().backward()
            with suppress(ValueError):
                np.exp(x) @ np.ones(7)
            with suppress(FloatingPointError), detect_anomaly(), np.errstate(all="ignore"):
                np.log(x - 2)

        run()
        with no_cycles():
            for _ in range(10):
                run()

    def test_a_long_chain_goes_without_recursion(self):
        x = leaf()
        with no_cycles():
            y = x
            for _ in range(50_000):
                y = np.sin(y)
            del y
            y = x
            for _ in range(50_000):
                y = np.concatenate([y[None], y[None]])[0]
            del y


def train(steps, x, w, b, velocity):
    for _ in range(steps):
        h = np.maximum(x @ w + b, 0)
        loss = np.mean(Cube.apply(h) ** 2) + np.linalg.norm(w)
        loss.backward()
        with no_grad():
            for p, v in zip((w, b), velocity, strict=True):
                v *= 0.9
                v += p.grad.data
                p.data -= 1e-4 * v
                p.grad = None


def test_a_thousand_steps_leave_memory_flat():
    x, w, b = np.ones((4, 3)), leaf(3, 5), leaf(5)
    velocity = [np.zeros((3, 5)), np.zeros(5)]
    train(20, x, w, b, velocity)
    gc.collect()
    gc.disable()
    tracemalloc.start()
    try:
        train(100, x, w, b, velocity)
        gc.collect()  # empties the interpreter's own stores of small tuples
        before, _ = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        train(900, x, w, b, velocity)
        _, peak = tracemalloc.get_traced_memory()
        assert gc.collect() == 0
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
        gc.enable()
    # A leak of a single object a step would be 20 times as much.
    assert after - before < 10_000
    assert peak - before < 200_000


class TestOnlyWhatIsNamedIsKept:
    """Whether the array of an input, and of the output, outlives its Tensor in the graph."""

    def kept(self, f, *inputs):
        # Arrays that nobody else holds: computed, and handed over.
        xs = [x + 0 for x in inputs]
        y = f(*xs)
        out = y + 0  # its graph holds y's node, but not y
        refs = [weakref.ref(t.data) for t in (*xs, y)]
        del xs, y
        result = [ref() is not None for ref in refs]
        del out
        assert not any(ref() is not None for ref in refs)
        return result

    @pytest.mark.parametrize(
        ("f", "inputs", "output"),
        [(np.tanh, [0], 1), (np.exp, [0], 1), (np.sqrt, [0], 1), (np.sin, [1], 0), (np.log, [1], 0),
         (np.negative, [0], 0), (np.sum, [0], 0), (np.mean, [0], 0), (np.cumsum, [0], 0),
         (lambda x: x + 1, [0], 0), (lambda x: x * 2, [0], 0), (lambda x: x.astype("f4"), [0], 0),
         (lambda x: x[[0, 1]], [0], 0), (lambda x: np.where([True, False, True], x, 0), [0], 0),
         (np.add, [0, 0], 0), (np.subtract, [0, 0], 0), (np.multiply, [1, 1], 0),
         (np.divide, [0, 1], 1), (np.matmul, [1, 1], 0), (np.maximum, [1, 1], 0),
         (lambda x, y: np.concatenate([x, y]), [0, 0], 0), (np.max, [1], 1),
         (ops.sigmoid, [1], 1), (Cube.apply, [1], 0)],
    )  # fmt: skip
    def test_arrays(self, f, inputs, output):
        xs = [leaf(3) for _ in inputs]
        assert self.kept(f, *xs) == [*map(bool, inputs), bool(output)]

    def test_only_for_inputs_that_require_grad(self):
        constant, x = tensor(np.ones(3)), leaf(3)
        y = x * constant
        ref = weakref.ref(constant.data)
        del constant
        assert ref() is not None  # the slope by x
        a = np.ones(3)
        z = x[0] * 2 + (Tensor(a) * 3).sum()
        ref = weakref.ref(a)
        del a
        assert ref() is None
        del y, z

    @pytest.mark.parametrize("f", [np.sin, Cube.apply, lambda x: np.einsum("i,i", x, x)])
    def test_backward_frees_what_was_kept(self, f):
        x = leaf(3)
        h = x * 1
        loss = f(h).sum()
        ref = weakref.ref(h.data)
        del h
        assert ref() is not None
        loss.backward()
        assert ref() is None  # although the loss is still here
        assert x.grad is not None

    def test_gradients_in_between_are_freed_as_the_walk_goes(self):
        n, size = 50, 100_000
        x = leaf(size)
        y = x
        for _ in range(n):
            y = y + 1.0
        y = y * np.ones(size)  # a gradient of its own
        for _ in range(n):
            y = -y
        tracemalloc.start()
        try:
            y.backward(np.ones(size))
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert peak < 5 * 8 * size
