# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A lab file that cannot be used is one sentence that names the file, the place and what helps."""

from __future__ import annotations

from pathlib import Path

import pytest

from keyserver.edge.background import BackgroundLab
from keyserver.lab import text
from keyserver.lab.reading import read_lab
from keyserver.lab.specs import LabError

HUB = "name: hub-1, netconf: {port: 8301}, users: [{name: netops, password: made-up}]"
SITE = "server: '192.0.2.1:848', group: 1, psk: made-up"

REFUSED = {
    "": "a mapping is expected",
    f"devices: {'[' * 3000}{']' * 3000}": "nested too deep",
    "devices: " + "[" * 100_000: "nested too deep",
    "devices:\n  " + "- " * 100_000 + "a": "nested too deep",
    "devices: []": "devices: there are none, and no members",
    "members: []\nclock: {speed: 2}": "devices: there are none, and no members",
    f"devices: [{{{HUB}, generation: v3}}]": "'v3' is not accepted (v1 or v2 is expected)",
    f"devices: [{{{HUB}, gdoi: {{profile: x}}}}]": "(rfc6407 or cisco-reference is expected)",
    f"members: [{{name: a, {SITE}, mode: x}}]": "(main or aggressive is expected)",
    f"devices: [{{{HUB}}}]\nmembers: []\ndevices: []": "'devices' is there twice",
    f"devices: [{{{HUB}, netconf: {{port: 8302}}}}]": "'netconf' is there twice",
    f"devices: [{{{HUB}}}, {{{HUB}}}]": "two devices have the same name",
    f"members: [{{name: a, {SITE}}}, {{name: a, {SITE}}}]": "two members have the same name",
}


@pytest.mark.parametrize("text", REFUSED, ids=range(len(REFUSED)))
def test_what_cannot_be_meant_is_refused_with_its_place(tmp_path, text):
    file = tmp_path / "lab.yml"
    file.write_text(text)
    with pytest.raises(LabError) as refused:
        read_lab(file)
    sentence = str(refused.value)
    assert sentence.startswith(f"{file}: ")
    assert REFUSED[text] in sentence
    assert "\n" not in sentence


def test_anchors_and_merges_are_no_repetition(tmp_path):
    file = tmp_path / "lab.yml"
    file.write_text(
        f"members:\n- &a {{name: a, {SITE}}}\n- &b {{<<: *a, name: b}}\n- {{<<: *b, name: c}}\n"
    )
    assert [member.name for member in read_lab(file).members] == ["a", "b", "c"]


@pytest.mark.parametrize("which", [read_lab, lambda lab: BackgroundLab(read_lab(lab)).start()])
def test_a_file_without_an_end_is_read_no_further_than_a_configuration_goes(
    tmp_path, monkeypatch, which
):
    endless = Path("/dev/zero")
    monkeypatch.setattr(text, "LARGEST_FILE", 1000)
    file = tmp_path / "lab.yml"
    file.write_text(f"devices: [{{{HUB}, config: {endless}}}]")
    with pytest.raises(LabError, match=r"^/dev/zero: larger than 1000 octets"):
        which(endless if which is read_lab else file)


def test_a_key_that_is_none_keeps_nobody_out_in_silence(tmp_path):
    file = tmp_path / "lab.yml"
    file.write_text(f"devices: [{{{HUB.replace('password', 'authorized_key')}}}]")
    with pytest.raises(LabError, match=r"^hub-1: user netops: authorized_key: a public key"):
        BackgroundLab(read_lab(file)).start()
