"""Sphinx settings. Build with `make docs`."""

import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent / "_ext"), str(Path(__file__).parent.parent)]

import tcproxy  # noqa: E402

project = "tcproxy"
author = "the tcproxy authors"
copyright = "2026, the tcproxy authors"
version = release = tcproxy.__version__
extensions = ["sphinx.ext.autodoc", "words"]
exclude_patterns = ["_build"]
html_theme = "alabaster"
html_static_path = ["_static"]
html_css_files = ["phone.css"]
nitpicky = False
