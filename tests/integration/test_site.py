# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The site that ``make site`` built, in a browser without a network."""

from __future__ import annotations

import shutil

import pytest

from tests.lab import ROOT

pytest.importorskip("selenium")

from selenium.webdriver.common.by import By

from tests.integration.browser import chromium

HTML = ROOT / "build" / "site" / "html"

pytestmark = [
    pytest.mark.skipif(not shutil.which("chromedriver"), reason="chromium is not installed"),
    pytest.mark.skipif(not (HTML / "index.html").exists(), reason="the site is not built"),
]


# What a screen reader cannot announce, or a keyboard cannot move (axe-core's rules of these names).
UNSAID = """
const twice = [...document.querySelectorAll("[id]")].map(e => e.id)
    .filter((id, n, all) => all.indexOf(id) !== n);
const lost = document.querySelectorAll("[role=heading]:not([aria-level]), [aria-role], "
    + "pre:not([tabindex]), aside.sidebar-drawer:not([aria-label])");
return [...twice, ...[...lost].map(e => e.outerHTML.slice(0, 80))];
"""


def test_every_page_of_the_menu_opens_with_its_pictures_and_without_a_complaint():
    with chromium() as browser:
        browser.get((HTML / "index.html").as_uri())
        menu = browser.find_elements(By.CSS_SELECTOR, ".sidebar-tree a.reference.internal")
        pages = [link.get_attribute("href") for link in menu]
        assert len(pages) > 20
        for page in pages:
            browser.get(page)
            assert browser.find_element(By.TAG_NAME, "h1").text, page
            # Furo tells what it cannot work with on the page itself.
            assert "ERROR:" not in browser.execute_script("return document.body.innerText"), page
            lost = browser.execute_script(
                "return [...document.images].filter(i => i.complete && !i.naturalWidth)"
                ".map(i => i.src)"
            )
            assert lost == [], page
            severe = [m for m in browser.get_log("browser") if m["level"] == "SEVERE"]
            assert severe == [], page
            assert browser.execute_script(UNSAID) == [], page


# Each kind of page: own prose, wide tables, code, what antsibull-docs makes.
KINDS = ("overview", "troubleshooting", "benchmarks", "reference/server_module", "changelog")
# WCAG 2.2 §1.4.3: relative luminance of text and of what is behind it, 4.5 to 1 at least.
UNREADABLE = """
const seen = (colour) => colour.match(/[\\d.]+/g).map(Number);
const light = (colour) => seen(colour).slice(0, 3)
    .map((v) => v / 255).map((v) => v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
    .reduce((sum, v, n) => sum + v * [.2126, .7152, .0722][n], 0);
const behind = (element) => {
    for (; element; element = element.parentElement) {
        const colour = getComputedStyle(element).backgroundColor;
        if ((seen(colour)[3] ?? 1) > .9) return light(colour);
    }
    return 1;
};
const found = [], words = document.createTreeWalker(document.querySelector("article"), 4);
while (words.nextNode()) {
    const element = words.currentNode.parentElement;
    if (!words.currentNode.data.trim() || !element.getClientRects().length) continue;
    const colour = getComputedStyle(element).color;
    if ((seen(colour)[3] ?? 1) < .5) continue;
    const [a, b] = [light(colour), behind(element)].sort((x, y) => x - y);
    if ((b + .05) / (a + .05) < 4.5) found.push(element.outerHTML.slice(0, 80));
}
return found;
"""
HIDDEN = """
return [...document.querySelectorAll(".table-wrapper")]
    .filter((table) => table.scrollWidth > table.clientWidth + 2)
    .map((table) => table.innerText.slice(0, 40));
"""


def _shown(browser, width: int, scheme: str) -> None:
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", media)


def test_every_kind_of_page_can_be_read_in_the_light_in_the_dark_and_on_a_telephone():
    with chromium() as browser:
        for kind in KINDS:
            browser.get((HTML / f"{kind}.html").as_uri())
            for scheme in ("light", "dark"):
                _shown(browser, 1200, scheme)
                assert browser.execute_script(UNREADABLE) == [], (kind, scheme)
            assert browser.execute_script(HIDDEN) == [], kind
            _shown(browser, 360, "light")
            width = browser.execute_script("return document.documentElement.scrollWidth")
            assert width <= 360, kind
