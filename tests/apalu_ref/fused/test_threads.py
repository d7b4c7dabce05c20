"""Threads share the work, whatever goes wrong; a fork and other callers do them no harm."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from apalu_ref import fused
from apalu_ref.fused import blocks, threads
from apalu_ref.fused.threads import count, share

N = 700_001


def arrays(n=N, dtype=np.float32):
    rng = np.random.default_rng(0)
    x, gy = rng.standard_normal((2, n)).astype(dtype)
    return x, np.array(1.1, dtype), np.array(0.9, dtype), gy


class TestCount:
    def test_the_argument_wins(self, monkeypatch):
        monkeypatch.setenv("APALU_REF_THREADS", "3")
        assert count() == 3
        assert count(5) == 5
        assert count(np.int64(2)) == 2

    def test_without_any_it_is_the_processors_at_most_8(self, monkeypatch):
        monkeypatch.delenv("APALU_REF_THREADS", raising=False)
        monkeypatch.setattr(threads, "_processors", lambda: 2)
        assert count() == 2
        monkeypatch.setattr(threads, "_processors", lambda: 64)
        assert count() == 8

    def test_an_empty_variable_says_nothing(self, monkeypatch):
        monkeypatch.setenv("APALU_REF_THREADS", "")
        assert count() >= 1

    @pytest.mark.parametrize("wrong", [0, -1, 1.5, "2", True])
    def test_what_is_no_number_of_threads(self, wrong):
        with pytest.raises(ValueError, match="threads must be a whole number, at least 1, not"):
            fused.apalu(*arrays()[:3], threads=wrong)
        with pytest.raises(ValueError, match="threads must be a whole number"):
            fused.apalu_grad(np.ones(3), 1.0, 1.0, 1.0, threads=wrong)

    @pytest.mark.parametrize("wrong", ["0", "many", "-2", "1.5"])
    def test_the_variable_is_named_when_it_is_wrong(self, wrong, monkeypatch):
        monkeypatch.setenv("APALU_REF_THREADS", wrong)
        with pytest.raises(ValueError, match="APALU_REF_THREADS must be a whole number"):
            fused.apalu(*arrays()[:3])


class TestShare:
    def test_every_piece_is_done_once(self):
        done = []
        share(lambda pieces: done.extend(pieces), range(1000), 4)
        assert sorted(done) == list(range(1000))

    def test_several_work_at_once(self):
        together = threading.Barrier(3, timeout=20)
        share(lambda pieces: [together.wait() for _ in pieces], range(3), 3)

    @pytest.mark.parametrize("where", ["caller", "helper"])
    def test_an_error_stops_all_and_is_raised(self, where):
        caller = threading.current_thread()
        met = threading.Barrier(2, timeout=20)
        taken = []

        def work(pieces):
            for piece in pieces:
                taken.append(piece)
                if len(taken) <= 2:
                    met.wait()
                if (threading.current_thread() is caller) == (where == "caller"):
                    raise KeyError("broken")
                time.sleep(0.01)

        with pytest.raises(KeyError, match="broken"):
            share(work, range(10_000), 2)
        before = len(taken)
        time.sleep(0.05)
        assert len(taken) == before < 10_000

    def test_an_interrupt_waits_for_the_others(self):
        working = threading.Event()
        caller = threading.current_thread()
        ended = []

        def work(pieces):
            if threading.current_thread() is caller:
                working.wait(20)
                raise KeyboardInterrupt
            next(pieces)
            working.set()
            time.sleep(0.1)
            ended.append(True)

        with pytest.raises(KeyboardInterrupt):
            share(work, range(10), 2)
        assert ended == [True]

    @pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="there is no such signal here")
    @pytest.mark.parametrize("kind", [KeyboardInterrupt, TimeoutError, RuntimeError])
    def test_a_second_interrupt_waits_too(self, kind):
        working, ended = threading.Event(), []
        caller = threading.current_thread()

        def work(pieces):
            if threading.current_thread() is caller:
                working.wait(20)
                raise KeyError("the first")
            next(pieces)
            working.set()
            time.sleep(0.3)
            ended.append(True)

        def again(signum, frame):
            raise kind

        before = signal.signal(signal.SIGALRM, again)
        try:
            signal.setitimer(signal.ITIMER_REAL, 0.1)
            with pytest.raises(kind):
                share(work, range(10), 2)
        finally:
            signal.signal(signal.SIGALRM, before)
        assert ended == [True]

    def test_a_helper_that_could_not_be_called_is_waited_for_if_it_comes(self, monkeypatch):
        share(lambda pieces: None, range(1), 2)
        pool, caller = threads._pool, threading.current_thread()
        submit = pool.submit
        helping, ended = threading.Event(), []

        def queued_but_not_started(*task):
            submit(*task)
            raise RuntimeError("can't start new thread")

        def work(pieces):
            for _ in pieces:
                if threading.current_thread() is caller:
                    helping.wait(20)
                else:
                    helping.set()
                    time.sleep(0.1)
                    ended.append(True)

        monkeypatch.setattr(pool, "submit", queued_but_not_started)
        share(work, range(2), 2)
        assert ended == [True]

    def test_a_pool_that_is_busy_with_others_is_not_waited_for(self):
        release = threading.Event()
        share(lambda pieces: None, range(1), 2)  # there is a pool now
        pool = threads._pool
        blocked = [pool.submit(release.wait, 20) for _ in range(pool._max_workers)]
        try:
            done = []
            share(lambda pieces: done.extend(pieces), range(50), 4)
            assert sorted(done) == list(range(50))
        finally:
            release.set()
        assert all(b.result() for b in blocked)


def test_the_bits_do_not_depend_on_the_threads():
    for dtype in (np.float32, np.float64):
        x, a, b, gy = arrays(dtype=dtype)
        first = fused.apalu(x, a, b, threads=1), *fused.apalu_grad(x, a, b, gy, threads=1)
        for n in (2, 3, 7):
            again = fused.apalu(x, a, b, threads=n), *fused.apalu_grad(x, a, b, gy, threads=n)
            assert all(p.tobytes() == q.tobytes() for p, q in zip(first, again, strict=True))


def test_two_threads_are_used(monkeypatch):
    seen = set()
    both = threading.Barrier(2, timeout=20)

    def forward(z, parameters, out, scratch):
        if threading.get_ident() not in seen:
            seen.add(threading.get_ident())
            both.wait()
        out[...] = z

    kernel = blocks.Kernel(forward, None, 0)
    x = np.zeros(2_000_000, np.float32)
    blocks.forward(kernel, x, (), threads=2)
    assert len(seen) == 2


def test_callers_in_several_threads_do_not_disturb_each_other():
    calls = [arrays(N + 1000 * i) for i in range(6)]
    alone = [fused.apalu_grad(*call, threads=1) for call in calls]
    with ThreadPoolExecutor(6) as pool:
        for _ in range(3):
            got = list(pool.map(lambda call: fused.apalu_grad(*call, threads=3), calls))
            for first, second in zip(alone, got, strict=True):
                for p, q in zip(first, second, strict=True):
                    np.testing.assert_array_equal(p, q)


def test_a_call_within_a_call_has_memory_of_its_own():
    x, a, b, _ = arrays(300_000)
    want = fused.apalu(x, a, b, threads=1)

    def forward(z, parameters, out, scratch):
        for array in scratch:
            array[...] = z
        fused.apalu(x, a, b, threads=1)  # as a finalizer might, in the midst of the block
        assert all((array == z).all() for array in scratch)
        out[...] = z

    got = blocks.forward(blocks.Kernel(forward, None, 5), x, (), threads=1)
    np.testing.assert_array_equal(got, x)
    np.testing.assert_array_equal(fused.apalu(x, a, b, threads=1), want)


def test_a_call_while_helpers_are_called_waits_for_no_lock():
    # As if a finalizer or a signal's handler had run just there.
    done = run("""
        import faulthandler
        import numpy as np
        from apalu_ref import fused
        from apalu_ref.fused import threads
        faulthandler.dump_traceback_later(20, exit=True)
        x, one = np.ones(500_000, np.float32), np.array(1, np.float32)
        want = fused.apalu(x, one, one, threads=2)
        real = threads._pool.submit
        def submit(*task):
            assert (fused.apalu(x, one, one, threads=2) == want).all()
            return real(*task)
        threads._pool.submit = submit
        assert (fused.apalu(x, one, one, threads=3) == want).all()
        print("fine")
    """)
    assert done.stdout == "fine\n", done.stderr


def test_an_error_in_a_block_leaves_everything_usable():
    x, a, b, _ = arrays()
    want = fused.apalu(x, a, b)

    def broken(z, parameters, out, scratch):
        raise MemoryError("no more")

    with pytest.raises(MemoryError, match="no more"):
        blocks.forward(blocks.Kernel(broken, None, 3), x, (), threads=3)
    np.testing.assert_array_equal(fused.apalu(x, a, b), want)


def test_warnings_turned_into_errors_elsewhere_do_not_reach_the_threads():
    x, a, b, gy = arrays()
    x[::1000] = -800
    with np.errstate(all="raise"):
        y = fused.apalu(x, a, b, threads=2)
        fused.apalu_grad(x, a, b, gy, threads=2)
    assert np.isfinite(y).all()


def run(code):
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, timeout=120
    )


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork on this system")
def test_a_forked_process_makes_a_pool_of_its_own():
    done = run("""
        import os, warnings
        import numpy as np
        from apalu_ref import fused
        warnings.simplefilter("ignore")  # newer Pythons warn of a fork with threads
        x = np.random.default_rng(0).standard_normal(2_000_000).astype(np.float32)
        a = np.array(1, np.float32)
        want = fused.apalu_grad(x, a, a, x, threads=2)
        child = os.fork()
        if child == 0:
            got = fused.apalu_grad(x, a, a, x, threads=2)
            os._exit(0 if all(p.tobytes() == q.tobytes() for p, q in zip(want, got)) else 9)
        assert os.waitpid(child, 0)[1] == 0
        fused.apalu(x, a, a, threads=2)
        print("fine")
    """)
    assert done.stdout == "fine\n", done.stderr


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork on this system")
def test_a_process_forked_while_the_pool_is_looked_for_waits_for_no_lock():
    done = run("""
        import os, warnings
        import numpy as np
        from apalu_ref import fused
        from apalu_ref.fused import threads
        warnings.simplefilter("ignore")
        x, one = np.ones(2_000_000, np.float32), np.array(1, np.float32)
        with threads._guard:
            child = os.fork()
            if child == 0:
                fused.apalu(x, one, one, threads=2)
                os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        print("fine")
    """)
    assert done.stdout == "fine\n", done.stderr


def test_no_more_is_asked_of_the_pool_than_it_has_threads(monkeypatch):
    asked = []

    class Pool:
        def submit(self, *call):
            asked.append(call)

    monkeypatch.setattr(threads, "_the_pool", Pool)
    x, one = np.ones(40_000_000 // 8, np.float32), np.array(1, np.float32)
    fused.apalu(x, one, one, threads=10**6)
    assert 1 <= len(asked) < max(8, os.cpu_count())
    asked.clear()
    fused.apalu(x[:300_000], one, one, threads=10**6)
    assert len(asked) == 2


def test_at_the_end_of_the_process_one_thread_does_it_all():
    done = run("""
        import atexit
        import numpy as np
        from apalu_ref import fused
        x, one = np.ones(2_000_000, np.float32), np.array(1, np.float32)
        atexit.register(lambda: print(fused.apalu(x, one, one, threads=2).shape))
        fused.apalu(x, one, one, threads=2)
    """)
    assert done.stdout == "(2000000,)\n", done.stderr


def test_the_variable_sets_the_number_of_threads():
    code = """
        import threading
        import numpy as np
        from apalu_ref import fused
        x, one = np.ones(4_000_000, np.float32), np.array(1, np.float32)
        fused.apalu_grad(x, one, one, x)
        print(sum(t.name.startswith("apalu_ref") for t in threading.enumerate()))
    """
    for variable, helpers in (("1", "0"), ("2", "1")):
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(code)],
            capture_output=True,
            text=True,
            env={**os.environ, "APALU_REF_THREADS": variable},
        )
        assert done.stdout.strip() == helpers, done.stderr
