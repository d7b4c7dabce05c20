"""The picture of tutorial 3: the way forward and the way back."""

import matplotlib.pyplot as plt

ORANGE, GREY = "#D55E00", "#777777"


def graph(chain, names, gradients, plain):
    """Draw Tensors in a row: values and grey arrows forward, gradients and orange arrows back."""
    _, ax = plt.subplots(figsize=(8, 3))
    for i, (t, g) in enumerate(zip(chain, gradients, strict=True)):
        ax.text(i, 0, f"{names[i]}\n{t.data:.3f}", ha="center", va="center")
        ax.text(i, 0.34, f"{g:.3f}", ha="center", color=ORANGE, weight="bold")
        for source, rule in zip(t.inputs, t.rules, strict=True):
            if source not in chain:
                continue
            j, part = chain.index(source), rule(g, t.data, *map(plain, t.inputs))
            bend, top = (0.5, 0.68) if i - j == 1 else (0.27, 2.0)
            for color, start, end, y in ((GREY, j, i, -0.25), (ORANGE, i, j, 0.57)):
                arrow = {"arrowstyle": "->", "color": color, "connectionstyle": f"arc3,rad={bend}"}
                ax.annotate("", (end, y), (start, y), arrowprops=arrow)
            if j == 0:
                ax.text(i / 2, top, f"{part:.3f}", ha="center", color=ORANGE)
    ax.text(6.5, 1.75, "back: gradients", ha="right", color=ORANGE)
    ax.text(6.5, -1.4, "forward: values", ha="right", color=GREY)
    ax.set(xlim=(-0.5, 6.5), ylim=(-1.5, 2.2), title="u(x) at x = 1, one operation after the other")
    ax.axis("off")
    plt.show()
