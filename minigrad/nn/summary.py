"""The table of a model: its layers, the shapes of their outputs, their numbers of parameters."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad import modes
from minigrad.core import Tensor


def table(model: Any, input_shape: tuple[int, ...]) -> str:
    """See :meth:`minigrad.nn.Module.summary`."""
    parameters = list(model.parameters())
    dtype = parameters[0].dtype if parameters else np.dtype(np.float32)
    shapes = _output_shapes(model, Tensor(np.zeros(input_shape, dtype)))
    rows = [("layer", "output", "parameters")]
    for path, module in model.named_modules():
        indent = "  " * (path.count(".") + 1) if path else ""
        name = f"{path.rpartition('.')[2]} " if path else ""
        count = sum(p.size for p in module.parameters())
        shape = shapes.get(id(module), "not called")
        rows.append((f"{indent}{name}{type(module).__name__}", shape, f"{count:,}"))
    widths = [max(len(row[k]) for row in rows) for k in range(3)]
    lines = [f"{a:<{widths[0]}}  {b:<{widths[1]}}  {c:>{widths[2]}}" for a, b, c in rows]
    rule = "  ".join("-" * width for width in widths)
    total = sum(p.size for p in parameters)
    trainable = sum(p.size for p in parameters if p.requires_grad)
    return "\n".join(
        [lines[0], rule, *lines[1:], rule, f"parameters: {total:,}, trainable: {trainable:,}"]
    )


def _output_shapes(model: Any, x: Tensor) -> dict[int, str]:
    """The shape of each module's (last) output, by the module's id."""
    shapes: dict[int, str] = {}

    def note(module: Any, inputs: tuple[Any, ...], output: Any) -> None:
        shapes[id(module)] = _shape(output)

    training = [(module, module.training) for module in model.modules()]
    remove = [module.register_forward_hook(note) for module, _ in training]
    try:
        model.eval()
        with modes.no_grad():
            model(x)
    finally:
        for undo in remove:
            undo()
        for module, mode in training:
            module.training = mode
    return shapes


def _shape(output: Any) -> str:
    if isinstance(output, tuple):
        return ", ".join(map(_shape, output))
    return str(output.shape)
