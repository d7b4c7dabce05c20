"""The study of signs: no movement twice, no signer in two parts, no test data in a choice."""

import json
from dataclasses import replace

import numpy as np
import pytest

from apalu_ref import datasets
from apalu_ref.datasets import Images
from apalu_ref.studies import sign_language as study
from apalu_ref.studies import small_sets
from apalu_ref.studies.arms import activation
from apalu_ref.studies.plan import Task
from apalu_ref.studies.sequence_network import SequenceNetwork
from apalu_ref.studies.training import count, network
from minigrad import Tensor

from .toy import results

CASE = {"set": "libras", "share": 1.0}
SETTINGS = {
    "sets": ("libras",), "splits": 1, "libras": {"hidden": 4, "epochs": 1, "batch": 64},
    "sign-digits": {"epochs": 1, "batch": 64},
}  # fmt: skip


@pytest.fixture(autouse=True)
def bundled(monkeypatch):
    monkeypatch.delenv("APALU_REF_DATA", raising=False)


def task(arm="relu", seed=0, final=False, case=CASE, rate=0.01):
    return Task("sign-language", "smoke", arm, case, rate, seed, final, SETTINGS)


def hands(count=200):
    """Made-up photographs: 20 signers show each digit once."""
    rng = np.random.default_rng(0)
    return Images(
        name="sign-digits", part="32x32", source="full", verified=True, levels=255,
        images=rng.integers(0, 256, (count, 1, 32, 32), np.uint8),
        labels=np.arange(count) % 10, classes=tuple("0123456789"), groups=np.arange(count) // 10,
    )  # fmt: skip


def test_the_30_rows_that_repeat_another_are_gone_before_anything_is_split():
    whole = datasets.libras(drop_duplicates=False, source="bundled")
    loaded = study.load("libras", "auto")
    assert (len(whole.labels), len(loaded.labels)) == (360, 330)
    flat = loaded.sequences.reshape(330, -1)
    assert len(np.unique(flat, axis=0)) == 330
    found = study.data({"sets": ("libras",)}, "auto")
    assert [d.facts()["shapes"]["labels"] for d in found] == [[330]]


def test_hands_are_left_out_where_they_are_not_there():
    study_ = study.STUDY
    assert study_.available is not None
    cases, said = study_.available(study_.scales["quick"], "auto")
    assert {case["set"] for case in cases} == {"libras"}
    assert "sign-digits" in said
    (only,) = study.data(study_.scales["quick"].settings, "auto")
    assert only.name == "libras"


def test_a_step_is_where_the_hand_went_since_the_frame_before():
    places = np.array([[[0.1, 0.2], [0.4, 0.1], [0.4, 0.6]]])
    found = study.with_steps(places)
    np.testing.assert_allclose(found[0, :, 2:], [[0, 0], [0.3, -0.1], [0, 0.5]])
    np.testing.assert_array_equal(found[..., :2], places)


def test_coordinates_are_standardised_one_by_one_and_pixels_together():
    rng = np.random.default_rng(0)
    train, judged = rng.normal(3, 2, (30, 5, 4)), rng.normal(3, 2, (6, 5, 4))
    train[..., 1] *= 100
    own, other = study._scaled(train, judged)
    np.testing.assert_allclose(own.mean((0, 1)), 0, atol=1e-5)
    np.testing.assert_allclose(own.std((0, 1)), 1, rtol=1e-5)
    expected = (judged - train.mean((0, 1))) / train.std((0, 1))
    np.testing.assert_allclose(other, expected, rtol=1e-4, atol=1e-5)
    pixels = rng.normal(3, 2, (8, 1, 6, 6)) * np.arange(1, 7)
    (own, _) = study._scaled(pixels, pixels[:2])
    assert own.mean() == pytest.approx(0, abs=1e-5)
    assert own.std() == pytest.approx(1, rel=1e-5)
    assert own[..., 0].std() < 0.5


@pytest.mark.parametrize("kind", ["libras", "sign-digits"])
def test_a_choice_does_not_change_with_the_test_data_and_a_final_run_does(kind, monkeypatch):
    given = study.load("libras", "auto") if kind == "libras" else hands()
    name = "sequences" if kind == "libras" else "images"
    case = {"set": kind, "share": 1.0}
    rows = small_sets.split(
        task(final=True, case=case), kind, len(given.labels), test=0.3, validation=0.2,
        labels=given.labels, groups=None if kind == "libras" else given.groups,
    ).judged  # fmt: skip
    numbers = getattr(given, name).copy()
    numbers[rows] = numbers[rows][:, ::-1] / 2 if kind == "libras" else 255 - numbers[rows]
    # A score that every number of the outputs takes part in.
    monkeypatch.setattr(study, "accuracy", lambda outputs, labels: float(np.abs(outputs).sum()))

    def both(loaded):
        monkeypatch.setattr(study, "load", lambda name, source: loaded)
        return study.run(task(case=case)), study.run(task(final=True, case=case))

    before, after = both(given), both(replace(given, **{name: numbers}))
    assert before[0] == after[0]
    assert before[1]["curves"] == after[1]["curves"]
    assert before[1]["score"] != after[1]["score"]


