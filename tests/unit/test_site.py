# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Links of the documents hold on the site; a link that leads nowhere is found."""

from __future__ import annotations

from pathlib import Path

import pytest

from dev.site.__main__ import REPOSITORY, pages, turned
from dev.site.links import broken_links


@pytest.mark.parametrize(
    ("file", "link", "place"),
    [
        ("README.md", "![x](docs/images/demo.svg)", "![x](images/demo.svg)"),
        ("README.md", "[x](docs/howto/ci.md#gitlab)", "[x](howto/ci.md#gitlab)"),
        ("README.md", "[x](docs/modules/server.md#options)", "[x](reference/server_module.rst)"),
        ("README.md", "[x](LICENSE)", f"[x]({REPOSITORY}/LICENSE)"),
        ("docs/audit.md", "[x](examples/a.json)", "[x](examples/a.json)"),
        ("docs/howto/ci.md", "[x](../../CONTRIBUTING.md)", "[x](../contributing.md)"),
        ("docs/howto/ci.md", "[x](https://example.net/a)", "[x](https://example.net/a)"),
    ],
)
def test_a_link_of_the_repository_is_turned_to_the_sites_page(file, link, place):
    assert turned(link, Path(file), pages()) == place


@pytest.fixture
def site(tmp_path) -> Path:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "page.html").write_text('<h1 id="top-ä">A page</h1>')
    (tmp_path / "picture.svg").write_text("<svg/>")
    return tmp_path


@pytest.mark.parametrize(
    "link",
    [
        "deep/page.html",
        "deep/page.html#top-ä",
        "deep/page.html#top-%C3%A4",
        "picture.svg?v=1",
        "#here",
        "#",
        "https://example.net/nowhere",
        "mailto:a@example.net",
    ],
)
def test_a_link_that_leads_somewhere_is_no_finding(site, link):
    (site / "index.html").write_text(f'<p id="here"><a href="{link}">x</a><img src="picture.svg">')
    assert broken_links(site) == []


@pytest.mark.parametrize(
    "link", ["page.html", "deep/page.html#nowhere", "#nowhere", "picture.svg#part", "deep/"]
)
def test_a_link_that_leads_nowhere_is_named_with_its_page_once(site, link):
    (site / "index.html").write_text(f'<a href="{link}">x</a><img src="{link}">')
    assert broken_links(site) == [f"index.html: {link}"]
