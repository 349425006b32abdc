# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The device's hello, and what stands before it: banners, comments, the refusal of a user."""

from __future__ import annotations

import re

from ..errors import DeviceError, MalformedReply
from .verdict import LONGEST
from .xml import children, clean, local_name, parse_document, text_of

_HELLO = re.compile(rb"<(?:[\w.-]+:)?hello[\s>].*?</(?:[\w.-]+:)?hello\s*>", re.S)
_SENTENCE = re.compile(rb"<(?:[\w.-]+:)?error-message>(.*?)</", re.S)
_LINE = re.compile(rb"^[ \t]*(?:error|warning):[ \t]*(\S.*?)[ \t\r]*$", re.M)
_REFUSED = re.compile(rb"error-severity>\s*error\s*<|^[ \t]*error:", re.M)
STEP = "NETCONF hello"


def capabilities(message: bytes) -> frozenset[str]:
    """The capabilities that a device offers in its first message.

    Raises DeviceError with the device's sentences when they refuse the user: Junos says so in an
    ``rpc-error`` or a line of text, and some releases follow that with a hello all the same.
    MalformedReply when there is no hello.
    """
    found = _HELLO.search(message)
    before = message if found is None else message[: found.start()]
    text = b"".join(clean([before]))
    if found is None or _REFUSED.search(text):
        _refuse(text)
    if found is None:
        raise MalformedReply("the device does not begin with a NETCONF hello")
    root = parse_document(found.group())
    offered = (e for list_ in children(root, "capabilities") for e in list_)
    names = frozenset(text_of(e) for e in offered if local_name(e) == "capability")
    if not names:
        raise MalformedReply("the hello of the device offers no capability")
    return names


def parting_words(heard: bytes) -> str:
    """What a device said that hung up instead of a hello; '' for the beginning of one.

    Raises DeviceError with its sentences where they refuse the user.
    """
    text = b"".join(clean([heard]))
    _refuse(text)
    return "" if b"<" in text else " ".join(text.decode().split())[:LONGEST]


def _refuse(text: bytes) -> None:
    sentences = _sentences(text)
    if sentences:
        raise DeviceError(STEP, sentences)


def _sentences(text: bytes) -> list[str]:
    """What the device says in front of a hello, each sentence once."""
    found = [m.decode() for m in (*_SENTENCE.findall(text), *_LINE.findall(text))]
    return list(dict.fromkeys(" ".join(sentence.split()) for sentence in found))
