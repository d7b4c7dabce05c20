"""Processes of one thread, which end when they should."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from apalu_ref import studies
from apalu_ref.studies import pool
from apalu_ref.studies.plan import StudyError

STUDY = {"seeds": 1, "activations": ["relu", "apalu"], "source": "bundled"}


def environment(name):
    return os.environ.get(name)


def test_processes_have_one_thread_and_the_environment_is_put_back(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
    with pool.processes(1) as executor:
        found = list(executor.map(os.getenv, pool.ONE_THREAD))
    assert found == ["1"] * len(pool.ONE_THREAD)
    assert os.environ["OMP_NUM_THREADS"] == "7"
    assert "OPENBLAS_NUM_THREADS" not in os.environ


def test_processes_are_ended_with_the_block_also_in_the_middle_of_work():
    def interrupted():
        with pool.processes(2) as executor:
            executor.submit(time.sleep, 60)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert multiprocessing.active_children() == []


def test_the_same_bits_for_any_number_of_processes():
    found = [studies.run("mnist-cnn", "smoke", jobs=jobs, **STUDY) for jobs in (1, 2)]
    first, second = ([r["outcome"] for r in results.runs] for results in found)
    for a, b in zip(first, second, strict=True):
        a.pop("seconds"), b.pop("seconds")
        assert a == b


def test_threads_of_one_process_do_not_disturb_each_other():
    found = []
    for count in (1, 3):
        with ThreadPoolExecutor(count) as executor:
            found.append(studies.run("mnist-cnn", "smoke", executor=executor, **STUDY))
    first, second = ([r["outcome"]["curves"] for r in results.runs] for results in found)
    assert first == second


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals")
def test_processes_end_when_the_one_that_started_them_is_killed(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "import os, time\n"
        "from apalu_ref.studies import pool\n"
        "if __name__ == '__main__':\n"
        "    with pool.processes(1) as executor:\n"
        "        print(executor.submit(os.getpid).result(), flush=True)\n"
        "        executor.submit(time.sleep, 60)\n"
        "        time.sleep(60)\n"
    )
    parent = subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, text=True)
    worker = int(parent.stdout.readline())
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    for _ in range(200):
        try:
            os.kill(worker, 0)
        except ProcessLookupError:
            return
        with open(f"/proc/{worker}/stat") as file:
            if file.read().rsplit(")", 1)[1].split()[0] == "Z":
                return  # ended, and nobody has asked for its status
        time.sleep(0.05)
    os.kill(worker, signal.SIGKILL)
    pytest.fail("the process was still there")


def test_dask_that_is_not_installed_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(StudyError, match=r"apalu-ref\[cluster\]"), pool.dask("tcp://x:1"):
        pass
