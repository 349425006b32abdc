# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Links inside a built site: every file and every anchor that a page names is there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

from lxml import html

_NAMES = ("href", "src")


def broken_links(site: Path) -> list[str]:
    """``page: link`` for each link that leads nowhere in the site; other sites are left out."""
    utf8 = html.HTMLParser(encoding="utf-8")
    trees = {page: html.parse(str(page), utf8) for page in sorted(site.rglob("*.html"))}
    anchors = {page: set(tree.xpath("//@id | //a/@name")) for page, tree in trees.items()}
    return [
        f"{page.relative_to(site)}: {link}"
        for page, tree in trees.items()
        for link in dict.fromkeys(_links(tree))
        if not _leads_somewhere(page, link, anchors)
    ]


def _links(tree: html.HtmlElement) -> Iterator[str]:
    for name in _NAMES:
        yield from tree.xpath(f"//@{name}")


def _leads_somewhere(page: Path, link: str, anchors: dict[Path, set[str]]) -> bool:
    parts = urlsplit(link)
    if parts.scheme or parts.netloc:
        return True
    file = (page.parent / unquote(parts.path)).resolve() if parts.path else page
    if file not in anchors:
        return file.is_file() and not parts.fragment
    # "#" alone is the top of a page.
    return not parts.fragment or unquote(parts.fragment) in anchors[file]
