"""The report card of an activation: all facts, as an object, text and JSON."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from apalu_ref.properties import meanfield
from apalu_ref.properties.activation import Activation, Function
from apalu_ref.properties.facts import Fact, Section, shown
from apalu_ref.properties.features import one_sided
from apalu_ref.properties.gaussian import Gaussian
from apalu_ref.properties.named import found
from apalu_ref.properties.pieces import MOST
from apalu_ref.properties.proved import FINE, agrees, proofs
from apalu_ref.properties.shape import CLASSES, Shape

SCHEMA = 1
"""Of the JSON."""


@dataclass
class Report:
    """What is known of an activation.

    Attributes
    ----------
    activation : Activation
    shape : Shape
    gaussian : Gaussian
    sections : dict of str to Section
        "shape", "under N(0, 1)", "through depth" and, for each parameter, "with p".
    remarks : list of str
        What a reader should know first: that f is NaN somewhere, that it jumps.
    """

    activation: Activation
    shape: Shape
    gaussian: Gaussian
    sections: dict[str, Section]
    remarks: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return self.text()

    def __getitem__(self, name: str) -> Any:
        """The value of a fact, by its name alone or as "section: name".

        Names can be typed without Greek letters and signs: "chi", "E f2", "Q'(1)".
        """
        wanted = _typed(name)
        for title, section in self.sections.items():
            for fact in section.facts:
                if wanted in (_typed(fact), _typed(f"{title}: {fact}")):
                    return section.facts[fact].value
        known = ", ".join(f for s in self.sections.values() for f in s.facts)
        raise KeyError(f"no fact is called {name!r}; there are {known}")

    def text(self) -> str:
        """The card, as text of at most 100 columns."""
        title = textwrap.wrap(repr(self.activation), 100)
        lines = [*title, "=" * max(map(len, title)), ""]
        for remark in self.remarks:
            lines += textwrap.wrap(f"! {remark}", 100, subsequent_indent="  ")
        if self.remarks:
            lines.append("")
        width = max(len(n) for s in self.sections.values() for n in s.facts) + 2
        for section in self.sections.values():
            lines.append(section.title)
            for name, fact in section.facts.items():
                value = shown(fact.value)
                if name == "range":
                    value = value.replace(", ", " to ")
                if len(value) > 60:
                    pieces = textwrap.wrap(value, 96 - width)
                    lines += [f"  {name:{width}}{pieces[0]}"]
                    lines += [" " * (width + 2) + piece for piece in pieces[1:]]
                    name, value = "", ""
                start = f"  {name:{width}}{value:<20}  {fact.how:<8}  "
                lines += textwrap.wrap(
                    (start + fact.text).rstrip(),
                    100,
                    subsequent_indent=" " * (width + 34),
                    drop_whitespace=True,
                )
            lines.append("")
        lines.append(
            "proved: from the formula; computed: to rounding, for the kinks found; sampled: at "
            "many places"
        )
        return "\n".join(lines) + "\n"

    def as_json(self) -> dict[str, Any]:
        """For ``json.dumps``: name, parameters, remarks, and sections of facts."""
        return {
            "schema": SCHEMA,
            "activation": self.activation.name,
            "parameters": self.activation.parameters,
            "remarks": self.remarks,
            "sections": {name: section.as_json() for name, section in self.sections.items()},
        }


def report(
    f: str | Function | Activation,
    *,
    derivative: Function | None = None,
    name: str | None = None,
    **parameters: float,
) -> Report:
    """Look at an activation and write its card.

    Parameters
    ----------
    f : str, callable or Activation
        The name of an activation (:data:`~apalu_ref.properties.activation.NAMED`), "file.py:name"
        for a function in a file, or the function itself: of arrays, in NumPy syntax, element by
        element; its further arguments with a number as their default are parameters.
    derivative : callable, optional
        f′, with the same arguments. By default minigrad differentiates f.
    name : str, optional
        How it is called.
    **parameters : float
        Values of parameters.

    Returns
    -------
    Report

    Raises
    ------
    ActivationError
        If f does not work on arrays element by element, or there is no such name or parameter.
    SubjectError
        If there is no such file or function in it.

    Examples
    --------
    >>> card = report("apalu", a=1.0, b=1.5)
    >>> card["smoothness"], round(card["Lipschitz constant"], 12)
    ('C¹, not C²', 2.099839320129)
    >>> round(report(lambda x, k=2.0: np.maximum(k * x, 0))["E f²"], 12)
    2.0
    """
    if isinstance(f, str):
        f = found(f, derivative)
    activation = f if isinstance(f, Activation) else Activation(f, derivative)
    activation = activation.at(**parameters)
    activation.name = name or activation.name
    shape = Shape(activation)
    gaussian = Gaussian(activation, shape)
    sections = {"shape": shape.section()}
    sections["under N(0, 1)"] = gaussian.section(abs(shape.steepest().value))
    depth = meanfield.section(gaussian)
    if depth is not None:
        sections["through depth"] = depth
    if gaussian.fine:
        for parameter in activation.parameters:
            sections[f"with {parameter}"] = _moves(activation, shape, gaussian, parameter)
    _prove(activation, sections)
    return Report(activation, shape, gaussian, sections, _remarks(activation, shape, gaussian))


def side_by_side(reports: Sequence[Report]) -> str:
    """The numbers of several activations as a table: a line a fact, a column an activation."""
    columns = [repr(r.activation) for r in reports]
    rows: dict[tuple[str, str], list[str]] = {}
    for k, card in enumerate(reports):
        for title, section in card.sections.items():
            if title.startswith("with "):
                continue
            for name, fact in section.facts.items():
                value = shown(fact.value)
                if name == "range":
                    value = value.replace(", ", " to ")
                row = rows.setdefault((title, name), [""] * len(reports))
                row[k] = value if len(value) <= 20 else value[:19] + "…"
    titles = list(dict.fromkeys(title for title, _ in rows))
    rows = dict(sorted(rows.items(), key=lambda row: titles.index(row[0][0])))
    width = max(len(name) for _, name in rows) + 2
    widths = [
        max(len(c), *(len(row[k]) for row in rows.values())) + 2 for k, c in enumerate(columns)
    ]
    lines: list[str] = []
    while columns:
        # As many columns as a terminal has room for, and the others below.
        count = 1
        while count < len(columns) and sum(widths[: count + 1]) + width + 2 <= 100:
            count += 1
        lines += [*_block(columns[:count], widths, rows, width), ""]
        columns, widths = columns[count:], widths[count:]
        rows = {key: row[count:] for key, row in rows.items()}
    for card in reports:
        lines += [f"\n! {card.activation}: {remark}" for remark in card.remarks]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _block(
    columns: list[str], widths: list[int], rows: dict[tuple[str, str], list[str]], width: int
) -> list[str]:
    def line(cells: list[str]) -> str:
        return "".join(f"{c:{w}}" for c, w in zip(cells, widths, strict=False))

    lines = [" " * (width + 2) + line(columns)]
    before = ""
    for (title, name), row in rows.items():
        cells = row[: len(columns)]
        if not any(cells):
            continue
        if title != before:
            lines += ["", title]
            before = title
        lines.append(f"  {name:{width}}{line(cells)}")
    return lines


def _typed(name: str) -> str:
    for sign, typed in (("χ₁", "chi"), ("²", "2"), ("′", "'"), ("″", "''"), ("σ", "sigma")):
        name = name.replace(sign, typed)
    return name


def _moves(f: Activation, shape: Shape, g: Gaussian, parameter: str) -> Section:
    """How the numbers change with a parameter: their derivatives, at the parameters given."""
    value = f.parameters[parameter]
    h = 1e-5 * max(1.0, abs(value))
    high, low = f.at(**{parameter: value + h}), f.at(**{parameter: value - h})
    if shape.moved(f.at(**{parameter: value + 100 * h})):
        return _differences(parameter, high, low, 2 * h)

    def change(of: str, x: np.ndarray) -> np.ndarray:
        return (getattr(high, of)(x) - getattr(low, of)(x)) / (2 * h)

    def values(x: np.ndarray) -> np.ndarray:
        return change("__call__", x)

    def slopes(x: np.ndarray) -> np.ndarray:
        return change("slope", x)

    square = g.expect(lambda x: 2 * f(x) * values(x))
    steep = g.expect(lambda x: 2 * f.slope(x) * slopes(x))
    mean, whole, slope = g.mean(), g.square(), g.slope_square()
    facts = {
        "∂ E f": g.expect(values),
        "∂ E f²": square,
        "∂ Var f": square - 2 * mean * g.expect(values),
        "∂ E f′²": steep,
    }
    if whole > 0:
        facts["∂ gain"] = -0.5 * whole**-1.5 * square
        facts["∂ χ₁"] = (steep * whole - slope * square) / whole**2
    steepest = shape.steepest()
    if math.isfinite(steepest.value) and math.isfinite(steepest.place):
        x, side = steepest.place, steepest.side
        slope = one_sided(slopes, x, side) if side else float(slopes(np.array([x]))[0])
        facts["∂ Lipschitz constant"] = math.copysign(slope, slope * steepest.value)
    return Section(
        f"with {parameter}",
        {name: Fact(_quiet(v), "computed") for name, v in facts.items() if math.isfinite(v)},
    )


def _differences(parameter: str, high: Activation, low: Activation, step: float) -> Section:
    """Derivatives of the numbers where kinks move: differences of the numbers themselves."""
    found: list[dict[str, float]] = []
    for f in (high, low):
        shape = Shape(f)
        g = Gaussian(f, shape)
        mean, square, slope = g.mean(), g.square(), g.slope_square()
        numbers = {"∂ E f": mean, "∂ E f²": square, "∂ Var f": square - mean * mean}
        numbers["∂ E f′²"] = slope
        if square > 0:
            numbers |= {"∂ gain": 1 / math.sqrt(square), "∂ χ₁": slope / square}
        numbers["∂ Lipschitz constant"] = abs(shape.steepest().value)
        found.append(numbers)
    first, second = found
    changes = {name: (first[name] - second[name]) / step for name in first if name in second}
    return Section(
        f"with {parameter}",
        {
            name: Fact(round(v, 7) + 0.0, "computed", "a kink moves; to some six digits")
            for name, v in changes.items()
            if math.isfinite(v)
        },
    )


def _quiet(value: float) -> float:
    """Differences of numbers near 1 are good to ten digits: what is less is 0."""
    return 0.0 if abs(value) < 1e-10 else value


def _prove(activation: Activation, sections: dict[str, Section]) -> None:
    for (section, name), (value, why) in proofs(activation.known, activation.parameters).items():
        there = sections.get(section)
        if there is None or name not in there.facts:
            continue
        if agrees(there.facts[name].value, value) or _too_fine(name, sections, value):
            there.facts[name] = Fact(value, "proved", why)
        else:
            text = f"but {value} is proved ({why}): please report this fault of apalu-ref"
            there.facts[name] = Fact(there.facts[name].value, "computed", text)


def _too_fine(name: str, sections: dict[str, Section], proved: Any) -> bool:
    """Whether a kink is proved that is too small for computing to see."""
    computed = sections["shape"].facts.get("slope at 0")
    if name == "smoothness" and computed is not None:
        low, high = _two(computed.value)
        return proved == CLASSES[1] and abs(high - low) <= FINE * max(abs(low), abs(high))
    if name != "slope at 0" or computed is None:
        return False
    (low, high), (left, right) = _two(computed.value), _two(proved)
    size = FINE * max(abs(left), abs(right))
    return abs(low - left) <= size and abs(high - right) <= size and abs(left - right) <= size


def _two(value: Any) -> tuple[float, float]:
    return (value[0], value[1]) if isinstance(value, (list, tuple)) else (value, value)


def _remarks(activation: Activation, shape: Shape, gaussian: Gaussian) -> list[str]:
    remarks = []
    if activation.differences:
        remarks.append(
            "f could not be differentiated by minigrad, so f′ is a finite difference: good to some "
            "ten digits away from kinks, wrong within 0.001 of one; kinks are found to about 1e-6, "
            "and f″ is not looked at. Write it with np.where(x < 0, …, …), or give f′. "
            f"({activation.differences})"
        )
    lost = shape.not_finite()
    if lost:
        remarks.append(f"f is NaN or infinite {'; '.join(lost)}")
    without = shape.lost_slopes()
    if without:
        remarks.append(
            f"f is finite but its derivative is NaN {without}: where the branch of np.where that "
            "is not taken overflows, 0·∞ is NaN. Give it np.minimum(x, 0) or np.maximum(x, 0)"
        )
    jumps = [k.x for k in shape.kinks if k.order == 0]
    if jumps:
        places = ", ".join(f"{x:.6g}" for x in jumps[:MOST])
        places += f" … and {len(jumps) - MOST} more" if len(jumps) > MOST else ""
        remarks.append(f"f is not continuous: it jumps at x = {places}, where it has no gradient")
    if gaussian.fine and gaussian.square() == 0:
        remarks.append("f is 0 wherever a normal number comes: no signal gets through")
    return remarks
