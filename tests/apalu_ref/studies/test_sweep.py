"""Choosing rates, making runs, keeping them, and going on."""

import errno
import json
import math
import random
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool

import pytest

from apalu_ref.datasets import DatasetError
from apalu_ref.studies import catalogue, store, sweep
from apalu_ref.studies.plan import StudyError, outcome
from apalu_ref.studies.results import read

from .toy import BEST, Here, study, train


@pytest.fixture
def put(monkeypatch):
    """Put a study in the place of mnist-cnn."""

    def put(own):
        monkeypatch.setattr(sweep, "find", lambda name: own)
        monkeypatch.setattr(catalogue, "find", lambda name: own)

    put(study())
    return put


def go(executor=None, **options):
    executor = executor or Here()
    return sweep.run("mnist-cnn", "smoke", executor=executor, **options), executor


def without_seconds(record):
    if isinstance(record, dict):
        return {k: without_seconds(v) for k, v in record.items() if k != "seconds"}
    return [without_seconds(v) for v in record] if isinstance(record, list) else record


class TestChoice:
    def test_each_arm_gets_its_best_rate(self, put):
        results, executor = go()
        assert {row["arm"]: row["rate"] for row in results.rates} == BEST
        assert all(t.rate == BEST[t.arm] for t in executor.made if t.final)

    def test_all_arms_choose_from_the_same_rates_before_a_final_run_of_theirs(self, put):
        _, executor = go()
        for arm in BEST:
            own = [t for t in executor.made if t.arm == arm]
            assert [t.rate for t in own[:3]] == [0.001, 0.01, 0.1]
            assert [t.final for t in own] == [False] * 3 + [True] * 3

    def test_scores_of_choices_are_in_no_mean(self, put):
        results, _ = go()
        assert results.values("relu") == [0.9, 0.901, 0.902]
        assert results.summary("apalu").mean == pytest.approx(0.951)

    def test_a_rate_at_an_end_of_the_grid_is_marked(self, put):
        results, _ = go()
        assert [results.rate(a)["edge"] for a in ("relu", "apalu")] == [False, True]

    def test_where_less_is_better_the_least_wins(self, put):
        put(study(better="lower", train=lambda t: outcome(t.rate - 0.05 if t.rate > 0.05 else 1.0)))
        results, _ = go()
        assert results.rate("relu")["rate"] == 0.1

    def test_of_equal_rates_the_least_is_taken(self, put):
        put(study(train=lambda task: outcome(0.5)))
        assert go()[0].rate("relu")["rate"] == 0.001

    def test_a_rate_that_diverges_is_not_chosen_unless_all_do(self, put):
        put(study(train=lambda t: outcome(-3.0 if t.rate == 0.1 else None, diverged="NaN")))
        assert go()[0].rate("relu")["rate"] == 0.1
        put(study(train=lambda task: outcome(None, diverged="NaN")))
        results, _ = go()
        assert results.rate("relu")["rate"] == 0.001
        assert results.diverged("relu") == 3

    def test_each_condition_chooses_for_itself(self, put):
        def by_depth(task):
            return outcome(1.0 if task.rate == 0.1 / task.case["depth"] else 0.0)

        put(study(cases=({"depth": 1}, {"depth": 10}), train=by_depth))
        results, _ = go()
        assert [results.rate("relu", c)["rate"] for c in results.cases] == [0.1, 0.01]

    def test_a_single_rate_needs_no_choice(self, put):
        results, executor = go(activations=["relu"], seeds=1)
        assert len(executor.made) == 4
        assert len(results.runs) == 1


