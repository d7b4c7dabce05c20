"""The panels of a sheet: each draws one thing about an activation into given axes."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from apalu_ref.properties.card import Report
from apalu_ref.properties.facts import Section, number
from apalu_ref.properties.meanfield import Maps, Network, edge_of_chaos
from apalu_ref.properties.simulate import Depth

Array = NDArray[Any]


class Style(NamedTuple):
    """Colours of Okabe and Ito; dashes tell lines apart, too."""

    color: str
    dashes: str | tuple[int, tuple[float, ...]]


STYLES = (
    Style("#0072B2", "-"),
    Style("#D55E00", (0, (5, 2))),
    Style("#009E73", (0, (1.5, 1.5))),
    Style("#CC79A7", (0, (7, 2, 2, 2))),
    Style("#E69F00", (0, (3, 1, 1, 1, 1, 1))),
    Style("#56B4E9", (0, (10, 3))),
)
GREY, DARK = "#777777", "#333333"

REACH = 1e-60, 1e60
"""Lengths beyond are not drawn."""

X: Array = np.linspace(-5, 5, 2001)


def axes(panel: Any, x: str, y: str) -> None:
    """The lines through 0, and labels."""
    panel.axhline(0, color=GREY, linewidth=0.6, zorder=0)
    panel.axvline(0, color=GREY, linewidth=0.6, zorder=0)
    panel.set_xlabel(x)
    panel.set_ylabel(y)


def broken(report: Report, y: Array) -> Array:
    """No line is drawn across a jump."""
    y = np.where(np.isfinite(y), y, np.nan)
    for kink in report.shape.kinks:
        if kink.order == 0:
            y[np.abs(X - kink.x) < 0.006] = np.nan
    return y


def _window(values: Array) -> tuple[float, float]:
    fine = values[np.isfinite(values)]
    if not fine.size:
        return -1.0, 1.0
    low, high = float(max(fine.min(), -6)), float(min(fine.max(), 8))
    room = 0.08 * max(high - low, 0.2)
    return low - room, high + room


def values(panel: Any, report: Report) -> None:
    """f, with its asymptotes and kinks."""
    f = report.activation
    y = broken(report, f(X))
    panel.plot(X, y, color=STYLES[0].color, label="f", zorder=3)
    panel.set_ylim(*_window(y))
    for limit in report.shape.limits:
        if limit.slope is not None and limit.offset is not None:
            side = X * limit.side > 0
            label = None if any(t.get_label() == "asymptote" for t in panel.lines) else "asymptote"
            line = limit.slope * X[side] + limit.offset
            panel.plot(X[side], line, color=GREY, linestyle=(0, (2, 2)), linewidth=1, label=label)
    jumps = [k for k in report.shape.kinks if k.order == 0 and abs(k.x) < 5]
    for k, jump in enumerate(jumps):
        ends = [jump.left, jump.right]
        label = "jump" if not k else None
        panel.plot([jump.x] * 2, ends, "o", color=STYLES[1].color, mfc="white", ms=5, label=label)
    kinks = [k.x for k in report.shape.kinks if k.order == 1 and abs(k.x) < 5]
    if kinks:
        places = np.array(kinks)
        panel.plot(
            places, f(places), "o", color=STYLES[1].color, markersize=5, label="kink", zorder=4
        )
    axes(panel, "x", "f(x)")
    panel.legend(fontsize=8, frameon=False)
    panel.set_title(report["smoothness"], fontsize=10)


def slopes(panel: Any, report: Report) -> None:
    """f′ and f″, with infimum and supremum."""
    shape = report.shape
    slope = broken_at_kinks(report, shape.slope(X))
    panel.plot(X, slope, color=STYLES[0].color, label="f′", zorder=3)
    limits = [slope]
    if not report.activation.differences:
        curvature = broken_at_kinks(report, report.activation.curvature(X))
        style = STYLES[1]
        panel.plot(
            X,
            curvature,
            color=style.color,
            linestyle=style.dashes,
            linewidth=1.2,
            label="f″",
            zorder=4,
        )
        limits.append(np.clip(curvature, -3, 3))
    low, high = _window(np.concatenate(limits))
    panel.set_ylim(low, high)
    for extreme, word in ((shape.sup, "sup"), (shape.inf, "inf")):
        if word == "inf" and extreme.value == shape.sup.value:
            break  # f′ is constant
        if math.isfinite(extreme.value) and low <= extreme.value <= high:
            panel.axhline(extreme.value, color=DARK, linestyle=(0, (1, 3)), linewidth=0.9)
            panel.annotate(
                f"{word} f′ = {number(extreme.value)}",
                (0.02, extreme.value),
                xycoords=("axes fraction", "data"),
                xytext=(0, 3 if word == "sup" or extreme.value == 0 else -10),
                textcoords="offset points",
                fontsize=8,
                color=DARK,
            )
    axes(panel, "x", "f′(x), f″(x)")
    panel.legend(fontsize=8, framealpha=0.85, edgecolor="none", loc="best")
    panel.set_title(f"Lipschitz constant {number(report['Lipschitz constant'])}", fontsize=10)


def broken_at_kinks(report: Report, y: Array) -> Array:
    """No line is drawn across a kink of f′ or f″."""
    y = np.where(np.isfinite(y), y, np.nan)
    for kink in report.shape.kinks:
        if abs(kink.x) < 5:
            y[np.abs(X - kink.x) < 0.0026] = np.nan
    return y


def family(panel: Any, report: Report) -> None:
    """f with other parameters."""
    f = report.activation
    for (key, value), style in zip(f.parameters.items(), STYLES, strict=False):
        step = 0.4 * abs(value) if value else 0.4
        for k, width in ((-2, 0.7), (-1, 1.0), (1, 1.6), (2, 2.2)):
            label = None
            if abs(k) == 2:
                label = f"{key} = {number(value + k * step)}"
            panel.plot(
                X,
                broken(report, f.at(**{key: value + k * step})(X)),
                color=style.color,
                linestyle=style.dashes,
                linewidth=width,
                alpha=0.9,
                label=label,
            )
    panel.plot(X, broken(report, f(X)), color="black", linewidth=1.2, zorder=4)
    panel.set_ylim(*_window(np.concatenate([line.get_ydata() for line in panel.lines])))
    axes(panel, "x", "f(x)")
    panel.legend(fontsize=8, frameon=False)
    panel.set_title("with other parameters (thicker: larger)", fontsize=10)


def deep(report: Report) -> bool:
    """Whether all there is to say about depth is on the card."""
    return "edge of chaos" in report.sections.get("through depth", Section("")).facts


def length_map(panel: Any, report: Report) -> None:
    """Q(q)/q under three inits."""
    panel.set_title("lengths: Q(q)/q for three inits", fontsize=10)
    panel.set(xlabel="q", ylabel="Q(q)/q")
    if not deep(report):
        _nothing(panel)
        return
    q = np.geomspace(1e-3, 1e3, 61)
    squares = np.array([report.gaussian.square(t) for t in q])
    for (name, sigma), style in zip(_inits(report), STYLES, strict=False):
        panel.semilogx(
            q,
            sigma**2 * squares / q,
            color=style.color,
            linestyle=style.dashes,
            label=rf"{name}: $\sigma_w$ = {sigma:.3g}",
        )
    panel.axhline(1, color=GREY, linewidth=0.8)
    panel.plot([1], [1], "o", color=STYLES[0].color, markersize=5)
    highest = max(float(np.nanmax(line.get_ydata())) for line in panel.lines)
    panel.set_ylim(0, 1.45 * min(highest, 10))
    panel.legend(fontsize=8, frameon=False, loc="upper right")


def _inits(report: Report) -> list[tuple[str, float]]:
    return [("gain", float(report["gain"])), ("LeCun", 1.0), ("He", math.sqrt(2))]


def correlations(report: Report, name: str) -> tuple[Array, Array]:
    """Places c and C(c) at q = 1 under an init."""
    sigma = dict(_inits(report))[name]
    maps = Maps(report.gaussian, Network(name, sigma, 0.0))
    c = np.concatenate([np.linspace(0, 0.95, 20), [0.98, 0.99, 0.996, 0.999, 1]])
    return c, np.array([maps.correlation(v, 1.0) for v in c])


def correlation_map(panel: Any, report: Report) -> None:
    """C(c) at the gain, and where c ends."""
    panel.set_title("correlations: C(c) at the gain, q = 1", fontsize=10)
    unit_square(panel)
    if not deep(report):
        _nothing(panel)
        return
    c, values = correlations(report, "gain")
    panel.plot(c, values, color=STYLES[0].color, label="C(c)")
    star = report["C tends to"]
    panel.plot([star], [star], "o", color=STYLES[1].color, markersize=6, zorder=4)
    panel.text(
        0.97,
        0.06,
        f"tends to {number(star)}\n" + rf"$\chi_1$ = {number(report['χ₁'])}",
        transform=panel.transAxes,
        ha="right",
        fontsize=9,
    )


def unit_square(panel: Any) -> None:
    """The diagonal, where c stays."""
    panel.plot([0, 1], [0, 1], color=GREY, linewidth=0.8)
    panel.set(xlabel="c", ylabel="C(c)", xlim=(0, 1.02), ylim=(0, 1.02))


def edge(panel: Any, report: Report) -> None:
    """The edge of chaos."""
    edge_axes(panel)
    places = edge_of_chaos(report.gaussian) if deep(report) else []
    if not places:
        _nothing(panel, "there is none")
        return
    sigma_b = np.array([e[2] for e in places])
    sigma_w = np.array([e[1] for e in places])
    if np.ptp(sigma_b) < 1e-6 and np.ptp(sigma_w) < 1e-6:
        panel.plot(sigma_b[:1], sigma_w[:1], "o", color=STYLES[0].color, label="for every q")
        panel.set(xlim=(-0.1, 1), ylim=(0, 2 * sigma_w[0]))
        panel.legend(fontsize=8, frameon=False)
        return
    panel.plot(sigma_b, sigma_w, color=STYLES[0].color)
    panel.set_xlim(-0.02, min(3.0, 1.05 * float(sigma_b.max())) + 0.02)
    low, high = panel.get_ylim()
    room = high - low
    panel.set_ylim(max(0.0, low - 0.25 * room), high + 0.15 * room)
    panel.text(0.05, 0.95, "above: chaos, gradients explode", transform=panel.transAxes, fontsize=8)
    panel.text(0.55, 0.05, "below: order,\ngradients vanish", transform=panel.transAxes, fontsize=8)


def edge_axes(panel: Any) -> None:
    """Title and labels of that."""
    panel.set(xlabel=r"$\sigma_b$", ylabel=r"$\sigma_w$")
    panel.set_title(r"edge of chaos: $\chi_1$ = 1", fontsize=10)


def through_depth(panel: Any, depth: Depth) -> None:
    """Lengths through depth: theory, band, networks."""
    _band(panel, depth, STYLES[0])
    layers = np.arange(depth.lengths.shape[1])
    for k, q in enumerate(np.clip(depth.lengths, *REACH)):
        label = f"{len(depth.lengths)} networks of width {depth.width}" if not k else None
        panel.plot(layers, q, color=STYLES[1].color, linewidth=0.7, alpha=0.8, label=label)
    panel.set(xlabel="layer", ylabel="q", yscale="log", ylim=_lengths(depth))
    panel.legend(fontsize=8, framealpha=0.85, edgecolor="none")
    panel.set_title(f"lengths at the gain: {depth.share_inside:.0%} in the band", fontsize=10)


def _lengths(depth: Depth) -> tuple[float, float]:
    """Limits that hold what can be drawn."""
    t = depth.theory
    shown = np.concatenate([t.low, t.high, depth.lengths.ravel()])
    shown = np.clip(shown[np.isfinite(shown)], *REACH)
    return 0.7 * float(shown.min()), 1.4 * float(shown.max())


def _band(panel: Any, depth: Depth, style: Style) -> None:
    t = depth.theory
    layers = np.arange(len(t.lengths))
    panel.fill_between(
        layers,
        np.clip(t.low, *REACH),
        np.clip(t.high, *REACH),
        color=style.color,
        alpha=0.15,
        linewidth=0,
        label="19 of 20, in theory",
    )
    panel.plot(layers, t.lengths, color=style.color, linestyle=style.dashes, label="infinite width")


def _nothing(panel: Any, text: str = "f is not finite, or 0,\nwhere normal numbers come") -> None:
    panel.text(0.5, 0.5, text, transform=panel.transAxes, ha="center", fontsize=9, color=DARK)
