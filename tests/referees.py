# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a run of the tests left out, and how to have it: one line each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

# A word of the reason for skipping, and the remedy.
REMEDIES = {
    "JUNOS_YANG_DIR": "a checkout of github.com/Juniper/yang; its path in JUNOS_YANG_DIR",
    "GDOI_VECTORS_DIR": "captures of another GDOI implementation; their path in GDOI_VECTORS_DIR",
    "tshark": "Debian: apt install tshark; macOS: brew install wireshark",
    "yanglint": "Debian: apt install libyang2-tools; macOS: brew install libyang",
    "ike-scan": "Debian: apt install ike-scan",
    "strongswan": "Debian: apt install strongswan-charon strongswan-swanctl, as root",
    "swanctl": "Debian: apt install strongswan-charon strongswan-swanctl, as root",
    "chromi": "Debian: apt install chromium chromium-driver",
    "site is not built": "make site",
    "selenium": "make env",
    "ruff is not": "make style",
    "scrapli": "make clients",
    "libssh": "make clients",
    "netconf-client": "make clients",
    "netconf-console": "make clients",
    "namespaces": "Linux, root and iproute2",
    "ip is not": "Debian: apt install iproute2",
    "systemd": "Linux with systemd, as root",
    "ssh-python": "a platform that ssh-python has wheels for",
    "atheris": "a platform that atheris has wheels for",
    "ansible.netcommon": "the oldest supported core: make env",
    "no Java": "Debian: apt install openjdk-17-jre-headless",
    "ansible-rulebook": "make clients, and a Java 17 or newer",
    "ansible-runner": "make env",
    "ansible-builder": "make env",
}


def left_out(reasons: Iterable[str]) -> list[str]:
    """A line for each reason: how many tests, why, and what helps where that is known."""
    lines = []
    for reason, count in sorted(Counter(reasons).items()):
        why = reason.removeprefix("Skipped: ")
        helps = next((r for word, r in REMEDIES.items() if word.lower() in why.lower()), None)
        tests = "1 test" if count == 1 else f"{count} tests"
        lines.append(f"{tests} not run: {why}" + (f" -> {helps}" if helps else ""))
    return lines