class TestKeeping:
    def test_what_is_there_is_not_made_again(self, put, tmp_path):
        first, _ = go(out=tmp_path)
        second, executor = go(out=tmp_path)
        assert executor.made == []
        assert second.as_json() == first.as_json()

    def test_more_seeds_and_arms_add_to_what_is_there(self, put, tmp_path):
        go(out=tmp_path, seeds=1)
        _, executor = go(out=tmp_path, seeds=2, activations=["relu", "apalu", "gelu"])
        made = sorted((t.arm, t.seed, t.final) for t in executor.made)
        new = [("gelu", 0, False)] * 3 + [("gelu", 0, True), ("gelu", 1, True), ("relu", 1, True)]
        assert made == [("apalu", 1, True), *new]

    def test_results_that_are_there_are_added_to_and_not_replaced(self, put, tmp_path):
        go(out=tmp_path)
        own = tmp_path / f"{'my-own-' * 20}f.py"  # longer than a line, to be copied all the same
        own.write_text("def f(x):\n    return 2.0 * x\n")
        results, executor = go(out=tmp_path, activations=[f"{own}:f"], seeds=1)
        assert results.arms == ("relu", "apalu", f"{own}:f")
        assert results.plan.seeds == 3
        assert {t.arm for t in executor.made} == {f"{own}:f"}
        assert results.study.conclude(results).verdict == "holds"
        assert f"Yours: accuracy, %: {own}:f 90.1" in " ".join(str(results).split())
        # The scale's own again: nothing is to be made, and the table is as it was.
        again, executor = go(out=tmp_path)
        assert (again.arms, executor.made) == (("relu", "apalu"), [])

    def test_results_that_are_damaged_are_named_and_written_anew_from_the_runs(self, put, tmp_path):
        first, _ = go(out=tmp_path)
        path = tmp_path / "mnist-cnn" / "results.json"
        path.write_text(path.read_text(encoding="utf-8")[:100], encoding="utf-8")
        said = []
        again, executor = go(out=tmp_path, progress=said.append)
        assert executor.made == []
        assert "results.json is damaged" in said[0]
        assert read(path).as_json() == again.as_json() == first.as_json()

    def test_results_of_other_versions_are_replaced_with_a_word(self, put, tmp_path, monkeypatch):
        go(out=tmp_path)
        monkeypatch.setattr(store, "versions", lambda: {"numpy": "9"})
        said = []
        results, _ = go(out=tmp_path, activations=["gelu"], progress=said.append)
        assert results.arms == ("relu", "gelu")
        assert "of other data or versions, and are replaced" in said[0]

    def test_an_interrupt_loses_the_run_in_progress_and_no_other(self, put, tmp_path):
        def stop(task):
            if task.final:
                raise KeyboardInterrupt

        with pytest.raises(sweep.Interrupted, match=r"[0-9]+ runs are kept in .*mnist-cnn"):
            go(Here(stop), out=tmp_path)
        kept = len(list((tmp_path / "mnist-cnn" / "runs").glob("*/*.json")))
        assert kept >= 3
        again, executor = go(out=tmp_path)
        assert len(executor.made) == 12 - kept
        whole, _ = go(out=tmp_path / "other")
        assert without_seconds(again.as_json()) == without_seconds(whole.as_json())

    def test_the_order_in_which_runs_end_does_not_matter(self, put, monkeypatch):
        expected = without_seconds(go()[0].as_json())
        real = sweep.wait

        def shuffled(futures, **options):
            done, left = real(futures, **options)
            done = list(done)
            random.Random(1).shuffle(done)
            return done, left

        monkeypatch.setattr(sweep, "wait", shuffled)
        assert without_seconds(go()[0].as_json()) == expected

    @pytest.mark.parametrize("text", ["", "{", '{"task": 1}', "[]", "\x00", '{"outcome": {}}'])
    def test_a_damaged_file_is_named_and_made_again(self, put, tmp_path, text):
        first, _ = go(out=tmp_path)
        name = "relu_rate0.01_seed1_final.json"
        next((tmp_path / "mnist-cnn" / "runs").glob(f"*/{name}")).write_text(text, encoding="utf-8")
        said = []
        again, executor = go(out=tmp_path, progress=said.append)
        assert len(executor.made) == 1
        assert name in said[0]
        assert "damaged: the run is made again" in said[0]
        assert without_seconds(again.as_json()) == without_seconds(first.as_json())

    def test_runs_of_another_configuration_data_or_version_are_made_again(
        self, put, tmp_path, monkeypatch
    ):
        go(out=tmp_path)
        own = study(cases=({},))
        own.scales["smoke"].settings["epochs"] = 2
        put(own)
        assert len(go(out=tmp_path)[1].made) == 12
        monkeypatch.setattr(store, "versions", lambda: {"numpy": "9"})
        assert len(go(out=tmp_path)[1].made) == 12

    def test_a_file_of_ones_own_that_has_changed_is_run_again(self, put, tmp_path):
        own = tmp_path / "mine.py"
        text = "def f(x):\n    return 2.0 * x\n"
        own.write_text(text)
        arms = ["relu", f"{own}:f"]
        go(out=tmp_path, activations=arms)
        assert go(out=tmp_path, activations=arms)[1].made == []
        own.write_text(text.replace("2.0", "3.0"))
        assert {t.arm for t in go(out=tmp_path, activations=arms)[1].made} == {arms[1]}

    def test_runs_of_another_scale_or_other_data_keep_their_place(self, put, tmp_path):
        def stop(task):
            if task.final:
                raise KeyboardInterrupt

        with pytest.raises(sweep.Interrupted):
            sweep.run("mnist-cnn", "quick", out=tmp_path, executor=Here(stop))
        before = len(list(tmp_path.rglob("*_choice.json")))
        _, executor = go(out=tmp_path)
        assert len(executor.made) == 12
        assert len(list(tmp_path.rglob("*_choice.json"))) == before + 6

    def test_results_of_another_scale_are_not_overwritten(self, put, tmp_path):
        go(out=tmp_path)
        with pytest.raises(StudyError, match="holds results at scale smoke: choose another"):
            sweep.run("mnist-cnn", "quick", out=tmp_path, executor=Here())

    def test_the_files_at_the_end(self, put, tmp_path):
        results, _ = go(out=tmp_path)
        folder = tmp_path / "mnist-cnn"
        assert read(folder / "results.json").as_json() == results.as_json()
        claim = json.loads((folder / "claim.json").read_text(encoding="utf-8"))
        assert claim["verdict"] == results.conclusion().verdict == "open"
        assert claim["evidence"].startswith("the smoke scale answers nothing; accuracy, %: apalu")
        assert results.study.conclude(results).verdict == "holds"
        assert (folder / "figure.png").read_bytes()[:4] == b"\x89PNG"
        assert "95.1" in (folder / "table.txt").read_text(encoding="utf-8")
        record = json.loads((folder / "results.json").read_text(encoding="utf-8"))
        assert set(record["versions"]) >= {"numpy", "apalu_ref", "python"}
        assert record["configuration"]["seeds"] == 3
        assert [r["seed"] for r in record["runs"]] == [0, 1, 2] * 2


