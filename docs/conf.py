"""Sphinx settings. The build needs no network."""

from importlib.metadata import version as version_of

project = "retrain_assets"
copyright = "the retrain_assets developers"
release = version = version_of("retrain_assets")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"retrain_assets {release}"

myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3

autodoc_typehints = "description"
autodoc_member_order = "bysource"
# Nothing is fetched, so names of other projects have no pages to link to.
nitpick_ignore_regex = [("py:.*", r"(?!retrain_assets(\.|$)).*")]
