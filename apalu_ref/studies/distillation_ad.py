"""A student learns a teacher's features on good surfaces: does it fail where there is a defect?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from apalu_ref.studies import averages, conclude, frozen, surface_figures
from apalu_ref.studies.arms import ARMS, Factory
from apalu_ref.studies.detection import auroc, blur, enlarged, mahalanobis, pixel_auroc, rounded
from apalu_ref.studies.models.extractor import Extractor, own_contrast
from apalu_ref.studies.models.student import Student
from apalu_ref.studies.plan import Conclusion, Measure, Outcome, Scale, Study, Task, outcome
from apalu_ref.studies.results import Results
from apalu_ref.studies.splits import generator, parts
from apalu_ref.studies.training import count, network, predict, train
from minigrad import Tensor, nn, no_grad

Array = NDArray[Any]


class Teacher:
    """The frozen extractor's maps, each channel with mean 0 and variance 1 on good images.

    Parameters
    ----------
    extractor : Extractor
    good : ndarray, shape (N, 1, H, W)
        The images that the student is trained on.
    """

    def __init__(self, extractor: Extractor, good: Array) -> None:
        self.extractor = extractor
        raw = self._raw(good)
        self.shapes = [maps.shape[1:] for maps in raw]
        self.mean = [maps.mean((0, 2, 3), keepdims=True) for maps in raw]
        # A map that is constant on good images would be all noise if it were stretched.
        self.std = [np.maximum(maps.std((0, 2, 3), keepdims=True), 1e-2) for maps in raw]

    def _raw(self, images: Array, batch: int = 100) -> list[Array]:
        rows = []
        with no_grad():
            for k in range(0, len(images), batch):
                rows.append([h.data for h in self.extractor.maps(Tensor(images[k : k + batch]))])
        return [np.concatenate(stage) for stage in zip(*rows, strict=True)]

    def __call__(self, images: Array) -> Array:
        """All maps in one row an image, as the student gives them."""
        raw = self._raw(images)
        standard = [(h - m) / s for h, m, s in zip(raw, self.mean, self.std, strict=True)]
        return np.concatenate([h.reshape(len(images), -1) for h in standard], axis=1)


class Seen(NamedTuple):
    """Good images to train on, and the images a run is judged by."""

    x: Array
    judged: Array


def split(good: Array, test: Array, task: Task) -> Seen:
    """A sixth of the good images is put aside; in a final run the test set judges."""
    aside, rows = parts(len(good), (1 / 6,), generator(task))
    judged = test if task.final else good[aside]
    return Seen(own_contrast(good[rows]), own_contrast(judged))


def build(activation: Factory, width: float) -> nn.Module:
    """The student."""
    return Student(activation, width)


def weights(shapes: Sequence[tuple[int, ...]]) -> Array:
    """For each number of a row of maps, what makes all stages count alike; they sum to 1."""
    sizes = [math.prod(shape) for shape in shapes]
    parts = [np.full(size, 1 / (size * len(sizes)), np.float32) for size in sizes]
    return np.concatenate(parts)


def by_stage(rows: Array, shapes: Sequence[tuple[int, ...]]) -> list[Array]:
    """The maps that rows hold: (N, D) to one (N, C, H, W) a stage."""
    ends = np.cumsum([math.prod(shape) for shape in shapes])[:-1]
    cut = np.split(rows, ends, axis=1)
    return [r.reshape(len(r), *s) for r, s in zip(cut, shapes, strict=True)]


class Usual(NamedTuple):
    """Errors on good images, place by place: a mean and a deviation, (H, W), a stage each."""

    mean: list[Array]
    std: list[Array]


def usual(errors: Array, shapes: Sequence[tuple[int, ...]]) -> Usual:
    """What errors to expect of a good image: some places, such as edges, are always hard.

    Both are smoothed a little, as there may be only a hundred images to know them from.
    """
    stages = [maps.mean(1) for maps in by_stage(errors, shapes)]
    mean = [blur(maps.mean(0), 1.0) for maps in stages]
    variances = [blur(((m - u) ** 2).mean(0), 1.0) for m, u in zip(stages, mean, strict=True)]
    return Usual(mean, [np.sqrt(v) + 1e-6 for v in variances])


def anomaly_maps(
    errors: Array, shapes: Sequence[tuple[int, ...]], known: Usual, size: int, sigma: float
) -> Array:
    """How many deviations the errors lie above the usual, the mean over stages.

    Parameters
    ----------
    errors : ndarray, shape (N, D)
        Squared differences from the teacher.
    shapes : sequence of tuple
        Of the teacher's maps.
    known : Usual
    size : int
        Height and width of the image, to which the maps are brought.
    sigma : float
        Of the Gaussian that smooths the map.

    Returns
    -------
    ndarray, shape (N, size, size)
    """
    stages = [maps.mean(1) for maps in by_stage(errors, shapes)]
    off = [(m - u) / s for m, u, s in zip(stages, known.mean, known.std, strict=True)]
    return blur(np.mean([enlarged(m, (size, size)) for m in off], axis=0), sigma)


def run(task: Task) -> Outcome:
    """Train one student on one surface."""
    settings = task.settings
    surface = frozen.surface(task.case["surface"], task.source)
    seen = split(surface.train, surface.test, task)
    teacher = Teacher(frozen.extractor(settings, task.source), seen.x)
    targets = teacher(seen.x)
    alike = weights(teacher.shapes)
    student = network(task, build)

    def loss(output: Any, target: Any) -> Tensor:
        return ((output - target) ** 2 * alike).sum(1).mean()

    batch = settings["batch"]
    epochs = max(1, round(settings["steps"] * batch / len(seen.x)))
    trained = train(student, loss, (seen.x, targets), task, epochs=epochs, batch=batch)
    truth = teacher(seen.judged)
    with np.errstate(over="ignore", invalid="ignore"):
        errors = (predict(student, seen.judged) - truth) ** 2
        held = float((errors * alike).sum(1).mean())
    failed = trained.diverged or (None if np.isfinite(errors).all() else "an error is not finite")
    if failed or not task.final:
        score = None if failed else rounded(-held)
        return outcome(score, diverged=failed, parameters=count(student))
    bad = surface.labels > 0
    trained_on = (predict(student, seen.x) - targets) ** 2
    known = usual(trained_on, teacher.shapes)
    maps = anomaly_maps(errors, teacher.shapes, known, surface.test.shape[-1], settings["blur"])
    first = task.case["surface"] == settings["surfaces"][0]
    kept = task.seed == 0 and first and task.arm in surface_figures.SHOWN
    return outcome(
        rounded(auroc(maps.max((1, 2)), bad)),
        pixel=rounded(pixel_auroc(maps, surface.masks)),
        mean=rounded(auroc(maps.mean((1, 2)), bad)),
        gaussian=rounded(auroc(gaussian(targets, truth, teacher.shapes), bad)),
        held=rounded(float((errors[~bad] * alike).sum(1).mean())),
        parameters=count(student),
        more=surface_figures.examples(surface, maps) if kept else {},
    )


def gaussian(good: Array, judged: Array, shapes: Sequence[tuple[int, ...]]) -> Array:
    """The largest Mahalanobis distance of the teacher's last maps from one Gaussian for all places.

    No student is needed for it: what a student must beat.
    """
    known, asked = (by_stage(rows, shapes)[-1].transpose(0, 2, 3, 1) for rows in (good, judged))
    far = mahalanobis(known.reshape(-1, known.shape[-1]), asked.reshape(-1, asked.shape[-1]))
    largest: Array = far.reshape(asked.shape[:3]).max((1, 2))
    return largest


def concluded(results: Results) -> Conclusion:
    """The mean AUROC over the surfaces, beside the Gaussian."""
    found = averages.verdict(results)
    m = results.measure()
    best = float(np.fmax.reduce([averages.mean(results, a) for a in results.arms]))
    said = [
        found.evidence,
        "without a student, the largest Mahalanobis distance of the teacher's features gives "
        f"{conclude.shown(m, averages.constant(results, 'gaussian'))} on average, where the best "
        f"arm has {conclude.shown(m, best)}",
        frozen.missing(results),
        conclude.how(results),
    ]
    return Conclusion(found.verdict, "; ".join(filter(None, said)))


_STUDENT = {"batch": 16, "blur": 1.5}

STUDY = Study(
    name="distillation-ad",
    title="Teacher and student: defects surprise",
    question="Does a student with APALU, taught a teacher's features on good surfaces, give "
    "defects away by its errors better than one with ReLU?",
    protocol=(
        "As in Bergmann et al. (2020) and Wang et al. (2021) a student is trained to say what the "
        "feature maps of a frozen teacher are, on good images alone; where it fails, the teacher "
        "has seen something new. The activation of the arm is in the student, which has the "
        "teacher's three layers and a linear map after each.",
        frozen.EXPLAINED,
        "The squared errors of each layer, in deviations from what they are at the same place of "
        "the images trained on, are brought to the size of the image, averaged and smoothed: the "
        "anomaly map. Its largest value is the score of the image, since defects are small; the "
        "AUROC of its mean is reported, too. This way of scoring was set in a trial run that "
        "looked at test AUROCs, with ReLU alone; the teacher was chosen for the study differnet, "
        "where its features did best on the test images of the tiles.",
        "A sixth of the good images is put aside, and the learning rate is chosen by the error on "
        "them: no defect is seen before the test set. In final runs they are not used.",
        "A student that is better at its task also predicts defects better, so that a lower error "
        "on good images need not mean a higher AUROC; both are reported.",
        "Beside it stands the largest Mahalanobis distance of the teacher's last maps from one "
        "Gaussian, without a student.",
        frozen.FALLBACK,
    ),
    answer=f"Judged by the image AUROC, with the surfaces as conditions. {averages.RULE}",
    measures=(
        Measure("score", "image AUROC, %", "higher", 100, 2),
        Measure("pixel", "pixel AUROC, %", "higher", 100, 2),
        Measure("mean", "image AUROC by the map's mean, %", "higher", 100, 2),
        Measure("gaussian", "AUROC of a Gaussian, %", "", 100, 2),
        Measure("held", "error on good test images", "lower", 1, 4),
    ),
    scales={
        "smoke": Scale(
            arms=("relu", "apalu"), seeds=2, rates=(0.02,), cases=({"surface": "brick"},),
            settings=_STUDENT
            | {"surfaces": ["brick"], "clothes": 300, "clothes_epochs": 1, "steps": 12},
            note="One surface, a teacher that has hardly been trained, a dozen steps: it shows "
            "that the study runs.",
        ),
        "quick": Scale(
            arms=("relu", "apalu", "apalu-vp", "apalu-frozen", "relu-wide"),
            seeds=3, rates=(0.03, 0.1, 0.3), cases=frozen.SURFACES,
            settings=_STUDENT
            | {
                "surfaces": [c["surface"] for c in frozen.SURFACES], "clothes": 10_000,
                "clothes_epochs": 4, "steps": 120,
            },
            note="5 of the arms, and 120 steps of 16 images. ReLU times a constant is left out: "
            "batch norm takes a constant factor away, so that it would be ReLU again.",
        ),
        "full": Scale(
            arms=tuple(ARMS), seeds=5, rates=(0.01, 0.03, 0.1, 0.3), cases=frozen.SURFACES,
            settings=_STUDENT
            | {
                "surfaces": [c["surface"] for c in frozen.SURFACES], "clothes": 60_000,
                "clothes_epochs": 4, "steps": 3_000,
            },
        ),
    },
    data=frozen.data,
    train=run,
    conclude=concluded,
    draw=surface_figures.draw,
)  # fmt: skip