class TestTrouble:
    def test_a_run_that_ended_beside_one_that_failed_is_kept(self, put, tmp_path):
        def broken(task):
            if task.rate == 0.001:
                raise ZeroDivisionError("oh")
            return train(task)

        put(study(train=broken))
        with pytest.raises(StudyError, match="failed"):
            go(out=tmp_path)
        assert len(list(tmp_path.rglob("*_choice.json"))) == 4

    def test_a_full_disk_is_told_and_what_was_made_is_kept(self, put, tmp_path, monkeypatch):
        real, calls = store.write_atomically, []

        def full(path, content):
            calls.append(path)
            if len(calls) > 4:
                raise OSError(errno.ENOSPC, "No space left on device")
            real(path, content)

        monkeypatch.setattr(store, "write_atomically", full)
        with pytest.raises(
            StudyError, match=r"No space left on device. 4 runs are kept in .*again"
        ):
            go(out=tmp_path)
        monkeypatch.setattr(store, "write_atomically", real)
        assert len(go(out=tmp_path)[1].made) == 8

    def test_a_run_that_fails_is_named(self, put, tmp_path):
        def broken(task):
            if task.arm == "apalu":
                raise ZeroDivisionError("oh")
            return train(task)

        put(study(train=broken))
        with pytest.raises(
            StudyError, match=r"apalu, rate 0.001, to choose the rate\) failed: ZeroDiv.*: oh"
        ):
            go(out=tmp_path)

    def test_data_that_are_damaged_are_told_before_any_run(self, put):
        def data(settings, source):
            raise DatasetError("mnist: damaged")

        put(study(data=data))
        executor = Here()
        with pytest.raises(DatasetError, match="damaged"):
            go(executor)
        assert executor.made == []

    def test_a_process_that_is_killed(self, put, tmp_path):
        def killed(task):
            raise BrokenProcessPool("x")

        with pytest.raises(StudyError, match=r"ended by itself: out of memory.*__main__.*--jobs 1"):
            go(Here(killed), out=tmp_path)

    def test_conditions_without_data_are_left_out_with_a_word(self, put, tmp_path):
        cases = ({"set": "here"}, {"set": "gone"})
        put(study(cases=cases, available=lambda plan, source: (cases[:1], "gone is missing: get")))
        said = []
        results, _ = go(progress=said.append)
        assert results.cases == cases[:1]
        assert said[0] == "gone is missing: get"
        assert "gone is missing" in results.plan.note
        put(study(cases=cases, available=lambda plan, source: ((), "nothing: get it")))
        with pytest.raises(DatasetError, match="nothing: get it"):
            go()

    def test_numbers_that_json_has_not_become_none(self, put):
        put(study(train=lambda task: outcome(0.5, error=math.nan, more={"x": [math.inf, 1]})))
        (first, *_) = go()[0].outcomes("relu")
        assert first["error"] is None
        assert first["more"] == {"x": [None, 1]}

    @pytest.mark.parametrize(
        ("options", "told"),
        [
            ({"seeds": 0}, "seeds must be at least 1"),
            ({"activations": []}, "no activation was named"),
            ({"activations": ["rleu"]}, "no activation 'rleu': did you mean"),
            ({"activations": ["gone.py:f"]}, "gone.py"),
            ({"activations": ["RELU"]}, "did you mean relu"),
            ({"activations": ["apalu(a=1)"]}, "parameters cannot be set here"),
            ({"activations": [abs]}, "named file.py:function"),
            ({"activations": "relu"}, "a list of names"),
        ],
    )
    def test_wrong_arguments(self, put, options, told):
        with pytest.raises(StudyError, match=told):
            go(**options)

    def test_an_unknown_scale(self, put):
        with pytest.raises(StudyError, match="no scale 'slow': choose from smoke, quick"):
            sweep.run("mnist-cnn", "slow", executor=Here())


