# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What was committed before, and the rescue configuration."""

from __future__ import annotations

import math
from collections.abc import Iterator

from lxml import etree

from ....config.candidate import utc
from ....config.compare import compare
from ....config.database import ConfigurationDatabase
from ....config.show import to_text, to_xml
from ....config.store import ROLLBACKS, CommitEntry
from ...arguments import Accepts, Argument, number, one_of
from ...reply import xml_text
from ...session import Request
from ..level import LEVEL, LEVELS, is_detail
from ..platform import FORMATS
from .answers import Elements, ok, refusals
from .reading import in_dialect

COMMITS_MADE = Accepts(attributes=FORMATS)
REVISION = Accepts(LEVEL, FORMATS, alternatives=(LEVELS,))
ROLLBACK = Accepts(
    (
        Argument("rollback", number(0, ROLLBACKS - 1)),
        Argument("compare", number(0, ROLLBACKS - 1)),
        Argument("format", one_of("text")),
    ),
    FORMATS,
)
RESCUE = Accepts(
    (Argument("format", one_of("text", "xml")),), {"format": frozenset({"text", "xml"})}
)


def commit_information(database: ConfigurationDatabase, request: Request) -> Elements:
    """The history of commits; the one that awaits its confirmation says so."""
    information = request.dialect.own("commit-information")
    for index, entry in enumerate(database.archive.history):
        pending = index == 0 and database.confirmed.pending is not None
        information.append(_history_entry(request, index, entry, pending=pending))
    return [information]


def _history_entry(
    request: Request, index: int, entry: CommitEntry, *, pending: bool
) -> etree._Element:
    own = request.dialect.own
    element = own("commit-history", None, own("sequence-number", str(index)))
    element.extend(_made(request, entry))
    if entry.comment:
        element.append(own("log", xml_text(entry.comment)))
    if pending:
        element.append(own("commit-confirmed", "rollback pending"))
    return element


def _made(request: Request, entry: CommitEntry) -> Iterator[etree._Element]:
    """Who made a commit, from where and when, and how long it waits to be confirmed."""
    own, dialect = request.dialect.own, request.dialect
    yield own("user", xml_text(entry.user))
    yield own("client", entry.client)
    yield dialect.styled(own("date-time", utc(entry.time)), seconds=str(int(entry.time)))
    if entry.confirm_seconds is not None:
        minutes = math.ceil(entry.confirm_seconds / 60)
        yield own("comment", f"commit confirmed, rollback in {minutes}mins")


def commit_revision(database: ConfigurationDatabase, request: Request) -> Elements:
    """What the configuration in force is called, for as long as it is kept (Junos 14.1)."""
    own, entry = request.dialect.own, database.archive.history[0]
    name = f"re0-{int(entry.time)}-{entry.sequence}"
    revision = own("commit-revision-information", None, own("revision", name))
    if is_detail(request):
        revision.extend(_made(request, entry))
    return [revision]


def rollback_information(database: ConfigurationDatabase, request: Request) -> Elements:
    """One committed configuration, or what would make it another one.

    ``rollback`` is the base; a plus sign is what ``compare`` has besides (NETCONF guide,
    "Compare Two Previous (Rollback) Configurations").
    """
    base, other = request.text("rollback") or "0", request.text("compare")
    with refusals():
        tree = database.rollback(int(base))
        new = database.rollback(int(other)) if other is not None else None
    text = to_text(database.schema, tree) if new is None else compare(database.schema, tree, new)
    output = request.dialect.own("configuration-output", xml_text(f"\n{text}"))
    information = request.dialect.own("configuration-information", None, output)
    return [request.dialect.own("rollback-information", None, information)]


def rescue_information(database: ConfigurationDatabase, request: Request) -> Elements:
    """The rescue configuration as text, or as XML."""
    dialect = request.dialect
    with refusals():
        tree = database.archive.rescue()
    if (request.text("format") or request.operation.get("format")) == "xml":
        configuration = to_xml(database.schema, tree, dialect.configuration())
        return [dialect.own("rescue-information", None, in_dialect(request, configuration))]
    text = xml_text(f"\n{to_text(database.schema, tree)}")
    output = dialect.own("configuration-output", text)
    information = dialect.own("configuration-information", None, output)
    return [dialect.own("rescue-information", None, information)]


def save_rescue(database: ConfigurationDatabase, request: Request) -> Elements:
    """Make what is committed the rescue configuration."""
    database.archive.set_rescue(database.committed)
    return ok(request)


def delete_rescue(database: ConfigurationDatabase, request: Request) -> Elements:
    """Forget the rescue configuration."""
    database.archive.set_rescue(None)
    return ok(request)
