"""The explorer inside a page of the site: ``.. explorer::``.

The folder ``explorer`` is a page of its own, which opens without a site. The directive takes from
it what stands in ``<main>``, so that the markup exists once. Style and scripts come with it.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

FOLDER = Path(__file__).resolve().parent / "explorer"

PAGE = (FOLDER / "index.html").read_text(encoding="utf-8")

SCRIPTS = re.findall(r'<script src="([\w.]+)" defer>', PAGE)
"""In the order in which they need one another."""

PARTS = ("index.html", "explorer.css", *SCRIPTS)
"""What a browser needs of the folder; it works as a page of its own in the site as well."""


class Explorer(SphinxDirective):
    """What stands in ``<main>`` of the explorer's own page."""

    def run(self) -> list[nodes.Node]:
        """As it is."""
        self.env.note_dependency(str(FOLDER / "index.html"))
        self.env.metadata[self.env.docname]["explorer"] = "yes"
        found = re.search(r"<main>(.*)</main>", PAGE, re.DOTALL)
        if found is None or not SCRIPTS:
            raise self.error("explorer/index.html has no <main>, or no scripts")
        return [nodes.raw("", found[1], format="html")]


def _copy(app):
    """To ``_static/explorer``, before the pages are written: their links carry checksums."""
    if app.builder.format == "html":
        target = Path(app.outdir, "_static", "explorer")
        target.mkdir(parents=True, exist_ok=True)
        for name in PARTS:
            shutil.copyfile(FOLDER / name, target / name)


def _load(app, pagename, templatename, context, doctree):
    """Style and scripts, for pages that show the explorer and no others."""
    if "explorer" in app.env.metadata.get(pagename, {}):
        app.add_css_file("explorer/explorer.css")
        for name in SCRIPTS:
            app.add_js_file(f"explorer/{name}", loading_method="defer")


def setup(app):
    """Register the directive."""
    app.add_directive("explorer", Explorer)
    app.connect("builder-inited", _copy)
    app.connect("html-page-context", _load)
    return {"parallel_read_safe": True}
