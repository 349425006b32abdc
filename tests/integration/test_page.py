# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The page in a real browser: it needs no network, filters, sorts, prints, runs nothing foreign."""

from __future__ import annotations

import base64
import os
import shutil
import time
from itertools import pairwise
from pathlib import Path

import pytest
from ansible_collections.groupvpn.junos.plugins.plugin_utils.audit import (
    drift,
    expectations,
    timeline,
)
from ansible_collections.groupvpn.junos.plugins.plugin_utils.audit import fleet as audit_fleet
from ansible_collections.groupvpn.junos.plugins.plugin_utils.audit import judgement as audit
from ansible_collections.groupvpn.junos.plugins.plugin_utils.audit import page as audit_page
from ansible_collections.groupvpn.junos.plugins.plugin_utils.audit.findings import (
    Finding,
    Kind,
    Severity,
)
from ansible_collections.groupvpn.junos.plugins.plugin_utils.audit.group_audit import Options
from ansible_collections.groupvpn.junos.plugins.plugin_utils.members.meaning import LIST_SHOWS

from tests.lab import ROOT

pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.select import Select

from tests.integration.browser import chromium

pytestmark = pytest.mark.skipif(
    shutil.which("chromium") is None or shutil.which("chromedriver") is None,
    reason="chromium and chromium-driver are not installed",
)
ARTEFACTS = ROOT / "build" / "screenshots"
HOSTILE = "</script><img src=x onerror=\"document.title='pwned'\"><script>document.title='pwned'"
NOW = 1_795_105_920.0


def groups(count: int, communication: str = "unicast") -> list[dict]:
    members = [
        {
            "gateway": f"gm-{n:06}",
            "address": f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}",
            "last_update": time.strftime("%a %b %d %Y %H:%M:%S", time.gmtime(NOW - n % 90_000)),
            "push_sent": 4,
            "push_acknowledged": 4 - (n % 50 == 0),
            "push_unacknowledged": int(n % 50 == 0),
        }
        for n in range(count)
    ]
    return [
        {
            "name": "GRP-0001",
            "id": 1,
            "communication": communication,
            "list_shows": LIST_SHOWS[communication],
            "members": members,
        }
    ]


def document(count: int) -> dict:
    """Three hosts: one with everything wrong, one good, one that was not reached."""
    many = groups(count)
    many[0]["members"][0]["gateway"] = HOSTILE
    expected = expectations.read_expected(
        {"GRP-0001": [m["address"] for m in many[0]["members"][:-3]] + ["192.0.2.7"]}
    )
    options = Options(now=NOW)
    bad = audit.audit(many, expected, options)
    bad["drift"] = drift.drift(groups(count - 1), bad["groups"])
    good = audit.audit(groups(3, "multicast"), {}, options)
    found = audit_fleet.document(
        {"hub-1": bad, "hub-2": good, "hub-3": {"unreachable": True, "msg": HOSTILE}},
        f"Audit {HOSTILE}",
        findings=[Finding("", "", Kind.HISTORY_UNREADABLE, Severity.WARNING, HOSTILE).as_dict()],
    )
    yesterday = {
        **found,
        "made_at": "2026-01-01T00:00:00Z",
        "hosts": {HOSTILE: found["hosts"]["hub-1"]},
    }
    found["history"] = timeline.timeline([yesterday, found])
    return found


@pytest.fixture(scope="module")
def browser():
    with chromium() as driver:
        yield driver


