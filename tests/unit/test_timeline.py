# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The number of members over several audits: what is carried, what is a gap, what is drawn."""

from __future__ import annotations

import json
import time

import pytest
from ansible_collections.groupvpn.junos.plugins.plugin_utils.audit import (
    files,
    fleet,
    page,
    timeline,
)
from ansible_collections.groupvpn.junos.plugins.plugin_utils.errors import Refused
from lxml import etree

from tests.unit.test_audit import NOW, found, group, member

DAY = 86_400


def audited(day, count=None, host="hub-1", **more):
    """The document of one host on a day; without a count it was not reached."""
    members = [member(f"192.0.2.{n}", f"gm-{n}") for n in range(1, (count or 0) + 1)]
    audit = {"unreachable": True} if count is None else found([group(*members)])
    return fleet.document({host: audit}, "Fleet", now=NOW + day * DAY, **more)


def counts(history):
    return {(line["host"], line["group"]): line["members"] for line in history["series"]}


def test_each_audit_is_a_point_in_the_order_of_time():
    history = timeline.timeline([audited(2, 3), audited(0, 5), audited(1, 4)])
    assert history["made_at"] == sorted(history["made_at"])
    assert counts(history) == {("hub-1", "G1"): [5, 4, 3]}


def test_a_host_that_was_not_read_leaves_a_gap_and_an_empty_list_is_0():
    history = timeline.timeline([audited(0, 5), audited(1), audited(2, 0), audited(3, 2)])
    assert counts(history) == {("hub-1", "G1"): [5, None, 0, 2]}


def test_a_group_that_was_not_there_in_an_audit_is_a_gap_there():
    history = timeline.timeline([audited(0, 1), audited(1, 2, host="hub-2")])
    assert counts(history) == {("hub-1", "G1"): [1, None], ("hub-2", "G1"): [None, 2]}


def test_an_audit_of_an_earlier_release_without_states_counts_what_it_read():
    old = audited(0, 5)
    del old["hosts"]["hub-1"]["state"]
    gone = audited(1)
    del gone["hosts"]["hub-1"]["state"]
    gone["hosts"]["hub-1"]["groups"] = audited(1, 1)["hosts"]["hub-1"]["groups"]
    assert counts(timeline.timeline([old, gone, audited(2, 3)])) == {("hub-1", "G1"): [5, None, 3]}


def test_the_last_file_carries_the_counts_of_those_before_it():
    last = audited(0, 5)
    for day, count in enumerate((4, None, 6), 1):
        now = audited(day, count)
        now["history"] = timeline.timeline([last, now])
        last = json.loads(json.dumps(now))
    assert counts(last["history"]) == {("hub-1", "G1"): [5, 4, None, 6]}
    assert timeline.is_whole(last)


def test_an_audit_after_a_clock_was_turned_back_is_the_newest_one_all_the_same():
    """It was taken for an older one, and beside a hundred of later dates it was dropped."""
    earlier = [audited(day, 5) for day in range(100)]
    now = audited(-9, 3)
    history = timeline.timeline([*earlier, now], now["made_at"])
    assert len(history["made_at"]) == timeline.MOST_AUDITS
    (line,) = timeline.most_changed(history)
    assert (line["words"], line["change"]) == ("3 now, 5 before", -2)
    _, dots = shapes(history["made_at"], line["members"])
    assert dots[-1][0] == min(x for x, _ in dots) == 6
    # The next one finds it at its place in time.
    then = timeline.timeline([{**now, "history": history}, audited(101, 4)])
    assert then["made_at"] == sorted(then["made_at"])


def test_two_audits_of_one_second_are_a_point_with_the_lists_of_both():
    history = timeline.timeline([audited(0, 5), audited(0, 4, host="hub-2")])
    assert counts(history) == {("hub-1", "G1"): [5], ("hub-2", "G1"): [4]}


def test_an_earlier_audit_that_is_still_to_come_is_told():
    past = audited(0, 5)
    carrying = {**past, "history": timeline.timeline([audited(3, 5)])}
    between = audited(3, 5, pending=["hub-2"])
    found = timeline.still_to_come([past, carrying, between], NOW + 60)
    assert [(one["kind"], one["severity"]) for one in found] == [("clock", "warning")] * 2
    assert timeline.still_to_come([past, carrying, between], NOW + 3 * DAY) == []


def test_a_report_between_two_batches_of_a_play_is_no_point_of_its_own():
    first = audited(0, 5)
    between = audited(1, 4, pending=["hub-2"])
    between["history"] = timeline.timeline([first, between])
    assert counts(timeline.timeline([between, audited(2, 3)])) == {("hub-1", "G1"): [5, 3]}


def test_only_the_last_hundred_audits_are_kept():
    history = timeline.timeline([audited(day, day % 7) for day in range(130)])
    assert len(history["made_at"]) == timeline.MOST_AUDITS == 100
    assert counts(history)["hub-1", "G1"] == [day % 7 for day in range(30, 130)]


