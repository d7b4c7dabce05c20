"""The pictures of tutorial 9: to be read in print, and by colour-blind people."""

import matplotlib.pyplot as plt
import numpy as np

# Okabe and Ito's colours, with patterns for those that look alike in grey.
LOOKS = {
    "arithmetic": ("#0072B2", ""), "choosing": ("#D55E00", "//"), "exp, tanh": ("#009E73", "xx"),
    "sums": ("#F0E442", ""), "the rest": ("#BBBBBB", ".."), "not watched": ("white", ""),
}  # fmt: skip
LINES = {"color": ("#0072B2", "#D55E00", "#009E73"), "fmt": ("o-", "s--", "^:")}
STYLE = {
    "figure.constrained_layout.use": True, "legend.frameon": False, "hatch.linewidth": 0.5,
    "axes.spines.top": False, "axes.spines.right": False, "axes.axisbelow": True,
}  # fmt: skip


def bars(values, title, height=3.6):
    """A bar, with its number, for each name."""
    with plt.rc_context(STYLE):
        _, ax = plt.subplots(figsize=(8, height))
        drawn = ax.barh(list(values), list(values.values()), color=LOOKS["arithmetic"][0])
        ax.bar_label(drawn, fmt="%.2f", padding=3)
        ax.invert_yaxis()
        ax.set(xlabel="ns an element", title=title, xlim=(0, 1.08 * max(values.values())))
        plt.show()


def curves(curves, sizes, xlabel, ylabel, title):
    """A curve for each name, on two logarithmic axes with plain numbers."""
    with plt.rc_context(STYLE):
        _, ax = plt.subplots(figsize=(8, 3.6))
        for (name, values), color, style in zip(curves.items(), *LINES.values(), strict=False):
            ax.loglog(sizes, values, style, color=color, markersize=5, label=name)
        ax.set_xticks(sizes, [f"{size:,.0f}" for size in sizes])
        ax.minorticks_off()
        low, high = ax.get_ylim()
        ticks = [t for k in range(-1, 6) for t in (10**k, 2 * 10**k, 5 * 10**k) if low < t < high]
        ax.set_yticks(ticks, [f"{t:,g}" for t in ticks])
        ax.grid(alpha=0.3)
        ax.set(xlabel=xlabel, ylabel=ylabel, title=title)
        ax.legend()
        plt.show()


def steps(steps):
    """For each step a bar, made up of its kinds of calls."""
    with plt.rc_context(STYLE):
        _, ax = plt.subplots(figsize=(8, 4))
        left = np.zeros(len(steps))
        for kind, (color, hatch) in LOOKS.items():
            widths = np.array([kinds.get(kind, 0) for kinds in steps.values()])
            drawn = ax.barh(
                list(steps), widths, left=left,
                color=color, hatch=hatch, edgecolor="black", linewidth=0.6, label=kind,
            )  # fmt: skip
            left += widths
        ax.bar_label(drawn, [f"{total:.1f}" for total in left], padding=3)
        ax.invert_yaxis()
        ax.set(xlabel="ns an element, forward and backward", xlim=(0, 1.08 * left.max()))
        ax.set_title("step by step, by kind of NumPy call")
        ax.legend()
        plt.show()
