"""Runs that do not depend on all of their condition."""

from apalu_ref.studies import repeats
from apalu_ref.studies.plan import Task


def _task(case, **more):
    of = {"arm": "relu", "rate": 0.1, "seed": 0, "final": True} | more
    return Task(
        "a study", "smoke", of["arm"], case, of["rate"], of["seed"], of["final"],
        {"epochs": of.get("epochs", 1)}, of.get("source", "auto"),
    )  # fmt: skip


def test_what_is_taken_out_of_the_condition_does_not_change_what_is_drawn():
    one, two = _task({"n": 1, "pairs": "layer"}), _task({"n": 1, "pairs": "neuron"})
    assert one.entropy != two.entropy
    assert repeats.without(one, "pairs") == repeats.without(two, "pairs") == _task({"n": 1})
    assert repeats.without(one, "nothing") == one


def test_a_run_is_made_once_and_each_gets_a_copy(monkeypatch):
    monkeypatch.setattr(repeats, "_KEPT", {})
    made = []

    def run(task):
        made.append(task)
        return {"score": task.seed, "more": {}}

    first = repeats.once(run, _task({}))
    first["more"]["changed"] = 1
    first["seconds"] = 3
    assert repeats.once(run, _task({})) == {"score": 0, "more": {}}
    assert len(made) == 1
    others = [_task({"n": 2}), _task({}, seed=1), _task({}, rate=0.2), _task({}, final=False)]
    others += [_task({}, arm="gelu"), _task({}, epochs=2), _task({}, source="bundled")]
    for other in others:
        repeats.once(run, other)
    assert len(made) == 8


def test_not_more_is_kept_than_is_of_use(monkeypatch):
    monkeypatch.setattr(repeats, "_KEPT", {})
    for seed in range(200):
        repeats.once(lambda task: {}, _task({}, seed=seed))
    assert len(repeats._KEPT) <= 64