@pytest.fixture(scope="module")
def page(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("page") / "audit.html"
    path.write_text(audit_page.page(document(500)))
    return path


def opened(browser, path: Path):
    browser.get(path.as_uri())
    assert browser.execute_script("return document.documentElement.dataset.ready") == "yes"
    return browser


def count(browser) -> str:
    return browser.find_element(By.ID, "count").text


def column(browser, number: int) -> list[str]:
    return browser.execute_script(
        "return [...document.querySelectorAll('#members tbody tr:not(.spacer)')]"
        f".map((row) => row.cells[{number}].textContent)"
    )


def test_it_opens_without_a_network_and_without_an_error(browser, page):
    opened(browser, page)
    assert [line for line in browser.get_log("browser") if line["level"] == "SEVERE"] == []
    assert count(browser) == "504 of 504 members"
    assert "://" not in page.read_text().replace("http://www.w3.org/2000/svg", "")


def test_a_hostile_name_is_text_and_nothing_runs(browser, page):
    opened(browser, page)
    assert browser.title == f"Audit {HOSTILE}"
    assert browser.find_elements(By.TAG_NAME, "img") == []
    assert HOSTILE in column(browser, 2)
    assert HOSTILE in browser.find_element(By.TAG_NAME, "main").text


def test_searching_and_choosing_filter_the_members(browser, page):
    opened(browser, page)
    search = browser.find_element(By.ID, "search")
    search.send_keys("gm-00012")
    assert count(browser) == "10 of 504 members"
    assert all(name.startswith("gm-00012") for name in column(browser, 2))
    search.send_keys(" hub-2")
    assert count(browser) == "0 of 504 members"
    search.clear()
    search.send_keys(Keys.SPACE)
    Select(browser.find_element(By.ID, "state")).select_by_value("unexpected")
    assert count(browser) == "3 of 504 members"
    assert set(column(browser, 4)) == {"unexpected"}


def test_columns_sort_both_ways_and_say_so(browser, page):
    opened(browser, page)
    button = browser.find_element(By.CSS_SELECTOR, "button[data-key=address]")
    button.send_keys(Keys.ENTER)
    assert column(browser, 3)[:4] == ["10.0.0.0", "10.0.0.0", "10.0.0.1", "10.0.0.1"]
    header = button.find_element(By.XPATH, "..")
    assert header.get_attribute("aria-sort") == "ascending"
    button.send_keys(Keys.ENTER)
    assert header.get_attribute("aria-sort") == "descending"
    assert column(browser, 3)[0] == "192.0.2.7"


def test_scrolling_shows_the_last_member(browser, page):
    opened(browser, page)
    browser.execute_script(
        "const v = document.getElementById('viewport'); v.scrollTop = v.scrollHeight;"
    )
    end = time.monotonic() + 60
    while "gm-000002" not in column(browser, 2)[-1]:
        assert time.monotonic() < end
    assert len(column(browser, 2)) < 100


def test_it_prints(browser, page):
    opened(browser, page)
    printed = base64.b64decode(browser.print_page())
    assert printed.startswith(b"%PDF")
    ARTEFACTS.mkdir(parents=True, exist_ok=True)
    (ARTEFACTS / "audit.pdf").write_bytes(printed)
    assert len(printed) > 20_000


def test_on_paper_a_reader_in_the_dark_gets_dark_ink_and_no_scroll_bars(browser, page):
    dark = [{"name": "prefers-color-scheme", "value": "dark"}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print", "features": dark})
    try:
        opened(browser, page)
        ink, bars = browser.execute_script(
            "return [getComputedStyle(document.body).color,"
            " [...document.querySelectorAll('.scroll')].map((e) => getComputedStyle(e).overflowX)]"
        )
        assert (ink, set(bars)) == ("rgb(27, 31, 36)", {"visible"})
    finally:
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "", "features": []})


def test_on_paper_names_stand_in_a_line_and_each_sheet_has_the_heading(browser, tmp_path):
    """Names of hosts broke at each hyphen, and 200 members took three times the sheets."""
    path = tmp_path / "audit.html"
    path.write_text(audit_page.page(document(200)))
    opened(browser, path)
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    try:
        at_width(browser, 718)  # A4 without its margins
        browser.execute_script("dispatchEvent(new Event('beforeprint'))")
        browser.execute_script("dispatchEvent(new Event('resize'))")
        lines, cut, headings, buttons = browser.execute_script(
            "const all = [...document.querySelectorAll('#members td:nth-child(-n+5)')];"
            # But for the hostile name, which is too long for a line.
            "const usual = all.filter((e) => !e.parentElement.querySelector('.long'));"
            "return [Math.max(...usual.map((e) => e.offsetHeight)) + 100 * (usual.length < 900),"
            " all.filter((e) => e.scrollWidth > e.clientWidth + 1).length,"
            " [...document.querySelectorAll('h2, h3')].map((e) => getComputedStyle(e).breakAfter),"
            " [...document.querySelectorAll('th button')].map((e) => getComputedStyle(e).display)]"
        )
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
    assert (lines < 25, cut, set(headings), set(buttons)) == (True, 0, {"avoid"}, {"contents"})


