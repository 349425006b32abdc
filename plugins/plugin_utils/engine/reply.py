# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Settings out of a device's reply, and where in a configuration they stand."""

from __future__ import annotations

from functools import cache

from ..errors import MalformedReply
from ..netconf.libraries import etree
from ..netconf.xml import local_name
from .elements import is_inherited, take_elements
from .found import OF_DEVICE, OTHERS, Found, heart_of
from .schema import Container, Leaf, List, Path, Statement
from .tree import Reading

_AROUND = (
    *("rpc-reply", "data", "config"),
    *("multi-routing-engine-results", "multi-routing-engine-item"),
)


@cache
def whole(prefix: Path, root: Container) -> Container:
    """The configuration around a resource's hierarchy; everything beside it is left out.

    Of logical systems and tenants it has that the hierarchy is there, and nothing in it.
    """
    heart = heart_of(prefix, root)
    there = _around(heart[:-1], Container(name=heart[-1], partial=True))
    others = [
        List(name=name, partial=True, key=Leaf(name="name"), children=(there,)) for name in OTHERS
    ]
    own = _around(prefix[:-1], root)
    return Container(name="configuration", children=(own, *others), partial=True)


def _around(path: Path, node: Statement) -> Statement:
    for name in reversed(path):
        node = Container(name=name, children=(node,), partial=True)
    return node


def read_reply(prefix: Path, root: Container, reply: etree._Element) -> Reading:
    """The settings in a device's reply to ``get-configuration``. Raises MalformedReply."""
    found = Found()
    element = configuration_of(reply)
    if element is None and any(local_name(e) not in ("rpc-reply", "data") for e in reply.iter("*")):
        raise MalformedReply("read the configuration: the reply holds no configuration")
    if element is not None:
        take_elements(found, whole(prefix, root), element)
        found.whence = OF_DEVICE
        # The device was asked for what groups bring in, too: where it says so of anything, all of
        # it is there.
        if found.applied and is_inherited(element):
            found.applied.clear()
    return found.reading(prefix, root)


def configuration_of(root: etree._Element) -> etree._Element | None:
    """The configuration of a document, not one that is quoted somewhere inside it.

    Raises MalformedReply when there are several.
    """
    here = [root]
    while here:
        found = [element for element in here if local_name(element) == "configuration"]
        if len(found) > 1:
            raise MalformedReply("it holds more than one configuration")
        if found:
            return found[0]
        here = [part for e in here if local_name(e) in _AROUND for part in e]
    return None


def same(one: etree._Element, other: etree._Element) -> bool:
    """Whether two replies have the same configuration in them, order and marks included."""
    return _content(one) == _content(other)


def _content(reply: etree._Element) -> list[bytes]:
    configuration = configuration_of(reply)
    # Its own tag says when it was changed, and by whom: other words for the candidate than for
    # what is committed.
    parts = reply if configuration is None else configuration
    text = "" if configuration is None else configuration.text or ""
    return [text.strip().encode(), *(etree.tostring(part) for part in parts)]
