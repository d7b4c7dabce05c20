"""The tests that the claims are put to. Each says what it found, with its numbers."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from apalu_ref import apalu, apalu_grad, oracle
from apalu_ref.claims import Claim, Finding
from apalu_ref.properties import Activation, Report, report
from apalu_ref.properties.features import one_sided
from apalu_ref.properties.meanfield import Network
from apalu_ref.properties.simulate import simulate

Array = NDArray[Any]

_PAIRS = 10_000


@lru_cache(maxsize=64)
def _card(a: float, b: float) -> Report:
    return report("apalu", a=a, b=b)


def drawn(count: int = _PAIRS, seed: int = 0) -> Array:
    """Pairs (a, b) as the paper draws them, from U(0, 2): shape (2, count)."""
    return np.random.default_rng(seed).uniform(0, 2, (2, count))


def _continuous() -> Finding:
    # Both branches at 0, exactly; and no jump in the cards of pairs of all signs.
    exact = oracle.u(0.0, 40), oracle.v(0.0, 40)
    signs = [(1.0, 1.0), (1.0, -1.0), (-1.0, 1.0), (-1.0, -1.0), (0.0, 1.0), (1.0, 1.5)]
    jumps = sum(k.order == 0 for a, b in signs for k in _card(a, b).shape.kinks)
    holds = not any(exact) and not jumps
    return Finding(
        "holds" if holds else "does not hold",
        f"u(0) = {exact[0]:f}, v(0) = {exact[1]:f} exactly, so both branches meet for any a and b; "
        f"{jumps} jumps in the cards of {len(signs)} pairs",
    )


def _monotonic() -> Finding:
    x = np.linspace(-8, 8, 1601)
    a, b = drawn(500)
    least = min(float(np.diff(apalu(x, p, q)).min()) for p, q in zip(a, b, strict=True))
    against, both = _card(1.0, -1.0)["monotone"], _card(-1.0, -1.0)["monotone"]
    positive = least >= 0
    verdict: Any = "holds"
    if positive and against not in ("increasing", "decreasing"):
        verdict = "holds under a condition"
    elif not positive:
        verdict = "does not hold"
    turned = ", ".join(against) if isinstance(against, list) else against
    return Finding(
        verdict,
        f"the smallest step between neighbouring x over 500 pairs from U(0, 2) is {least:.2g}; but "
        f"at a = 1, b = -1, which training may reach, f is {turned}; at a = b = -1 it is {both}",
        "a and b of one sign",
    )


def _differentiable() -> Finding:
    a, b = drawn()
    kink = np.abs(b - 1.5 * a)
    smooth, bent = _card(1.0, 1.5), _card(1.0, 1.0)
    slopes = [one_sided(bent.shape.slope, 0.0, side) for side in (-1, 1)]
    verdict: Any = "does not hold"
    if smooth.shape.kinks == bent.shape.kinks == []:
        verdict = "holds"
    elif smooth["smoothness"] == "C¹, not C²" and abs(slopes[0] - slopes[1]) > 0.1:
        verdict = "holds under a condition"
    return Finding(
        verdict,
        f"at a = b = 1 the slopes at 0 are {slopes[0]:.6g} and {slopes[1]:.6g}; of {_PAIRS:,} "
        f"pairs from U(0, 2) {np.mean(kink < 1e-3):.2%} have slopes within 0.001 of each other, "
        f"the mean difference is {kink.mean():.3g}",
        "b = 3a/2, and then once, not twice",
    )


def _bounded_below() -> Finding:
    right = _card(1.0, 1.0)
    x = np.array([-5.0, -10.0, -20.0])
    left = apalu_grad(x, 1.0, 1.0, np.ones(3))[0]
    least = float(apalu_grad(np.linspace(0, 30, 30_001), 1.0, 1.0, 1.0)[0].min())
    infimum = right["infimum of f′"]
    return Finding(
        "holds" if infimum > 0 else "does not hold",
        f"inf f′ = {infimum:g}: at a = b = 1, f′(-5) = {left[0]:.2g}, f′(-10) = {left[1]:.2g}, "
        f"f′(-20) = {left[2]:.2g}, the same saturation as ELU's. On x >= 0 alone f′ is at least "
        f"{least:g}·a",
    )


def _smaller() -> Finding:
    a, b = drawn()
    top = np.maximum(_card(1.0, 0.0)["Lipschitz constant"] * a, b)
    share = float(np.mean(top > 1))
    limit = 1 / _card(1.0, 0.0)["Lipschitz constant"]
    return Finding(
        "does not hold" if share > 0.5 else "holds",
        f"f′ is bounded, by max({1 / limit:.5g}·a, b); but that is more than ReLU's 1 for "
        f"{share:.0%} of the pairs from U(0, 2), as soon as a > {limit:.3f} or b > 1; "
        f"on average {top.mean():.3g}",
    )


def _deep() -> Finding:
    card = _card(1.0, 0.0)
    by_a, by_b = card["E f²"], _card(0.0, 1.0)["E f²"]
    growth = 4 / 3 * (by_a + by_b)  # E a² = E b² = 4/3 under U(0, 2)
    seen = through_depth()
    if abs(seen / growth - 1) > 0.1:
        return Finding("open", f"theory says {growth:.3g} a layer, a network has {seen:.3g}")
    return Finding(
        "holds" if abs(growth - 1) < 0.01 else "does not hold",
        f"the second moment of the signal is multiplied by {growth:.3g} in each layer under "
        f"LeCun's weights (in a random network of 50 layers by {seen:.3g} on average), by "
        f"{2 * growth:.3g} under He's: after 50 layers by 10^{50 * math.log10(growth):.0f}. A "
        "gain, or a = 0.6825 with b = 3a/2, keeps it",
    )


def through_depth(depth: int = 50, width: int = 256, seed: int = 0) -> float:
    """The mean growth of the second moment a layer, weights by LeCun, a and b a unit by U(0, 2)."""
    rng = np.random.default_rng(seed)
    h = rng.standard_normal((64, width))
    start = float(np.mean(h * h))
    for _ in range(depth):
        a, b = rng.uniform(0, 2, (2, width))
        h = apalu(h, a, b) @ (rng.standard_normal((width, width)) / math.sqrt(width))
    return float((np.mean(h * h) / start) ** (1 / depth))


def _kept() -> Finding:
    from apalu_ref.layer import VARIANCE_PRESERVING as a

    card = _card(a, 1.5 * a)
    f = Activation("apalu", a=a, b=1.5 * a)
    depth = simulate(f, card.gaussian, Network("LeCun", 1.0, 0.0), width=128, depth=100, draws=4)
    last = depth.lengths[:, -1]
    chi = card["χ₁"] * card["E f²"]
    steady = abs(card["E f²"] - 1) < 1e-9 and abs(card["Q′(1)"]) < 1
    steady &= bool((last > 1e-3).all() and (last < 1e3).all())
    return Finding(
        "holds under a condition" if steady else "does not hold",
        f"E f² = {card['E f²']:.12g} and Q′(1) = {card['Q′(1)']:.4g}: lengths return; in 4 random "
        f"networks of 100 layers they end between {last.min():.2g} and {last.max():.2g}. But "
        f"χ₁ = {chi:.4g}: squared gradients grow {chi**100:.3g} times in 100 layers",
        f"a = {a:.4f}, b = 3a/2 and LeCun's weights",
    )


def approximation(widths: tuple[int, ...] = (4, 8, 16, 32, 64, 128), seed: int = 0) -> Array:
    """Largest errors of one hidden layer of APALU units on sin 3x + 0.5 abs(x) over [-2, 2].

    Inner weights are drawn, the outer ones fitted by least squares; the median of five draws.
    """
    x = np.linspace(-2, 2, 801)
    y = np.sin(3 * x) + np.abs(x) / 2
    rng = np.random.default_rng(seed)
    errors = []
    for width in widths:
        tries = [np.abs(random_fit(x, y, width, rng)).max() for _ in range(5)]
        errors.append(float(np.median(tries)))
    return np.array(errors)


def random_fit(
    x: Array,
    y: Array,
    width: int,
    rng: np.random.Generator,
    activation: Callable[[Array], Array] = lambda z: apalu(z, 1.0, 1.0),
) -> Array:
    """What is left of y after a fit of one hidden layer to it over [-2, 2].

    Inner weights are drawn: signs, slopes from 1 to 4, and where each unit has its zero. The
    outer ones are fitted by least squares.

    Parameters
    ----------
    x, y : ndarray, shape (N,)
    width : int
        How many units.
    rng : Generator
    activation : callable
        Of an array (N, width); by default APALU with a = b = 1.
    """
    w, c = rng.choice([-1, 1], width) * rng.uniform(1, 4, width), rng.uniform(-2, 2, width)
    features = np.column_stack([activation(w * (x[:, None] - c)), np.ones_like(x)])
    weights = np.linalg.lstsq(features, y, rcond=1e-10)[0]
    return np.asarray(features @ weights - y)


def _universal() -> Finding:
    widths = (4, 16, 64)
    errors = approximation(widths)
    shown = ", ".join(f"{e:.2g} with {n} units" for e, n in zip(errors, widths, strict=True))
    # A polynomial that has a limit on one side is constant.
    card = _card(1.0, 1.0)
    left = card.shape.limits[0].value
    no_polynomial = (
        left is not None and math.isfinite(left) and card["range"][0] != card["range"][1]
    )
    continuous = not any(k.order == 0 for k in card.shape.kinks)
    return Finding(
        "holds" if continuous and no_polynomial and errors[-1] < 0.1 * errors[0] else "open",
        f"f is continuous, and no polynomial, for it tends to {left:g} on the left without being "
        f"constant: all that the theorem asks (Leshno et al. 1993; ReLU has it too). One hidden "
        f"layer fitted to a given function is off by {shown}. The theorem "
        "says neither how many units nor that training finds them",
    )


CLAIMS = (
    Claim("f is continuous", "both branches at 0, exactly; cards", _continuous),
    Claim("f is monotonic", "500 drawn pairs on a grid; cards of other signs", _monotonic),
    Claim("f is differentiable", "slopes at 0 from both sides; drawn pairs", _differentiable),
    Claim(
        "f′ is bounded below by a positive constant, so gradients do not vanish",
        "infimum of f′; f′ at three x; the smallest f′ on x >= 0",
        _bounded_below,
    ),
    Claim(
        "gradients are bounded and smaller, so that training is steadier",
        "Lipschitz constants of drawn pairs beside ReLU's",
        _smaller,
    ),
    Claim(
        "signals neither vanish nor explode in deep networks, with a, b ~ U(0, 2)",
        "second moments by quadrature; a random network of 50 layers",
        _deep,
    ),
    Claim(
        "the same, with the init that preserves the variance",
        "Q map, χ₁; random networks of 100 layers",
        _kept,
    ),
    Claim(
        "one hidden layer approximates any continuous function",
        "the theorem's premises; fits of growing width",
        _universal,
    ),
)

STUDIES = (
    ("faster convergence and better accuracy than ReLU on MNIST", ("mnist-cnn",)),
    ("better accuracy on CIFAR-10", ("mobilenet", "googlenet", "resnet50")),
    ("better AUC in anomaly detection", ("deep-svdd", "differnet", "distillation-ad")),
    ("100 % on sign language, from little data", ("sign-language",)),
    ("lower costs in regression", ("regression-dnn", "regression-rnn")),
    ("works at any depth", ("depth",)),
    ("a small overhead", ("overhead",)),
    ("not sensitive to the init of a and b", ("sensitivity", "stability")),
    ("gradients flow better", ("gradient-flow",)),
    ("does not overfit", ("overfitting",)),
)
"""Claims and open questions that only experiments can settle, and the studies that do."""
