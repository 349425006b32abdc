# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""``make site``: the pages of docs/ and the reference that antsibull-docs makes, as one site.

Nothing is fetched; a warning is an error, and so is a link that leads nowhere. Pages link
to each other as they do in the repository: links that leave docs/ are turned to the site's pages.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from dev.module_pages import MODULES, ROLES
from dev.site.links import broken_links

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
REPOSITORY = "https://github.com/groupvpn/junos/blob/main"
# Furo has a list of a page's parts beside it, and calls a second one in the page an error.
_LIST_OF_PARTS = re.compile(r"^\.\. contents::\n(?: +\S.*\n)+", re.MULTILINE)
# antsibull-changelog names headings, as the site does by itself.
_NAMED = re.compile(r'^<a id="[^"]*"></a>\n', re.MULTILINE)
_LINK = re.compile(r"\]\((?P<target>[^)#\s]+)(?P<anchor>#[^)]*)?\)")

# Pages of the repository that stand outside docs/: their name on the site.
ELSEWHERE = {
    "README.md": "overview.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
}
# What Furo and antsibull-docs leave unsaid to who hears a page, or goes through it by keyboard.
SAID = {
    '<p class="caption" role="heading">': '<p class="caption" role="heading" aria-level="2">',
    '<aside class="sidebar-drawer">': '<aside class="sidebar-drawer" aria-label="All pages">',
    ' aria-role="button"': "",
    "<pre>": '<pre tabindex="0">',
    "<p><img ": '<p tabindex="0"><img ',
}
# What the reference has in full, and its page there.
IN_REFERENCE = {f"docs/modules/{name}.md": f"reference/{name}_module.rst" for name in MODULES} | {
    f"roles/{name}/README.md": f"reference/{name}_role.rst" for name in ROLES
}


def pages() -> dict[Path, Path]:
    """Every page that is copied: its file in the repository, its place on the site."""
    inside = {
        file.relative_to(ROOT): file.relative_to(ROOT / "docs")
        for file in sorted((ROOT / "docs").rglob("*.md"))
        if str(file.relative_to(ROOT)) not in IN_REFERENCE
    }
    return inside | {Path(file): Path(place) for file, place in ELSEWHERE.items()}


def turned(text: str, file: Path, placed: dict[Path, Path]) -> str:
    """A page's text with links that hold on the site."""

    def turn(match: re.Match[str]) -> str:
        target, anchor = match["target"], match["anchor"] or ""
        if "://" in target or target.startswith("mailto:"):
            return match[0]
        meant = Path(os.path.normpath(file.parent / target))
        if str(meant) in IN_REFERENCE:
            anchor, target = "", os.path.relpath(IN_REFERENCE[str(meant)], placed[file].parent)
        elif meant in placed:
            target = os.path.relpath(placed[meant], placed[file].parent)
        elif (ROOT / meant).is_relative_to(ROOT / "docs"):
            target = os.path.relpath(meant.relative_to("docs"), placed[file].parent)
        else:
            target = f"{REPOSITORY}/{meant}"
        return f"]({target}{anchor})"

    return _LINK.sub(turn, _NAMED.sub("", text))


def write_pages(source: Path) -> None:
    """Pages, pictures and settings into Sphinx's source directory."""
    placed = pages()
    for file, place in placed.items():
        page = source / place
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(turned((ROOT / file).read_text("utf-8"), file, placed), "utf-8")
    for folder in ("images", "examples"):
        shutil.copytree(ROOT / "docs" / folder, source / folder)
    for own in ("conf.py", "index.md", "ansible.rst", "own.css"):
        shutil.copy(HERE / own, source)


def write_reference(source: Path, programs: Path) -> None:
    """What modules, roles, filters and the connection say of themselves."""
    reference = source / "reference"
    reference.mkdir(mode=0o700)
    command = [
        str(programs / "antsibull-docs"),
        "collection",
        "--use-current",
        "--squash-hierarchy",
    ]
    command += ["--fail-on-error", "--dest-dir", str(reference), "groupvpn.junos"]
    collections = str(ROOT / "build" / "collections")
    environment = {**os.environ, "ANSIBLE_COLLECTIONS_PATH": collections}
    environment["PATH"] = os.pathsep.join([str(programs), environment["PATH"]])
    # antsibull-docs keeps a log there, and Ansible its files: not in the developer's own.
    environment["HOME"] = str(source.parent)
    subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)
    for page in reference.rglob("*.rst"):
        page.write_text(_LIST_OF_PARTS.sub("", page.read_text("utf-8")), "utf-8")


def say_to_all(html: Path) -> None:
    """Put into the built pages what they lack for screen readers and keyboards."""
    for page in html.rglob("*.html"):
        text = page.read_text("utf-8")
        for unsaid, said in SAID.items():
            text = text.replace(unsaid, said)
        page.write_text(text, "utf-8")


def main(place: Path, programs: Path) -> int:
    """Build below ``place`` with the programs of a directory; Sphinx's exit status."""
    shutil.rmtree(place, ignore_errors=True)
    source = place / "source"
    source.mkdir(parents=True)
    write_pages(source)
    write_reference(source, programs)
    sphinx = [str(programs / "sphinx-build"), "-W", "--keep-going", "-q", "-b", "html"]
    html = place / "html"
    status = subprocess.run([*sphinx, str(source), str(html)], check=False).returncode
    say_to_all(html)
    broken = broken_links(html)
    print(*broken, sep="\n", end="\n" if broken else "")
    if status == 0 and not broken:
        print(f"site: {html / 'index.html'}")
    return status or bool(broken)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).absolute(), Path(sys.argv[2]).absolute()))