def test_no_signer_is_in_two_parts(monkeypatch):
    seen = {}
    monkeypatch.setattr(study, "load", lambda name, source: hands())

    def watched(x, judged):
        seen.update(x=x, judged=judged)
        return [x, judged]

    monkeypatch.setattr(study, "_scaled", watched)
    case = {"set": "sign-digits", "share": 0.5}
    found = study.run(task(case=case, final=True))
    assert found["more"] == {"trained on": 50, "judged by": 60}
    given = hands()
    signer = {given.images[i].tobytes(): given.groups[i] for i in range(200)}
    first, other = ({signer[x.astype(np.uint8).tobytes()] for x in seen[k]} for k in seen)
    assert not first & other


def test_with_a_share_of_the_data_the_number_of_steps_is_about_the_same(monkeypatch):
    steps, real = [], study.train

    def counted(*args, **more):
        found = real(*args, **more)
        steps.append(len(found.losses))
        return found

    monkeypatch.setattr(study, "train", counted)
    few = SETTINGS | {"libras": {"hidden": 4, "epochs": 2, "batch": 8}}
    for share in (1.0, 0.5, 0.25):
        study.run(replace(task(final=True, case=CASE | {"share": share}), settings=few))
    # 330 rows less three tenths, less a fifth, are about 185: 23 batches of 8, twice.
    assert steps[0] == pytest.approx(46, abs=2)
    assert steps[1:] == pytest.approx([steps[0]] * 2, rel=0.2)


def test_the_same_seed_gives_the_same_bits_and_arms_begin_with_the_same_weights():
    first = study.run(task(final=True))
    assert first == study.run(task(final=True))
    json.dumps(first, allow_nan=False)
    own, other = (network(task(arm), study.movements(4)) for arm in ("relu", "apalu"))
    weights = {k: v.data for k, v in other.named_parameters()}
    for name, parameter in own.named_parameters():
        np.testing.assert_array_equal(parameter.data, weights[name])
    # a and b for each of the four units of the projection and of the head
    assert count(other) == count(own) + 2 * 2 * 4


def test_the_activation_stands_before_and_after_the_gru():
    calls = []

    def watched(n):
        module = activation("relu", 0)(n)
        module.register_forward_hook(lambda m, given, output: calls.append(output.shape))
        return module

    net = SequenceNetwork(watched, 4, 6, 15)
    assert net(Tensor(np.zeros((2, 9, 4), np.float32))).shape == (2, 15)
    assert calls == [(18, 6), (2, 6)]


def test_frames_of_a_sequence_stay_in_their_order():
    """Turned around, a movement is another one; its neighbour in the batch does not matter."""
    net = SequenceNetwork(activation("tanh", 0), 4, 6, 15)
    x = np.random.default_rng(0).normal(size=(3, 9, 4)).astype(np.float32)
    both, one = net(Tensor(x)).data, net(Tensor(x[1:2])).data
    np.testing.assert_allclose(both[1:2], one, rtol=1e-5, atol=1e-6)
    assert np.abs(net(Tensor(x[:, ::-1].copy())).data - both).max() > 1e-3


PERFECT, GOOD, BAD = [1.0, 1.0, 1.0], [0.9, 0.91, 0.92], [0.5, 0.51, 0.49]


@pytest.mark.parametrize(
    ("scores", "verdict"),
    [
        ({"relu": BAD, "apalu": PERFECT}, "holds"),
        ({"relu": BAD, "apalu": GOOD}, "does not hold"),
        ({"relu": PERFECT, "apalu": GOOD}, "does not hold"),
        ({"relu": BAD, "apalu": [1.0, 1.0, 0.99]}, "does not hold"),
        ({"relu": BAD, "apalu": [1.0, None, 1.0]}, "does not hold"),
        ({"apalu": PERFECT}, "holds"),
        ({"relu": PERFECT}, "open"),
        ({"relu": [None] * 3, "apalu": [None] * 3}, "open"),
        ({"relu": BAD[:1], "apalu": PERFECT[:1]}, "open"),
        ({"relu": BAD[:2], "apalu": PERFECT[:2]}, "open"),
    ],
)
def test_the_claim_of_100_per_cent_is_taken_at_its_word(scores, verdict):
    made = results(scores, own=study.STUDY, cases=(CASE,))
    assert made.conclusion().verdict == verdict


def test_the_protocol_says_that_the_signers_are_inferred():
    (hands,) = [part for part in study.STUDY.protocol if part.startswith("Hands")]
    assert "inferred from the order of the photographs" in hands


def test_the_evidence_says_how_many_runs_reach_100_per_cent():
    made = results({"relu": GOOD, "apalu": [1.0, 0.9, 0.8]}, own=study.STUDY, cases=(CASE,))
    found = made.conclusion().evidence
    assert "best mean 91.0% (relu), best run 100.0%, 1 of 6 runs at 100 %" in found


def test_100_per_cent_on_one_set_is_a_condition():
    cases = (CASE, {"set": "sign-digits", "share": 1.0})
    scores = {"relu": [BAD, BAD], "apalu": [PERFECT, GOOD]}
    made = results(scores, own=study.STUDY, cases=cases)
    assert made.conclusion().verdict == "holds under a condition"


@pytest.mark.parametrize("arms", [("relu", "apalu"), ("gelu",)])
@pytest.mark.parametrize("shares", [(1.0,), (0.5, 1.0)])
def test_the_figure_is_drawn_from_one_seed_of_any_arms(arms, shares):
    cases = tuple({"set": "libras", "share": share} for share in shares)
    scores = {arm: [[0.5]] * 2 if len(cases) > 1 else [None] for arm in arms}
    figure = study.draw(results(scores, own=study.STUDY, cases=cases))
    assert len(figure.axes) == 3
    figure.canvas.draw()
