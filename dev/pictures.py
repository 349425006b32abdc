# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""``make pictures``: the demonstration as its terminal shows it, and the page that it leaves.

Both are taken from a run of ``make demo``, so the pictures show what a reader gets.
"""

from __future__ import annotations

import base64
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

from tests.integration.browser import chromium

ROOT = Path(__file__).parents[1]
IMAGES = ROOT / "docs" / "images"
PAGE = ROOT / "build" / "demo-report" / "audit.html"

_LINE, _CHARACTER, _MARGIN = 19, 8.43, 16
_FONT = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace"
_COLOURS = {"[": "#7aa2f7", "error": "#f7768e", "+ ": "#9ece6a", "- ": "#f7768e"}
_PLAIN, _BACKGROUND = "#c0caf5", "#1a1b26"


def terminal(lines: list[str]) -> str:
    """Lines of a terminal as an SVG document, with its text as text."""
    width = max(map(len, lines)) * _CHARACTER + 2 * _MARGIN
    height = (len(lines) + 2) * _LINE + _MARGIN
    shown = "\n".join(
        f'<text x="{_MARGIN}" y="{(number + 3) * _LINE - 4}" fill="{_colour(line)}">'
        f"{escape(line)}</text>"
        for number, line in enumerate(lines)
        if line.strip()
    )
    dots = "".join(
        f'<circle cx="{_MARGIN + 6 + 18 * n}" cy="18" r="6" fill="{colour}"/>'
        for n, colour in enumerate(("#f7768e", "#e0af68", "#9ece6a"))
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" viewBox="0 0 {width:.0f} {height}" '
        f'font-family="{_FONT}" font-size="14">\n'
        # Of the text itself: browsers' own style sheets set it there, so it would not be inherited.
        f"<style>text {{ white-space: pre }}</style>\n"
        f"<title>make demo</title>\n"
        f'<rect width="100%" height="100%" rx="8" fill="{_BACKGROUND}"/>\n{dots}\n{shown}\n</svg>\n'
    )


def _colour(line: str) -> str:
    return next((c for start, c in _COLOURS.items() if line.lstrip().startswith(start)), _PLAIN)


@dataclass(frozen=True)
class Shot:
    """How the page is looked at: pixels of CSS, and which colours the reader prefers."""

    width: int
    height: int
    scheme: str = "light"


SHOTS = {
    "audit-wide.png": Shot(1200, 900),
    "audit-narrow.png": Shot(390, 844),
    "audit-dark.png": Shot(1200, 900, "dark"),
}


def photograph(page: Path) -> None:
    """The page as a wide window, a phone and a reader in the dark see it."""
    with chromium() as browser:
        for name, shot in SHOTS.items():
            feature = {"name": "prefers-color-scheme", "value": shot.scheme}
            browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
            browser.execute_cdp_cmd(
                "Emulation.setDeviceMetricsOverride",
                {
                    "width": shot.width,
                    "height": shot.height,
                    "deviceScaleFactor": 1,
                    "mobile": shot.width < 600,
                },
            )
            browser.get(page.as_uri())
            taken = browser.execute_cdp_cmd("Page.captureScreenshot", {"format": "png"})
            (IMAGES / name).write_bytes(base64.b64decode(taken["data"]))


def main() -> int:
    """Run the demonstration and take its pictures; its exit status."""
    done = subprocess.run(
        [sys.executable, "-m", "dev.demo"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if done.returncode:
        print(done.stdout + done.stderr, file=sys.stderr)
        return done.returncode
    IMAGES.mkdir(exist_ok=True)
    lines = ["$ make demo", *done.stdout.replace(f"{ROOT}/", "").splitlines()]
    (IMAGES / "demo.svg").write_text(terminal(lines), encoding="utf-8")
    photograph(PAGE)
    return 0


if __name__ == "__main__":
    sys.exit(main())
