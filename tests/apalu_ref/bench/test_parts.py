"""What the benchmarks are made of: cases, counting, memory, turns, the machine."""

import json

import numpy as np
import pytest

from apalu_ref import formula, fused
from apalu_ref.bench import contenders, counting, machine, memory, textbook, timing
from apalu_ref.bench.cases import SHARED, draw
from apalu_ref.bench.kernels import KERNELS
from apalu_ref.bench.timing import Spread, Task


@pytest.mark.parametrize(
    ("shared", "x", "parameter"),
    [
        ("scalar", (4000,), ()),
        ("channel", (4, 10, 10, 10), (10, 1, 1)),
        ("neuron", (8, 500), (500,)),
        ("element", (4000,), (4000,)),
    ],
)
def test_cases(shared, x, parameter):
    case = draw(4000, 2, "float32", shared, threads=3)
    assert (case.x.shape, case.gy.shape, case.threads) == (x, x, 3)
    assert [p.shape for p in case.parameters] == [parameter] * 2
    assert all(v.dtype == np.float32 for v in (case.x, case.gy, *case.parameters))
    y = formula.apalu(case.x, *case.parameters)
    dx, da, db = formula.apalu_grad(case.x, *case.parameters, case.gy)
    own = sum(p.nbytes for p in case.parameters)
    assert case.traffic() == {
        "forward": case.x.nbytes + own + y.nbytes,
        "backward": case.x.nbytes + own + case.gy.nbytes + dx.nbytes + da.nbytes + db.nbytes,
        "both": 5 * case.x.nbytes + 3 * own,
    }


def test_cases_have_a_batch_of_one_at_least_and_are_the_same_again():
    assert draw(1, 2, "float64", "channel").x.shape == (1, 10, 10, 10)
    first, second = draw(9, 2, "float64"), draw(9, 2, "float64")
    np.testing.assert_array_equal(first.x, second.x)
    assert first.parameters == second.parameters


@pytest.mark.parametrize("shared", SHARED)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_way_without_a_framework_gives_the_same(shared, dtype):
    case = draw(2000, 2, dtype, shared)
    y = formula.apalu(case.x, *case.parameters)
    wanted = y, *formula.apalu_grad(case.x, *case.parameters, case.gy)
    for way in ("fused", "formula", "textbook"):
        tasks = contenders.tasks(("apalu", way), case)
        assert tuple(tasks) == contenders.STAGES
        for stage, want in zip(tasks, (wanted[:1], wanted[1:], wanted), strict=True):
            run, before = tasks[stage]
            got = run() if before is None else run(before())
            got = got if isinstance(got, tuple) else (got,)
            for mine, theirs in zip(got, want, strict=True):
                assert (mine.shape, mine.dtype) == (theirs.shape, theirs.dtype)
                np.testing.assert_allclose(mine, theirs, rtol=2e-4, atol=1e-5)


def test_a_choice_of_names():
    assert contenders.chosen() == list(contenders.NAMES)
    assert contenders.chosen(["relu", "apalu", "fused"]) == [("apalu", "fused"), ("relu", "fused")]
    assert {way for _, way in contenders.chosen(["apalu"])} == set(contenders.WAYS)
    with pytest.raises(ValueError, match=r"there is no 'gelu': activations are apalu, .*gelu"):
        contenders.chosen(["gelu"])
    with pytest.raises(ValueError, match=r"there is no relu by jax\.jit"):
        contenders.chosen(["relu", "jax.jit"])


