# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a reply says of what was asked: done, refused, with which words.

ncclient overlooks some errors (those outside the base namespace, ``xnm:error`` inside success,
errors beside a top-level ``ok``), so replies are searched here, by local name and at every depth.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from ..errors import DeviceError
from .libraries import etree
from .xml import child, local_name, text_of

_MESSAGES = ("{*}rpc-error", "{*}error", "{*}warning")
_BESIDE = ("", "rpc-error", "warning", "cli")
"""Comments, warnings, and the banner with which a chassis cluster says which node answers."""
_COMMITTED = ("{*}ok", "{*}commit-success")
_DONE = (*_COMMITTED, "{*}load-success", "{*}commit-check-success")
_ENGINES = ("{*}routing-engine", "{*}multi-routing-engine-item")
_ERROR_LINE = re.compile(r"^\s*error:", re.IGNORECASE | re.MULTILINE)
LONGEST = 1000
"""Characters of a device's words that are repeated."""


class DeviceMessage(NamedTuple):
    """One error or warning of a device."""

    severity: str
    message: str
    path: str
    bad_element: str

    def __str__(self) -> str:
        about = f" ({self.bad_element})" if self.bad_element not in ("", self.message) else ""
        return f"{self.path + ': ' if self.path else ''}{self.message}{about}"


def messages(reply: etree._Element) -> Iterator[DeviceMessage]:
    """Every rpc-error and xnm:error of a reply, whatever its namespace and depth."""
    for element in reply.iter(*_MESSAGES):
        name = local_name(element)
        fields = {local_name(part): part for part in element}
        message = _words(element, fields)
        severity = text_of(fields.get("error-severity")).lower()
        if name != "rpc-error" and not message and not _is_xnm(element):
            continue
        info = fields.get("error-info")
        bad = text_of(child(info, "bad-element")) if info is not None else ""
        path = text_of(fields.get("error-path")) or text_of(fields.get("edit-path"))
        default = "warning" if name == "warning" else "error"
        shown = " ".join(message.split())[:LONGEST] or _unspecified(fields)
        yield DeviceMessage(severity or default, shown, path, bad)


def _words(element: etree._Element, fields: Mapping[str, etree._Element]) -> str:
    """What an error or a warning says; '' for a statement of a configuration that is called so."""
    message = _all_text(fields.get("error-message")) or _all_text(fields.get("message"))
    if message or local_name(element) == "rpc-error":
        return message
    plain = not fields and next(element.iterancestors("{*}configuration"), None) is None
    return _all_text(element) if plain or _is_xnm(element) else ""


def _all_text(element: etree._Element | None) -> str:
    """An element's text with what stands in elements inside of it."""
    return "" if element is None else "".join(map(str, element.itertext())).strip()


def _is_xnm(element: etree._Element) -> bool:
    return "/xnm/" in (etree.QName(element).namespace or "")


def _unspecified(fields: Mapping[str, etree._Element]) -> str:
    """What is known of an error without a message."""
    tags = filter(None, (text_of(fields.get(name)) for name in ("error-tag", "error-app-tag")))
    return " ".join(["unspecified error", *(f"({tag})" for tag in tags)])


def says_done(reply: etree._Element) -> bool:
    """Whether a reply says that what was asked has been done, whatever else it says."""
    return next(reply.iter(*_DONE), None) is not None


def says_nothing(reply: etree._Element) -> bool:
    """Whether a reply without an error holds no answer: some requests are answered so."""
    return all(local_name(part) in _BESIDE for part in reply)


def says_committed(reply: etree._Element) -> bool:
    """Whether a reply says that a commit has been made: one that was checked only was not."""
    return next(reply.iter(*_COMMITTED), None) is not None


def silent_engines(reply: etree._Element) -> list[str]:
    """Routing engines of a reply that do not say themselves that it has been done.

    One may stand there twice: for its check, and for its commit, where another tells of that.
    """
    engines = [(text_of(child(e, "name")), e) for e in reply.iter("{*}routing-engine")]
    says = says_committed if any(says_committed(e) for _name, e in engines) else says_done
    heard = {name for name, engine in engines if name and says(engine)}
    silent = (name for name, engine in engines if name not in heard and not says(engine))
    return [name or "a routing engine without a name" for name in dict.fromkeys(silent)]


def warnings(reply: etree._Element) -> list[str]:
    """The device's warnings in a reply, each once."""
    return list(dict.fromkeys(str(m) for m in messages(reply) if m.severity == "warning"))


def refuse_errors(step: str, reply: etree._Element) -> etree._Element:
    """The reply, unless it holds an error. Raises DeviceError."""
    errors = [str(m) for m in messages(reply) if m.severity != "warning"]
    how = {"done": says_done(reply), "shared": next(reply.iter(*_ENGINES), None) is not None}
    errors += [text for text in map(_all_text, reply.iter("{*}output")) if _is_error(text)]
    if errors:
        raise DeviceError(step, list(dict.fromkeys(errors)), **how)
    for count in map(text_of, reply.iter("{*}load-error-count")):
        if count.strip("0"):
            words = f"errors that the device counts and does not name: {count}"
            raise DeviceError(step, [words], **how)
    return reply


def _is_error(output: str) -> bool:
    """Whether the CLI's output is an error that came as if it were a result."""
    return _ERROR_LINE.search(output) is not None
