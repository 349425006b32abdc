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
