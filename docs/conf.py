"""How the pages are built: ``make docs``."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

from sphinx.application import Sphinx

import fastigial

HERE = Path(__file__).resolve().parent

project = "fastigial"
author = "The fastigial developers"
project_copyright = "the fastigial developers"
version = release = fastigial.__version__

extensions = ["sphinx.ext.autodoc", "sphinx.ext.autosummary", "sphinx.ext.mathjax", "numpydoc", "myst_nb"]
# myst-nb leaves executed notebooks beside the output folder.
exclude_patterns = ["_build", "jupyter_execute"]
templates_path = ["_templates"]

html_theme = "furo"
html_title = f"fastigial {version}"
html_show_sourcelink = False
html_show_sphinx = False

myst_enable_extensions = ["dollarmath", "colon_fence", "deflist"]
myst_heading_anchors = 3

autosummary_generate = True
autodoc_typehints = "none"
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False
numpydoc_xref_param_type = False


def copy_notebooks() -> None:
    """Bring the notebooks below docs/, where Sphinx looks; unchanged copies keep their date."""
    target = HERE / "notebooks"
    target.mkdir(exist_ok=True)
    for notebook in sorted((HERE.parent / "notebooks").glob("[0-9][0-9]_*.ipynb")):
        copy = target / notebook.name
        if not copy.exists() or copy.read_bytes() != notebook.read_bytes():
            shutil.copyfile(notebook, copy)


copy_notebooks()

# Executed once for each state of a notebook, and apart for the recordings and the simulation: the cache knows
# only the notebook's text.
WITH_RECORDINGS = "recorded" if os.environ.get("FASTIGIAL_DATA") else "simulated"
nb_execution_mode = "cache"
nb_execution_cache_path = str(HERE / "_build" / "jupyter" / WITH_RECORDINGS)
nb_execution_timeout = 300
nb_execution_raise_on_error = True
nb_execution_show_tb = True
nb_merge_streams = True


def quote_learned_values(app: object, what: str, name: str, obj: object, options: object, lines: list[str]) -> None:
    """Quote shapes such as (n_iter_,): reST takes the underscore of a learned value for a link."""
    del app, what, name, obj, options
    lines[:] = [re.sub(r"\((\w+_),\)", r"(``\1``,)", line) for line in lines]


def setup(app: Sphinx) -> None:
    """Run before numpydoc, which listens to the same event."""
    app.connect("autodoc-process-docstring", quote_learned_values, priority=400)
