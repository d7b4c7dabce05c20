"""Pages of results, made when the site is built; no number on them was typed.

``.. study:: NAME`` is a study's page but for its title, from the results that are kept,
``.. verdicts::`` the list of all studies, ``.. claims::`` the table of the paper's claims.
"""

from __future__ import annotations

from collections.abc import Iterator

from docutils import nodes
from kit_tables import list_table
from sphinx.util.docutils import SphinxDirective

from apalu_ref import claims
from apalu_ref.datasets.locate import VARIABLE
from apalu_ref.studies import NAMES, Results, find, read, tables
from apalu_ref.studies.catalogue import KEPT
from apalu_ref.studies.conclude import sentences


class Page(SphinxDirective):
    """Question, protocol, result."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """From ``results.json``."""
        path = KEPT / self.arguments[0] / "results.json"
        self.env.note_dependency(str(path))
        return self.parse_text_to_nodes("\n".join(self.lines(read(path))))

    def lines(self, results: Results) -> Iterator[str]:
        """As reStructuredText."""
        study = results.study
        conclusion = results.conclusion()
        yield from [f"**{study.question}**", ""]
        yield from [f"Verdict on the claim: **{conclusion.verdict}**.", ""]
        yield from (f"- {_escaped(part)}" for part in sentences(conclusion.evidence))
        yield from ["", f".. figure:: {study.name}.png"]
        # With a width the picture links to itself: on a phone it has to be opened to be read.
        yield from [f"   :alt: {study.title}: the results below, drawn", "   :width: 100%", ""]
        yield from ["   Open the picture to see it in its own size.", ""]
        yield from [".. rubric:: Protocol", ""]
        yield from (f"- {_escaped(part)}" for part in tables.protocol(results))
        yield from [
            "",
            f"What would count as an answer, said beforehand: {_escaped(study.answer)}",
            "",
        ]
        yield from [".. rubric:: Numbers", ""]
        head = [_escaped(cell) for cell in tables.header(results)]
        body = [[_escaped(cell) for cell in row] for row in tables.rows(results)]
        yield from [".. rst-class:: study", ""]
        yield from list_table(head, body, None)
        yield from (f"- {_escaped(note)}" for note in tables.notes(results))
        made = ", ".join(f"{k} {v}" for k, v in results.versions.items())
        minutes = f"{results.seconds / 60:.0f} minutes of one core"
        full = any(d["source"] != "bundled" for d in results.data)
        variable = f"{VARIABLE}=~/data " if full else ""
        yield from ["", f"Made with {made}, in {minutes}, by", "", ".. code-block:: sh", ""]
        yield f"   {variable}apalu-ref study {study.name} --scale {results.scale}"


class Verdicts(SphinxDirective):
    """A row a study."""

    def run(self) -> list[nodes.Node]:
        """Those that are kept."""
        rows = []
        for name in NAMES:
            path = KEPT / name / "results.json"
            self.env.note_dependency(str(path))
            verdict = read(path).conclusion().verdict
            rows.append((f":doc:`{name}`", _escaped(find(name).question), verdict))
        lines = list_table(("study", "question", "the claim"), rows, (18, 62, 20))
        return self.parse_text_to_nodes("\n".join(lines))


class Claims(SphinxDirective):
    """A heading a claim; the evidence is too long for the cells of a table."""

    def run(self) -> list[nodes.Node]:
        """Computed now, and from the studies that are kept."""
        for name in NAMES:
            self.env.note_dependency(str(KEPT / name / "claim.json"))
        rows = claims.table()
        table = [(_escaped(r.claim), r.verdict, _escaped(r.condition)) for r in rows]
        lines = list(list_table(("claim", "verdict", "condition"), table, (50, 20, 30)))
        for row in rows:
            lines += [
                f"**{_escaped(row.claim)}:** {row.verdict}. Tested: {_escaped(row.tested)}.",
                "",
            ]
            lines += [f"- {_escaped(part)}" for part in sentences(row.evidence)] + [""]
        return self.parse_text_to_nodes("\n".join(lines))


def _escaped(text: str) -> str:
    for character in "\\*`|_":
        text = text.replace(character, "\\" + character)
    return text


def setup(app):
    """Register the directives."""
    app.add_directive("study", Page)
    app.add_directive("verdicts", Verdicts)
    app.add_directive("claims", Claims)
    return {"parallel_read_safe": True}
