"""Settings of the documentation site: `make docs` builds it from these pages, the docstrings and the command lines."""

import re
import sys
from importlib import import_module
from pathlib import Path
from typing import ClassVar

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.directives.code import CodeBlock

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE)]

from generators.write import write_pages  # noqa: E402 -- the path is set above

project = "gzprep and gztrain"
author = "the authors of gzprep"
copyright = "2026, the authors of gzprep"  # noqa: A001 -- the name that Sphinx wants
extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "sphinx_copybutton",
    "sphinx_design",
]
exclude_patterns = ["_build", "generators"]
suppress_warnings = ["myst.xref_missing"] if "linkcheck" in sys.argv else []

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
highlight_language = "text"
smartquotes = False  # two hyphens begin an option
copybutton_prompt_text = "$ "  # a block with a prompt is copied without its prompts and its output
copybutton_line_continuation_character = "\\"

autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
autodoc_default_options = {"members": True}
python_maximum_signature_line_length = 88
nitpicky = True
PUBLIC = re.findall(r"automodule:: (\S+)", "".join(page.read_text() for page in HERE.glob("reference/python-*.md")))
PAGES = "|".join(name for name in PUBLIC if name != "gztrain.data")  # a package: most modules in it have no page
# A reference into a module that has a page must lead somewhere. Others are shown as text: types of other packages,
# modules without a page, private names and type variables.
nitpick_ignore_regex = [("py:.*", rf"(?!({PAGES})\.).*"), ("py:.*", r".*\._\w+|.*\.\w+T|.*\.Annotated\[.*")]

html_theme = "pydata_sphinx_theme"
html_title = "gzprep and gztrain"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_sidebars = {"tutorial": []}  # it belongs to no section, so there is no list of its pages
html_show_sourcelink = False
html_theme_options = {
    "navbar_align": "left",
    "header_links_before_dropdown": 6,
    "show_toc_level": 2,
    "show_prev_next": True,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "navigation_with_keys": False,
}
linkcheck_timeout = 20
linkcheck_anchors = False

import_module("gztrain.api.runs")  # before autodoc does, which would take imports for types only as real ones
write_pages(HERE)


class CodeCell(CodeBlock):
    """A cell of a notebook, shown as code; tests/test_notebooks.py runs it."""

    option_spec: ClassVar[dict[str, object]] = {**CodeBlock.option_spec, "tags": str}

    def run(self) -> list[nodes.Node]:
        """Show the cell in Python's colours."""
        self.arguments = ["python"]
        return super().run()


def setup(app: Sphinx) -> None:
    """Tell Sphinx of the cells of notebooks."""
    app.add_directive("code-cell", CodeCell)
