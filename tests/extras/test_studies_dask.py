"""Studies on a Dask cluster: a real one, on this machine."""

import pytest

from apalu_ref import studies
from apalu_ref.cli import main
from apalu_ref.studies import pool

pytestmark = pytest.mark.extras
distributed = pytest.importorskip("distributed")


@pytest.fixture(scope="module")
def cluster():
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=None, processes=True
    ) as cluster:
        yield cluster


@pytest.mark.filterwarnings("ignore")
def test_a_cluster_makes_the_same_runs_as_processes_do(cluster, tmp_path):
    options = {"seeds": 1, "source": "bundled"}
    own = studies.run("mnist-cnn", "smoke", jobs=2, **options)
    with pool.dask(cluster.scheduler_address) as executor:
        there = studies.run("mnist-cnn", "smoke", executor=executor, out=tmp_path, **options)
    for a, b in zip(there.runs, own.runs, strict=True):
        a["outcome"].pop("seconds"), b["outcome"].pop("seconds")
        assert a == b
    assert len(list((tmp_path / "mnist-cnn" / "runs").glob("*/*.json"))) == 6


@pytest.mark.filterwarnings("ignore")
def test_the_command_line_takes_the_address(cluster, tmp_path, capsys):
    options = ["--scale", "smoke", "--seeds", "1", "--source", "bundled", "--out", str(tmp_path)]
    assert main(["study", "mnist-cnn", *options, "--dask", cluster.scheduler_address]) == 0
    out, err = capsys.readouterr()
    assert "6/6 " in err
    assert "A CNN on MNIST" in out


@pytest.mark.filterwarnings("ignore")
def test_a_failing_run_is_told_as_elsewhere(cluster):
    with pool.dask(cluster.scheduler_address) as executor:
        future = executor.submit(divmod, 1, 0)
        with pytest.raises(ZeroDivisionError):
            future.result()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("address", ["tcp://localhost:1", "nonsense://x"])
def test_a_cluster_that_is_not_there_is_told(address, monkeypatch):
    monkeypatch.setattr(pool, "PATIENCE", "1s")
    with (
        pytest.raises(studies.StudyError, match=f"at {address} cannot be reached"),
        pool.dask(address),
    ):
        pass