def test_runs_that_are_timed_are_made_one_at_a_time(put):
    class Counting(ThreadPoolExecutor):
        waiting = most = 0

        def submit(self, function, task):
            def count(task):
                self.waiting -= 1
                return function(task)

            self.waiting += 1
            self.most = max(self.most, self.waiting)
            return super().submit(count, task)

    for timed in (True, False):
        put(study(timed=timed))
        with Counting(1) as executor:
            go(executor)
        assert (executor.most == 1) == timed


def test_names_may_have_spaces_around_them_and_folders_py_in_theirs(put, tmp_path):
    folder = tmp_path / "my.python"
    folder.mkdir()
    (folder / "act.py").write_text("def f(x):\n    return 2.0 * x\n")
    results, _ = go(activations=[" relu", "apalu ", f"{folder / 'act.py'}:f"])
    assert results.arms[:2] == ("relu", "apalu")
    assert len(results.plan.settings["files"]) == 1


def test_an_unknown_study_is_told_with_the_nearest():
    with pytest.raises(StudyError, match=r"no study 'mnist_cn': did you mean mnist-cnn\?"):
        catalogue.find("mnist_cn")


def test_progress_counts_all_runs(put):
    said = []
    go(progress=said.append)
    assert len(said) == 12
    assert said[0].startswith("1/12 relu, rate 0.001, to choose the rate: 750.0 (")
    assert said[-1].startswith("12/12 apalu")