@pytest.mark.parametrize(
    "history",
    [
        {"made_at": None, "series": []},
        {"made_at": ["yesterday"], "series": []},
        {"made_at": ["2026-01-01T00:00:00Z"]},
        {"made_at": [], "series": [None]},
        {"made_at": [], "series": [{"host": "a", "group": 1, "members": []}]},
        {"made_at": [], "series": [{"host": "a", "group": "G", "members": [1]}]},
        {
            "made_at": ["2026-01-01T00:00:00Z"],
            "series": [{"host": "a", "group": "G", "members": [True]}],
        },
        {
            "made_at": ["2026-01-01T00:00:00Z"],
            "series": [{"host": "a", "group": "G", "members": ["5"]}],
        },
    ],
)
def test_a_history_that_does_not_fit_together_is_a_finding_and_no_count(tmp_path, history):
    document = audited(0, 5)
    document["history"] = history
    path = tmp_path / "audit.json"
    path.write_text(json.dumps(document))
    documents, findings = files.read_history([path])
    assert documents == []
    (finding,) = findings
    assert (finding["kind"], finding["severity"]) == ("history_unreadable", "warning")
    assert str(path) in finding["why"]


@pytest.mark.parametrize("made_at", [None, 5, "", "2026-01-01", "2026-13-01T00:00:00Z"])
def test_an_audit_without_a_time_is_none_of_a_history(tmp_path, made_at):
    document = {**audited(0, 5), "made_at": made_at}
    path = tmp_path / "audit.json"
    path.write_text(json.dumps(document))
    assert [f["severity"] for f in files.read_history([path])[1]] == ["warning"]


def test_a_file_that_is_not_there_yet_is_a_note_and_a_damaged_one_a_warning(tmp_path):
    damaged = tmp_path / "damaged.json"
    damaged.write_text("{")
    documents, findings = files.read_history([tmp_path / "none.json", damaged, tmp_path])
    assert documents == []
    assert [f["severity"] for f in findings] == ["info", "warning", "warning"]
    with pytest.raises(Refused):
        files.read_document(damaged)


def test_a_finding_about_the_fleet_is_counted_and_told_in_every_file(tmp_path):
    damaged = tmp_path / "damaged.json"
    damaged.write_text("{")
    _, findings = files.read_history([damaged])
    document = audited(0, 1, findings=findings)
    assert (document["worst"], document["summary"]["by_severity"]["warning"]) == ("warning", 1)
    contents = files.files(document)
    assert "damaged.json" in contents["audit.html"].split("<script")[0]
    assert 'failures="1"' in contents["junit.xml"]
    assert "damaged.json" in contents["junit.xml"]
    assert 'groupvpn_findings{host="",severity="warning"} 1' in contents["audit.prom"]


def shapes(made_at, members):
    svg = etree.fromstring(timeline.drawn(made_at, members))
    lines = [line.get("points").split(" ") for line in svg.findall("polyline")]
    return lines, [(float(c.get("cx")), float(c.get("cy"))) for c in svg.findall("circle")]


TIMES = [f"2026-01-0{day}T00:00:00Z" for day in range(1, 7)]


def test_a_line_is_broken_where_an_audit_has_no_count():
    lines, dots = shapes(TIMES, [4, 4, None, 2, None, 0])
    assert [len(line) for line in lines] == [2]
    assert len(dots) == 4
    assert dots[0][1] < dots[2][1] < dots[3][1]


def test_time_is_to_scale():
    _, dots = shapes([TIMES[0], TIMES[1], TIMES[5]], [1, 1, 1])
    first, second, last = (x for x, _ in dots)
    assert (second - first) / (last - first) == pytest.approx(1 / 5, abs=0.01)


def test_one_member_of_many_who_is_gone_moves_the_line():
    _, dots = shapes(TIMES[:3], [500, 499, 500])
    assert dots[0][1] < dots[1][1] > dots[2][1]


@pytest.mark.parametrize("zone", ["Europe/Zurich", "UTC"])
def test_times_are_utc_whatever_the_controllers_clock_shows(monkeypatch, zone):
    """On a night of daylight saving a day had 23 hours; at the epoch there was no time at all."""
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        days = [f"2026-03-{day}T00:00:00Z" for day in (28, 29, 30)]
        _, dots = shapes(days, [1, 1, 1])
        assert dots[1][0] == (dots[0][0] + dots[2][0]) / 2
        assert timeline.is_whole({"made_at": "1970-01-01T00:00:00Z"})
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize("members", [[0, 0], [None, None], [5, None]])
def test_nothing_to_scale_by_is_drawn_too(members):
    _, dots = shapes(TIMES[:2], members)
    assert len(dots) == sum(number is not None for number in members)


