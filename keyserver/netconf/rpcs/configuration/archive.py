# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What was committed before, and the rescue configuration."""

from __future__ import annotations

from ....config.database import ConfigurationDatabase, utc
from ....config.show import to_text, to_xml
from ...reply import xml_text
from ...session import Request
from .answers import Elements, ok, refusals, rollback_number


def commit_information(database: ConfigurationDatabase, request: Request) -> Elements:
    dialect = request.dialect
    information = dialect.own("commit-information")
    for number, record in enumerate(database.history):
        entry = dialect.own(
            "commit-history",
            None,
            dialect.own("sequence-number", str(number)),
            dialect.own("user", xml_text(record.user)),
            dialect.own("client", record.client),
            dialect.styled(
                dialect.own("date-time", utc(record.time)), seconds=str(int(record.time))
            ),
        )
        if record.comment:
            entry.append(dialect.own("log", xml_text(record.comment)))
        information.append(entry)
    return [information]


def rollback_information(database: ConfigurationDatabase, request: Request) -> Elements:
    number = rollback_number(request.text("rollback") or "0")
    against = request.text("compare")
    with refusals():
        tree = database.rollback(number)
        old = database.rollback(rollback_number(against)) if against is not None else None
    text = to_text(database.schema, tree) if old is None else database.difference(old, tree)
    output = request.dialect.own("configuration-output", xml_text(f"\n{text}"))
    information = request.dialect.own("configuration-information", None, output)
    return [request.dialect.own("rollback-information", None, information)]


def rescue_information(database: ConfigurationDatabase, request: Request) -> Elements:
    dialect = request.dialect
    with refusals():
        tree = database.rescue()
    if (request.text("format") or request.operation.get("format")) == "xml":
        configuration = to_xml(database.schema, tree, dialect.configuration())
        return [dialect.own("rescue-information", None, configuration)]
    text = xml_text(f"\n{to_text(database.schema, tree)}")
    output = dialect.own("configuration-output", text)
    information = dialect.own("configuration-information", None, output)
    return [dialect.own("rescue-information", None, information)]


def save_rescue(database: ConfigurationDatabase, request: Request) -> Elements:
    database.save_rescue()
    return ok(request)


def delete_rescue(database: ConfigurationDatabase, request: Request) -> Elements:
    database.delete_rescue()
    return ok(request)
