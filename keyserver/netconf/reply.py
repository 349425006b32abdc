# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Building replies: elements in the namespaces that the session's dialect wants."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lxml import etree

from ..config.namespaces import NETCONF, XNM, YANG_CONF

NO_PREFIXES: Mapping[str, str] = {}


def default_namespace(uri: str) -> Any:
    """``nsmap`` that makes a namespace the default one (the stubs know prefixes only)."""
    return {None: uri}


@dataclass(frozen=True)
class Dialect:
    """How a Junos writes its replies.

    Default: everything below ``rpc-reply`` inherits the base namespace. ``rfc_compliant``
    (``set system services netconf rfc-compliant``): base elements are prefixed ``nc:``, Junos'
    own have no namespace, configuration is in YANG namespaces, warnings beside ``ok`` are left
    out. ``yang_compliant``: entries have the keys of the model, where devices have a word.
    """

    release: str
    rfc_compliant: bool = False
    yang_compliant: bool = False

    @property
    def junos(self) -> str:
        """The namespace of ``junos:`` attributes."""
        return f"http://xml.juniper.net/junos/{self.release}/junos"

    def reply(self) -> etree._Element:
        """An empty ``rpc-reply``."""
        prefix: Any = "nc" if self.rfc_compliant else None
        return etree.Element(
            etree.QName(NETCONF, "rpc-reply"), nsmap={prefix: NETCONF, "junos": self.junos}
        )

    def base(self, name: str, text: str | None = None, *children: etree._Element) -> etree._Element:
        """An element that NETCONF itself defines (``ok``, ``rpc-error``, ``data``)."""
        return _element(f"{{{NETCONF}}}{name}", text, children)

    def own(self, name: str, text: str | None = None, *children: etree._Element) -> etree._Element:
        """An element that Junos defines."""
        return _element(name if self.rfc_compliant else f"{{{NETCONF}}}{name}", text, children)

    def styled(self, element: etree._Element, **attributes: str) -> etree._Element:
        """``element`` with ``junos:`` attributes."""
        for name, value in attributes.items():
            element.set(f"{{{self.junos}}}{name.replace('_', '-')}", value)
        return element

    def configuration(self, prefixes: Mapping[str, str] = NO_PREFIXES) -> etree._Element:
        """An empty ``<configuration>``; ``prefixes`` of other namespaces in it."""
        namespace = YANG_CONF + "root" if self.rfc_compliant else XNM
        return etree.Element(
            etree.QName(namespace, "configuration"),
            nsmap={**default_namespace(namespace), **prefixes},
        )


def _element(tag: str, text: str | None, children: tuple[etree._Element, ...]) -> etree._Element:
    element = etree.Element(tag)
    element.text = text
    element.extend(children)
    return element


@dataclass(frozen=True)
class RpcError:
    """One ``rpc-error`` (RFC 6241 §4.3)."""

    message: str
    tag: str = "operation-failed"
    kind: str = "protocol"
    severity: str = "error"
    path: str | None = None
    bad_element: str | None = None
    bad_attribute: str | None = None
    session_id: int | None = None
    source_daemon: str | None = None

    def element(self, dialect: Dialect) -> etree._Element:
        """The error as the dialect writes it."""
        info = {
            "bad-attribute": self.bad_attribute,
            "bad-element": self.bad_element,
            "session-id": None if self.session_id is None else str(self.session_id),
        }
        error = dialect.base("rpc-error")
        fields = {
            "error-type": self.kind,
            "error-tag": self.tag,
            "error-severity": self.severity,
            "source-daemon": self.source_daemon,
            "error-path": self.path,
            "error-message": self.message,
        }
        for name, value in fields.items():
            if value is not None:
                error.append(dialect.base(name, value))
        details = [dialect.base(name, value) for name, value in info.items() if value is not None]
        if details:
            error.append(dialect.base("error-info", None, *details))
        return error


class RpcFailure(Exception):
    """An RPC that ends in one or more errors."""

    def __init__(self, *errors: RpcError) -> None:
        super().__init__(errors[0].message)
        self.errors = errors


_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def xml_text(text: str) -> str:
    """Text without what XML 1.0 cannot hold."""
    return _NOT_XML.sub("\ufffd", text)