@pytest.mark.parametrize(
    ("members", "words", "change"),
    [
        ([5, 4, 3], "3 now, 4 to 5 before", -1),
        ([5, 5], "5 now, 5 before", 0),
        ([5, None], "not read now, 5 before", 0),
        ([None, 5], "5 now", 0),
        ([2, None, 5], "5 now, 2 before", 3),
    ],
)
def test_each_series_says_what_it_draws(members, words, change):
    history = {"series": [{"host": "a", "group": "G", "members": members}]}
    (line,) = timeline.most_changed(history)
    assert (line["words"], line["change"]) == (words, change)


def test_the_page_draws_what_has_changed_and_counts_what_was_level():
    kinds = {"changed": [3, 2], "gone": [3, None], "level": [3, 3], "level too": [0, 0]}
    audits = []
    for day in (0, 1):
        hosts = {name: audited(day, c[day], name)["hosts"][name] for name, c in kinds.items()}
        audits.append({**audited(day, 1), "hosts": hosts})
    document = fleet.document({"changed": found([group()])}, "Fleet", now=NOW)
    document["history"] = timeline.timeline(audits)
    tree = etree.HTML(page.page(document).split("<script")[0])
    titles = [" ".join(words.itertext()) for words in tree.iterfind(".//figcaption[@id]")]
    assert [title.split()[0] for title in titles] == ["changed", "gone"]
    assert "2 lists had the same number of members in every audit." in tree.xpath("//p/text()")
    assert len(tree.xpath("//details//tbody/tr")) == len(kinds)


def page_of_a_place(name: str) -> str:
    """The page of a host and a site of that name, with a history."""
    bad = found([group(member("192.0.2.1"))], {"G1": [{"address": "192.0.2.9", "site": name}]})
    document = fleet.document({name: bad}, "Fleet", now=NOW)
    document["history"] = timeline.timeline([audited(-1, 2, name), document], document["made_at"])
    return page.page(document)


def test_a_name_that_is_written_from_right_to_left_turns_only_itself():
    tree = etree.HTML(page_of_a_place("אתר").split("<script")[0])
    named = tree.xpath("//h3/bdi | //figcaption[@id]/bdi")
    assert "".join(one.text for one in named).count("אתר") == 3
    beside = tree.xpath("//h3//text()[not(parent::bdi)] | //figcaption//text()[not(parent::bdi)]")
    assert "אתר" not in "".join(beside)


BLANK = ["\u3164", "\uffa0", "\u1160", "\u2800", "\U0001d159", "\u034f", "\ufe0e", "\U000e01ef"]


@pytest.mark.parametrize(
    "odd", ["\u202e", "\u2066", "\u200b", "\xad", "\x9b", "\U000e0041", *BLANK]
)
def test_what_nobody_sees_in_a_name_is_seen_on_the_page(odd):
    """``U+202E`` made one site look like another, and a soft hyphen two that differ look alike.

    To Python a blank letter of Hangul is as printable as any.
    """
    text = page_of_a_place(f"site{odd}-1")
    assert odd not in text
    shown, data = text.split('id="data">')
    escape = ascii(odd)[1:-1]
    assert f"Site site{escape}-1" in shown
    assert json.loads(data.split("</script>")[0])["groups"][0]["host"] == f"site{escape}-1"


@pytest.mark.parametrize(("hosts", "words"), [(0, "hosts"), (1, "host"), (2, "hosts")])
def test_one_of_a_kind_is_not_called_as_several_are(hosts, words):
    audits = {f"hub-{n}": found([group(member("192.0.2.1"))]) for n in range(hosts)}
    tiles = etree.HTML(page.page(fleet.document(audits, "Fleet", now=NOW))).xpath("//ul/li")
    said = {tile.find("b").tail.strip(): tile.find("b").text for tile in tiles}
    assert said[words] == said[words.replace("host", "group")] == str(hosts)
    assert said[words.replace("host", "member")] == str(hosts)


def test_findings_stand_with_the_site_of_their_member_and_the_worst_site_first():
    expected = {
        "G1": [
            {"address": "192.0.2.9", "Site": "Chur"},
            {"address": "192.0.2.1", "Site": "Bern"},
            {"address": "192.0.2.8", "Site": "Bern"},
            {"address": "192.0.2.7", "Site": "Bern"},
        ]
    }
    audit = found([group(member("192.0.2.1"), member("192.0.2.3"))], expected)
    document = fleet.document({"hub-1": audit, "hub-2": {"unreachable": True}}, "Fleet", now=NOW)
    text = page.page(document).split("<script")[0]
    places = etree.HTML(text).xpath("//h3/bdi/text()")
    # Two errors in Bern, one everywhere else.
    assert [place.strip() for place in places] == [
        "Site Bern",
        "Host hub-1",
        "Host hub-2",
        "Site Chur",
    ]
