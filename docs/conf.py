"""Settings of the documentation site: `make docs` builds it from these pages, the docstrings and the command lines."""

import os
import re
import sys
from importlib import import_module
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE)]

from generators.write import write_pages  # noqa: E402 -- the path is set above

project = "gzprep and gztrain"
author = "the authors of gzprep"
copyright = "2026, the authors of gzprep"  # noqa: A001 -- the name that Sphinx wants
extensions = [
    "myst_nb",
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

# Notebooks are run, each in a folder of its own, and their results are shown. They run again once they have changed.
nb_execution_mode = "cache"
nb_execution_in_temp = True
nb_execution_raise_on_error = True
nb_execution_show_tb = True
nb_execution_timeout = 600
nb_merge_streams = True
# For their kernels, which are processes of their own: where gzprep is, and no settings of the person who builds
# the site.
os.environ |= {"PYTHONPATH": str(HERE.parent), "IPYTHONDIR": str(HERE / "_build/ipython")}
PROFILE = HERE / "_build/ipython/profile_default"
PROFILE.mkdir(parents=True, exist_ok=True)
(PROFILE / "ipython_kernel_config.py").write_text("c.IPKernelApp.log_level = 'ERROR'\n")  # it warns of loopback
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
