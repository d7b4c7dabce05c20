"""Draws the figure of the README: ``python tutorials/site/readme_figure.py``."""

from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

from apalu_ref import apalu, apalu_grad

STYLES = (("-", "#0072B2"), ("--", "#D55E00"), ("-.", "#009E73"))
PAIRS = ((1.0, 1.0), (0.5, 2.0), (1.0, 1.5))


def main():
    """Write static/apalu.png beside this file."""
    x = np.linspace(-4, 3, 1401)
    figure, (value, slope) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
    for (a, b), (style, color) in zip(PAIRS, STYLES, strict=True):
        name = f"a = {a:g}, b = {b:g}" + (" = 3a/2: smooth" if b == 1.5 * a else "")
        value.plot(x, apalu(x, a, b), style, color=color, lw=2, label=name)
        dx = apalu_grad(x, a, b, 1.0)[0]
        if b != 1.5 * a:
            dx[np.abs(x) < 1e-9] = np.nan  # so that a jump does not look like a steep slope
        slope.plot(x, dx, style, color=color, lw=2)
    value.set(title="f(x; a, b)", xlabel="x", ylim=(-2.4, 5))
    slope.set(title="its slope: b from the left, 3a/2 from the right", xlabel="x", ylim=(0, 2.4))
    value.legend(loc="upper left", frameon=False)
    for axes in (value, slope):
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
    target = Path(__file__).parent / "static" / "apalu.png"
    # Without the version of Matplotlib the same picture is the same file.
    figure.savefig(target, dpi=110, metadata={"Software": None})


if __name__ == "__main__":
    main()