# What is beside the table's last column, and numbers that stand in two lines.
FILLED = """
const head = document.querySelector("#members thead tr"), cells = [...head.cells];
const right = Math.max(...cells.map((cell) => cell.getBoundingClientRect().right));
const found = Math.abs(right - head.getBoundingClientRect().right) > 1 ? ["beside the table"] : [];
for (const number of document.querySelectorAll(".tiles b")) {
  const before = number.getBoundingClientRect().height, text = number.textContent;
  number.textContent = "10171";
  if (number.getBoundingClientRect().height > before || number.scrollWidth > number.clientWidth)
    found.push(text);
  number.textContent = text;
}
return found;
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1200, 360])
def test_it_fits_wide_and_narrow_light_and_dark(browser, page, scheme, width):
    browser.execute_cdp_cmd(
        "Emulation.setEmulatedMedia",
        {"features": [{"name": "prefers-color-scheme", "value": scheme}]},
    )
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False},
    )
    try:
        opened(browser, page)
        overflow = browser.execute_script(
            "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        assert overflow <= 0
        assert browser.execute_script(FILLED) == []
        background = browser.execute_script(
            "return getComputedStyle(document.body).backgroundColor"
        )
        assert background == {"light": "rgb(255, 255, 255)", "dark": "rgb(15, 20, 25)"}[scheme]
        ARTEFACTS.mkdir(parents=True, exist_ok=True)
        browser.save_screenshot(str(ARTEFACTS / f"audit-{scheme}-{width}.png"))
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def test_it_can_be_used_by_keyboard_and_screen_reader(browser, page):
    opened(browser, page)
    unnamed = browser.execute_script(
        "return [...document.querySelectorAll('input, select, button')].filter("
        "(e) => !(e.labels && e.labels.length) && !e.textContent.trim()).length"
    )
    assert unnamed == 0
    levels = browser.execute_script(
        "return [...document.querySelectorAll('h1, h2, h3')].map((h) => +h.tagName[1])"
    )
    assert levels[0] == 1
    assert 1 not in levels[1:]
    assert all(after <= before + 1 for before, after in pairwise(levels))
    seen = []
    for _ in range(20):
        browser.switch_to.active_element.send_keys(Keys.TAB)
        seen.append(browser.switch_to.active_element.get_attribute("id"))
    assert seen.index("search") < seen.index("group") < seen.index("state")
    assert "viewport" in seen
    landmarks = browser.execute_script(
        "return [...document.querySelectorAll('section, [role=region]')]"
        ".map((e) => e.getAttribute('aria-labelledby'))"
    )
    assert None not in landmarks
    assert len(set(landmarks)) == len(landmarks)


@pytest.mark.parametrize(("width", "wide"), [(360, True), (2400, False)])
def test_what_is_wider_than_its_place_is_scrolled_by_keyboard(browser, page, width, wide):
    at_width(browser, width)
    try:
        opened(browser, page)
        # The observer of sizes speaks after the layout, before the second frame.
        places = browser.execute_async_script(
            "const done = arguments[0];"
            "document.querySelectorAll('details').forEach((e) => { e.open = true; });"
            "requestAnimationFrame(() => requestAnimationFrame(() => done("
            " [...document.querySelectorAll('.scroll')].map((e) =>"
            " [e.scrollWidth > e.clientWidth, e.tabIndex, e.getAttribute('role')]))))"
        )
        assert any(scrolls for scrolls, _, _ in places) == wide
        assert all(stop == (0 if scrolls else -1) for scrolls, stop, _ in places)
        assert {role for _, _, role in places} == {"group"}
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_what_is_wrong_is_read_before_who_is_there(browser, page):
    opened(browser, page)
    headings = [h.text for h in browser.find_elements(By.CSS_SELECTOR, "h2")]
    assert headings == [
        "About this audit",
        "Groups that need attention",
        "Findings by site",
        "Since the last audit",
        "Members over time",
        "Age and acknowledgement",
        "Members",
    ]
    named = browser.execute_script(
        "return [...document.querySelectorAll('section, .timeline')].every((e) =>"
        " document.getElementById(e.getAttribute('aria-labelledby'))?.textContent.trim())"
    )
    assert named


def test_the_counts_of_earlier_audits_are_drawn_and_stand_in_a_table(browser, page):
    opened(browser, page)
    captions = [c.text for c in browser.find_elements(By.CSS_SELECTOR, "figcaption[id]")]
    assert f"{HOSTILE} GRP-0001: not read now, 500 before" in captions
    assert browser.find_elements(By.CSS_SELECTOR, ".timeline circle")
    rows = browser.execute_script(
        "return [...document.querySelectorAll('details tbody tr')].map("
        "(row) => [...row.cells].map((cell) => cell.textContent))"
    )
    assert ["hub-2", "GRP-0001", "not read", "3"] in rows


def printed_rows(browser):
    """What is on the page while it is printed, and how high that is."""
    return browser.execute_script(
        "dispatchEvent(new Event('beforeprint'));"
        "const told = [document.querySelectorAll('#members tbody tr').length,"
        " document.querySelectorAll('#members .spacer').length,"
        " document.getElementById('unprinted').textContent];"
        "dispatchEvent(new Event('afterprint')); return told;"
    )


@pytest.mark.parametrize(
    ("members", "told"),
    [(5, [9, 0, ""]), (2_500, [2_000, 0, "504 more members are in members.csv."])],
)
def test_on_paper_every_row_is_a_member_and_the_rest_is_counted(browser, tmp_path, members, told):
    path = tmp_path / "audit.html"
    path.write_text(audit_page.page(document(members)))
    opened(browser, path)
    assert printed_rows(browser) == told


def test_the_first_screen_does_not_need_the_script(page):
    text = page.read_text()
    assert "hub-3" in text.split("<script")[0]
    assert os.linesep + "<noscript>" in text


def at_width(browser, width):
    metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)


def test_on_a_telephone_no_finding_is_cut_off(browser, page):
    at_width(browser, 360)
    try:
        opened(browser, page)
        cut = browser.execute_script(
            "return [...document.querySelectorAll('.cards td')].filter((td) => {"
            " const box = td.getBoundingClientRect();"
            " return box.width && (box.right > innerWidth || td.scrollWidth > td.clientWidth);"
            "}).map((td) => td.textContent)"
        )
        assert cut == []
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_a_short_list_leaves_no_empty_box(browser, tmp_path):
    path = tmp_path / "audit.html"
    path.write_text(audit_page.page(document(5)))
    opened(browser, path)
    empty = browser.execute_script(
        "const v = document.getElementById('viewport');"
        "return v.getBoundingClientRect().height"
        " - document.getElementById('members').getBoundingClientRect().height"
    )
    assert 0 <= empty < 4


def test_who_is_missing_is_a_row_and_names_sort_as_people_count(browser, tmp_path):
    listed = groups(3)
    for member, name in zip(listed[0]["members"], ("gm-10", "gm-9", "gm-2"), strict=True):
        member["gateway"] = name
    expected = expectations.read_expected({"GRP-0001": [{"gateway": "gm-1", "site": "Bern"}]})
    path = tmp_path / "audit.html"
    result = audit.audit(listed, expected, Options(now=NOW))
    path.write_text(audit_page.page(audit_fleet.document({"hub-1": result}, "Audit")))
    opened(browser, path)
    assert column(browser, 2) == ["gm-1", "gm-2", "gm-9", "gm-10"]
    browser.find_element(By.CSS_SELECTOR, "button[data-key=gateway]").click()
    assert column(browser, 2) == ["gm-1", "gm-2", "gm-9", "gm-10"]
    assert column(browser, 4)[0] == "missing"
    assert column(browser, 7)[0] == "Bern"
    browser.find_element(By.ID, "search").send_keys("bern")
    assert column(browser, 2) == ["gm-1"]


@pytest.fixture
def long_named(tmp_path) -> Path:
    """A page with names as long as devices take them."""
    found = document(30)
    found["hosts"] = {
        f"{'datacentre' * 6}{n}": one for n, one in enumerate(found["hosts"].values())
    }
    for host in found["hosts"].values():
        for group in host.get("groups", ()):
            group["name"] = "G" * 32
            for one in group["members"][::3]:
                one["gateway"] = "x" * 63
    path = tmp_path / "audit.html"
    path.write_text(audit_page.page(found))
    return path


def test_a_long_name_leaves_the_findings_in_sight(browser, long_named):
    at_width(browser, 1200)
    try:
        opened(browser, long_named)
        hidden = browser.execute_script(
            "return [...document.querySelectorAll('.scroll')]"
            ".map((e) => e.scrollWidth - e.clientWidth)"
        )
        assert set(hidden) <= {0}
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_on_paper_no_name_pushes_others_off_the_sheet(browser, long_named):
    """A host's name of 60 characters took the columns behind it off A4, and nobody was told."""
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    try:
        at_width(browser, 718)  # A4 without its margins
        opened(browser, long_named)
        browser.execute_script("dispatchEvent(new Event('beforeprint'))")
        assert browser.execute_script("return document.documentElement.scrollWidth") <= 718
        # Words of one line, such as "compliant", stay whole.
        assert (
            browser.execute_script(
                "return [...document.querySelectorAll('.tiles li')].map((e) => e.lastChild)"
                ".filter((word) => !word.data.trim().includes(' ')).map((word) => {"
                " const place = document.createRange(); place.selectNode(word);"
                " return place.getClientRects().length; })"
            )
            == [1] * 8
        )
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
