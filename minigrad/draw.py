"""The graph behind a Tensor, as DOT text for Graphviz and as a picture.

Boxes are leaves, the Tensors that gradients are collected on; the rest are the operations
between them and the output, each with the shape of its result. Constants are not in the graph.
"""

from __future__ import annotations

import io
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from minigrad.checkpoint import write_atomically
from minigrad.core import Leaf, Tensor
from minigrad.layout import Layout

_READABLE = 60
_HALF = 0.24  # of the height of a node


def draw(
    tensor: Tensor,
    path: str | os.PathLike[str] | None = None,
    *,
    names: Mapping[str, Tensor] | None = None,
) -> Drawing:
    r"""Draw what a Tensor was computed from.

    Parameters
    ----------
    tensor : Tensor
        The output; it must require grad.
    path : path-like, optional
        Where to save it: ``.dot`` or ``.gv`` for text, else a picture of any type that
        matplotlib writes (``.png``, ``.svg``, ``.pdf``).
    names : mapping of str to Tensor, optional
        What to call leaves and intermediate results, such as ``{"w": w}``; those that are not
        in the graph are passed over.

    Returns
    -------
    Drawing
        ``drawing.dot`` is the text, ``drawing.figure()`` the picture, ``drawing.save(path)``
        saves either.

    Raises
    ------
    RuntimeError
        If nothing was recorded.
    ValueError
        If there are too many nodes for a picture (more than 60); the text has no limit.

    Examples
    --------
    >>> from minigrad import tensor
    >>> w = tensor([1.0, 2.0], requires_grad=True)
    >>> print(draw((w * w).sum(), names={"w": w}).dot)
    digraph {
      node [fontname="sans-serif"]
      n0 [label="w\n(2,)", shape=box]
      n1 [label="multiply\n(2,)"]
      n2 [label="sum\n()"]
      n0 -> n1
      n0 -> n1
      n1 -> n2
    }
    """
    if not isinstance(tensor, Tensor):
        raise TypeError(f"a Tensor can be drawn, not {type(tensor).__name__}")
    if tensor._edge is None:
        raise RuntimeError(
            "nothing was recorded for this Tensor: create its inputs with requires_grad=True, and "
            "compute outside of no_grad()"
        )
    called = {t._edge: name for name, t in (names or {}).items() if t.requires_grad}
    drawing = Drawing()
    found = _oldest_first(tensor._edge)
    number = {node: i for i, node in enumerate(found)}
    for node in found:
        leaf = type(node) is Leaf
        name = called.get(node, "leaf" if leaf else "")
        words = [name] if leaf else [f"{name} = {node.op.name}" if name else node.op.name]
        drawing.labels.append("\n".join([*words, str(node.shape)]))
        drawing.leaves.append(leaf)
        drawing.edges += [(number[e], number[node]) for e in node.edges if e is not None]
    if path is not None:
        drawing.save(path)
    return drawing


def _oldest_first(root: Any) -> list[Any]:
    """All nodes in the order of their making, each leaf before the first that uses it."""
    seen, stack = {root}, [root]
    while stack:
        for edge in stack.pop().edges:
            if edge is not None and edge not in seen:
                seen.add(edge)
                stack.append(edge)
    found: dict[Any, None] = {}
    for node in sorted((n for n in seen if type(n) is not Leaf), key=lambda n: n.order):
        found.update(dict.fromkeys(e for e in node.edges if type(e) is Leaf))
        found[node] = None
    return list(found) or [root]


@dataclass
class Drawing:
    """A graph with its labels: nodes are numbered from the oldest to the output."""

    labels: list[str] = field(default_factory=list)
    leaves: list[bool] = field(default_factory=list)
    edges: list[tuple[int, int]] = field(default_factory=list)

    def __repr__(self) -> str:
        return f"<drawing of {len(self.labels)} nodes: see .dot, .figure() and .save(path)>"

    @property
    def dot(self) -> str:
        """The graph in Graphviz's language."""
        lines = ["digraph {", '  node [fontname="sans-serif"]']
        for i, (label, leaf) in enumerate(zip(self.labels, self.leaves, strict=True)):
            text = label.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
            lines.append(f'  n{i} [label="{text}"{", shape=box" if leaf else ""}]')
        lines += [f"  n{a} -> n{b}" for a, b in self.edges]
        return "\n".join([*lines, "}"])

    def figure(self) -> Any:
        """The picture, as a new matplotlib Figure."""
        if len(self.labels) > _READABLE:
            raise ValueError(
                f"a picture of {len(self.labels)} nodes cannot be read (the limit is {_READABLE}): "
                "draw an intermediate result, or save the text (.dot) and let Graphviz lay it out"
            )
        from matplotlib import pyplot as plt
        from matplotlib.patches import FancyArrowPatch
        from matplotlib.path import Path as Curve

        layout = Layout(len(self.labels), self.edges)
        width, height = layout.size
        # A unit is 1.5 inches across and 0.75 down, so that labels of two lines fit.
        figure = plt.figure(figsize=(1.5 * (width + 1), 0.75 * (height + 1)))
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set(xlim=(-0.5, width + 0.5), ylim=(height + 0.5, -0.5))
        axes.axis("off")
        for points in layout.paths:
            # Straight down within a layer, so that lines turn only between them.
            ends = [(x, y + h) for x, y in points for h in (-_HALF, _HALF)][1:-1]
            axes.add_patch(
                FancyArrowPatch(
                    path=Curve(ends), arrowstyle="-|>", mutation_scale=8, color="0.5", zorder=1
                )
            )
        last = len(self.labels) - 1
        for i, (x, y) in enumerate(layout.places):
            color = "#cfe3f5" if self.leaves[i] else "#f7d9c4" if i == last else "#f2f2f2"
            shape = "square" if self.leaves[i] else "round"
            axes.text(
                x, y, self.labels[i], ha="center", va="center", fontsize=8, zorder=2,
                bbox={"boxstyle": f"{shape},pad=0.35", "facecolor": color, "edgecolor": "0.4"},
            )  # fmt: skip
        return figure

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the text or the picture; which, the end of the name says."""
        path = Path(path)
        kind = path.suffix.lower().removeprefix(".")
        if not kind:
            raise ValueError(f"{path} has no ending: .dot for text, .png or .svg for a picture")
        content = io.BytesIO()
        if kind in ("dot", "gv"):
            content.write((self.dot + "\n").encode("utf-8"))
        else:
            from matplotlib import pyplot as plt

            figure = self.figure()
            try:
                figure.savefig(content, format=kind, dpi=150)
            finally:
                plt.close(figure)
        write_atomically(path, content.getvalue())
