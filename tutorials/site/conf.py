"""Sphinx settings of the project's site: ``python -m sphinx -b html tutorials/site build/site``.

Building needs no network and what is built loads nothing from one.
"""

import sys
from pathlib import Path

from docutils import nodes
from docutils.utils.math import latex2mathml
from sphinx.util import logging

_HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(_HERE.parents[1]), str(_HERE)]

from apalu_ref import __version__

project = "apalu-ref"
author = "The apalu-ref authors"
copyright = "2026, the apalu-ref authors. Text: CC BY 4.0. Code: MIT"
version = release = __version__

extensions = [
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.viewcode",
    "sphinx_gallery.gen_gallery",
    "kit_tables",
    "study_pages",
    "explorer_page",
]

# Types are in the numpydoc sections; in the signatures they would only be in the way.
autodoc_typehints = "none"
autodoc_member_order = "bysource"
numpydoc_show_class_members = False
# What only tests need is not needed to build the site.
autodoc_mock_imports = ["pytest"]

sphinx_gallery_conf = {
    "examples_dirs": "..",
    "gallery_dirs": "gallery",
    "filename_pattern": r"[/\\]\d\d_\w+\.py$",
    "ignore_pattern": r"[/\\](site|subjects|exercises)[/\\]",
    "within_subsection_order": "FileNameSortKey",
    "abort_on_example_error": True,
    # The scripts print what they have to say; the value of a last line is not part of it.
    "capture_repr": (),
    "image_srcset": ["2x"],
    "backreferences_dir": None,
    # Timings would tell of the machine that built the page.
    "min_reported_time": 1_000_000,
    "write_computation_times": False,
    "show_memory": False,
    "show_signature": False,
}

html_theme = "furo"
html_title = "apalu-ref"
html_show_sphinx = False
html_copy_source = False
html_static_path = ["static"]
html_css_files = ["site.css"]
html_js_files = ["pictures.js"]
# Straight quotes, in code and in sets of values alike: they are there to be copied.
smartquotes_action = "De"
html_math_renderer = "mathml"


def _mathml(self, node, block):
    """Formulas as MathML, which browsers draw themselves: no script and no network."""
    tex = node.astext()
    try:
        mathml = latex2mathml.tex2mathml(tex, as_block=block)
    except ValueError as error:
        logging.getLogger(__name__).warning("formula %r: %s", tex, error, location=node)
        mathml = self.encode(tex)
    self.body.append(f'<div class="math">{mathml}</div>' if block else mathml)
    raise nodes.SkipNode


def _skip_fields(app, what, name, obj, skip, options):
    """Fields of named tuples have no text but Python's own, which says nothing."""
    return True if str(getattr(obj, "__doc__", "")).startswith("Alias for field") else None


def setup(app):
    """Register the renderer of formulas, and what the reference leaves out."""
    app.connect("autodoc-skip-member", _skip_fields)
    app.add_html_math_renderer(
        "mathml",
        inline_renderers=(lambda self, node: _mathml(self, node, block=False), None),
        block_renderers=(lambda self, node: _mathml(self, node, block=True), None),
    )
