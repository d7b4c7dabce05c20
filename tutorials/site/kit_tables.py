"""Tables of the check kit's reference, made from the kit itself when the site is built.

``.. probes::``, ``.. features::`` and ``.. ulp-limits::``. The first two take a list of lines
``name: text``, one for each family or feature; a family or feature without text, or a text without
one, stops the build. So neither the tables nor their explanations can go stale.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Iterator, Sequence

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

from apalu_ref.check import features, judge
from apalu_ref.check import probes as kit
from apalu_ref.check.probes import base, exhaustive, state, structure, values

_PROFILES = ("quick", "standard", "exhaustive")

_SOURCES = (features, judge, kit, base, exhaustive, state, structure, values)


class _Table(SphinxDirective):
    """Has content of lines ``name: text`` and makes reStructuredText of it."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        """Parse what :meth:`lines` gives."""
        for module in _SOURCES:
            self.env.note_dependency(inspect.getfile(module))
        return self.parse_text_to_nodes("\n".join(self.lines()))

    def lines(self) -> Iterable[str]:
        """The table."""
        raise NotImplementedError

    def told(self, names: Iterable[str]) -> dict[str, str]:
        """What the content says of each name; all of them, and no other."""
        found: dict[str, str] = {}
        for line in self.content:
            if begins := re.match(r"([\w\- ]+): +(.*)", line):
                name = begins[1]
                found[name] = begins[2]
            elif line.strip():
                found[name] += f" {line.strip()}"
        wanted = list(names)
        if odd := set(found) ^ set(wanted):
            raise self.error(f"{self.name}: explained and existing are not the same: {odd}")
        return {name: found[name] for name in wanted}


class Probes(_Table):
    """All probes, a table a family."""

    def lines(self) -> Iterator[str]:
        """Those that differ in their type alone are one row."""
        first = {p.id: profile for profile in reversed(_PROFILES) for p in kit.probes(profile)}
        families: dict[str, dict[tuple[str, ...], list[tuple[str, str]]]] = {}
        for probe in kit.probes("exhaustive"):
            family, *rest = probe.id.split("/")
            dtype = rest.pop(0) if rest and rest[0] in features.DTYPES else ""
            needs = sorted(probe.needs - {*features.DTYPES, "any size", "state"})
            name = "/".join([family, "…", *rest] if dtype else [family, *rest])
            row = (name, ", ".join(needs), probe.why)
            asked = families.setdefault(family, {}).setdefault(row, [])
            asked.append((dtype, first[probe.id]))
        for family, text in self.told(families).items():
            rows = [
                (f"``{name}``", _types(asked), asked[0][1], needs, why)
                for (name, needs, why), asked in families[family].items()
            ]
            yield from ["", f"**{family}**: {text}", "", ".. rst-class:: probes", ""]
            yield from list_table(("probe", "types", "from", "needs", "why"), rows,
                                   (26, 14, 10, 18, 32))  # fmt: skip


class Features(_Table):
    """What may be declared away, refused, required."""

    def lines(self) -> Iterator[str]:
        """A row a feature."""
        rows = [
            (name, "yes" if name in features.REFUSABLE else "no", text)
            for name, text in self.told(
                f for f in features.FEATURES if f not in ("state", "any size", "editable output")
            ).items()
        ]
        yield from list_table(("feature", "may be refused", "what it is"), rows, (26, 16, 58))


class UlpLimits(_Table):
    """The ULP above which there is a precision warning."""

    has_content = False

    def lines(self) -> Iterator[str]:
        """A row a type."""
        quantities = ("y", "dx", "da", "db")
        rows = [
            (dtype, *(str(limits[q]) for q in quantities))
            for dtype, limits in judge.ULP_LIMITS.items()
        ]
        yield from list_table(("", *quantities), rows, (20, 20, 20, 20, 20))


def _types(asked: Sequence[tuple[str, str]]) -> str:
    """Short names; of those that are asked from another profile on than the first, that as well."""
    short = [
        dtype.replace("bfloat", "bf").replace("float", "f")
        + (f" ({profile})" if profile != asked[0][1] else "")
        for dtype, profile in asked
    ]
    return ", ".join(filter(None, short))


def list_table(
    head: Sequence[str], rows: Iterable[Sequence[str]], widths: Sequence[int] | None
) -> Iterator[str]:
    """A table as reStructuredText; as wide as its cells need where no widths are given."""
    how = "auto" if widths is None else " ".join(map(str, widths))
    yield from [".. list-table::", "   :header-rows: 1", f"   :widths: {how}", ""]
    for row in [head, *rows]:
        yield "   * - " + row[0]
        yield from (f"     - {cell}".rstrip() for cell in row[1:])
    yield ""


def setup(app):
    """Register the directives."""
    app.add_directive("probes", Probes)
    app.add_directive("features", Features)
    app.add_directive("ulp-limits", UlpLimits)
    return {"parallel_read_safe": True}