class TestCounting:
    def test_ufuncs_of_each_kind_are_counted(self):
        def function(x, y):
            t = np.exp(x) * 2 + y
            t += np.minimum(x, 0)
            t = np.where(x > 0, t, x)
            bits = x.view(np.int64) >> 63
            return t.sum(), x.max(), bits

        x = np.linspace(-1, 1, 8)
        # multiply, add, add, minimum, max; exp; greater, where, shift; the sum is not counted
        assert counting.count(function, x, x) == counting.Counts(5, 1, 3)
        np.testing.assert_array_equal(x, np.linspace(-1, 1, 8))

    def test_calls_on_parameters_alone_do_not_count(self):
        x, a = np.linspace(-1, 1, 64), np.array(2.0)
        assert counting.count(lambda x, a: x * (a * a + 1), x, a) == (1, 0, 0)

    def test_kernels(self):
        relu = counting.count_kernel(KERNELS["relu"], 0)
        assert relu == {"forward": (1, 0, 0), "backward": (1, 0, 2), "both": (2, 0, 2)}
        apalu = counting.count_kernel(fused.KERNEL, 2)
        assert apalu["forward"].transcendental == 1
        assert 8 < apalu["forward"].arithmetic < 20
        gelu = [counting.count_kernel(KERNELS["gelu_erf"], 0, t) for t in ("float32", "float64")]
        assert gelu[0]["both"].arithmetic < gelu[1]["both"].arithmetic

    def test_the_textbook(self):
        counts = counting.count_stages(textbook.forward, textbook.backward, 2)
        assert counts["forward"] == (8, 2, 2)
        assert counts["backward"].transcendental == 2
        assert contenders.counts(("apalu", "formula"), "float32") is None


class TestMemory:
    def test_what_is_returned_is_not_counted_and_the_rest_is(self):
        n = 1 << 17
        assert memory.extra(lambda: np.ones(n)) < 4096
        assert 8 * n <= memory.extra(lambda: np.add(np.ones(n), 1)) < 8 * n + 4096
        assert memory.extra(lambda v: (v, v + 1)[1:], lambda: np.ones(n)) < 4096

    def test_what_threads_keep_is_counted_each_time(self):
        case = draw(1 << 19, 2, "float32", threads=2)
        task = contenders.tasks(("apalu", "fused"), case)["both"]
        first, second = memory.extra(*task), memory.extra(*task)
        assert 1 << 21 < first < 1 << 24
        assert second > first / 3  # the helper may have had nothing to do

    def test_an_error_is_raised_where_it_is_asked(self):
        with pytest.raises(ZeroDivisionError):
            memory.extra(lambda: 1 // 0)


class TestTiming:
    def test_spread(self):
        assert timing.spread([3.0]) == (3, 3, 3)
        assert timing.spread([5.0, 1.0, 2.0, 3.0, 4.0]) == (2, 3, 4)

    def test_what_comes_before_is_not_timed(self):
        import time

        task = Task(lambda given: given, lambda: time.sleep(1))
        assert timing.seconds(task, 2) < 0.5

    def test_turns(self, quick):
        calls = []
        tasks = {name: Task(lambda name=name: calls.append(name)) for name in "ab"}
        (found,) = timing.take_turns(tasks, 3, lambda found: iter([found]))
        assert [len(found[name]) for name in "ab"] == [3, 3]
        assert "".join(calls) == "aabb" * 3  # each is called once before it is timed
        assert timing.ratios({"a": [2.0, 6.0, 9.0], "b": [1.0, 2.0]}, "a", "b") == Spread(
            2.25, 2.5, 2.75
        )
        assert timing.ratios({"a": [1.0]}, "a", "b") is None

    def test_an_interrupt_leaves_what_is_there(self, quick):
        def told(what):
            if what == "round 3 of 5":
                raise KeyboardInterrupt

        rows = timing.take_turns({"a": Task(int)}, 5, lambda found: iter(found.values()), told)
        rows, interrupted = timing.gather(rows)
        assert interrupted
        assert [len(row) for row in rows] == [2]


def test_the_machine(quick):
    limit = machine.bandwidth(2)
    assert limit.best == max(limit.copy, limit.add) > 0
    assert str(limit).startswith(f"{limit.best / 1e9:.1f} GB/s of 2 threads")
    found = machine.configuration()
    assert found["numpy"] == np.__version__
    assert isinstance(found["simd"], list)
    json.dumps(found)
