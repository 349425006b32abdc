# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""XML namespaces, and in which of them Junos looks for its own words.

A word in somebody else's namespace is somebody else's word, however it is spelled (RFC 6241 §3).
Junos itself uses several for the same: none, those of NETCONF (clients write an operation in that
of its capability), those of its replies and of its YANG.
"""

from __future__ import annotations

from functools import lru_cache

NETCONF = "urn:ietf:params:xml:ns:netconf:base:1.0"
YANG = "urn:ietf:params:xml:ns:yang:1"
"""Of the attributes that say where an entry goes (RFC 7950 §7.8.6)."""
XNM = "http://xml.juniper.net/xnm/1.1/xnm"
YANG_CONF = "http://yang.juniper.net/junos-es/conf/"
_FAMILIES = (
    "urn:ietf:params:xml:ns:netconf:",
    "urn:ietf:params:netconf:",
    "http://xml.juniper.net/",
    "http://yang.juniper.net/",
)


@lru_cache(maxsize=4096)
def own_name(tag: str) -> str:
    """The local name of an element or attribute in one of Junos' namespaces, ``""`` in others."""
    namespace, _, name = tag.rpartition("}")
    return name if not namespace or namespace[1:].startswith(_FAMILIES) else ""


STAMPS = frozenset(
    (
        *("changed-seconds", "changed-localtime", "commit-seconds", "commit-localtime"),
        *("commit-user", "timestamp", "schemaLocation"),
    )
)
"""What Junos and clients write on a whole configuration, also where a client lost the prefix."""


def is_style(name: str) -> bool:
    """True for what Junos writes into its replies: ``junos:changed-seconds``, ``junos:group``."""
    return "xml.juniper.net" in name
