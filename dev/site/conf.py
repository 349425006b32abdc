# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Sphinx's settings, for make site."""

project = "groupvpn.junos"
copyright = "groupvpn.junos contributors"
extensions = ["myst_parser", "sphinx_antsibull_ext"]
html_theme = "furo"
html_title = "groupvpn.junos"
html_static_path = ["own.css"]
html_css_files = ["own.css"]
myst_heading_anchors = 3
# Links to the documentation of others would be looked up in the network.
intersphinx_mapping: dict[str, str] = {}
# Tables of figures have small headings below a large one.
suppress_warnings = ["myst.header"]
