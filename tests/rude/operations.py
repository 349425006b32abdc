# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""NETCONF operations on a rude device, done well: how they are answered is another matter."""

from __future__ import annotations

import copy
from collections.abc import Iterator

from lxml import etree

from tests.rude.device import USER, Box, child_of, merge, name_of, plain, set_lines
from tests.rude.manners import Stage

BASE = "urn:ietf:params:xml:ns:netconf:base:1.0"
JUNOS = "http://xml.juniper.net/junos/{}/junos"


class Refusal(Exception):
    """An operation that this device refuses by itself."""


_ERROR = (
    "<rpc-error><error-type>protocol</error-type><error-tag>operation-failed</error-tag>"
    "<error-severity>{severity}</error-severity><error-message>{message}</error-message></rpc-error>"
)


def rpc_error(message: str, severity: str = "error") -> str:
    """One ``rpc-error`` as text."""
    return _ERROR.format(severity=severity, message=message)


class Operations:
    """What one session may ask of a box, done as Junos does it; refusals are replies too."""

    def __init__(self, box: Box, number: int) -> None:
        self.box, self.number = box, number

    # What is asked

    def stage_of(self, operation: etree._Element) -> Stage:
        name = name_of(operation)
        if name == "get-configuration":
            if operation.get("compare") is not None:
                return Stage.COMPARE
            if operation.get("database") == "candidate":
                return Stage.LOOK
            if self.number in self.box.committers and self.box.locked:
                return Stage.READ_BACK
            return Stage.READ_AGAIN if self.box.locked else Stage.READ
        if name == "commit-configuration":
            return Stage.CHECK if child_of(operation, "check") is not None else Stage.COMMIT
        return {
            "lock": Stage.LOCK,
            "open-configuration": Stage.LOCK,
            "load-configuration": Stage.LOAD,
            "discard-changes": Stage.DISCARD,
            "unlock": Stage.UNLOCK,
            "close-configuration": Stage.UNLOCK,
            "get-commit-information": Stage.HISTORY,
        }.get(name, Stage.OTHER)

    # What is done

    def perform(self, operation: etree._Element) -> str:
        """Do it; the content of the reply. Raises Refusal."""
        if name_of(operation) in self.box.answers:
            return self.box.answers[name_of(operation)]
        handler = getattr(self, "_" + name_of(operation).replace("-", "_"), None)
        if handler is None:
            raise Refusal("syntax error")
        return str(handler(operation))

    def _get_configuration(self, operation: etree._Element) -> str:
        box = self.box
        if operation.get("compare") is not None:
            back = int(operation.get("rollback") or 0)
            old = set_lines(box.history[back].configuration)
            new = set_lines(box.working(self.number))
            lines = [f"-  {line}" for line in old if line not in new]
            lines += [f"+  {line}" for line in new if line not in old]
            text = "\n" + "".join(f"{line}\n" for line in lines)
            return (
                "<configuration-information><configuration-output>"
                f"{text}</configuration-output></configuration-information>"
            )
        committed = operation.get("database") == "committed"
        configuration = copy.deepcopy(box.committed if committed else box.working(self.number))
        if not box.rfc_compliant:
            return etree.tostring(configuration, encoding="unicode")
        text = etree.tostring(configuration, encoding="unicode")
        conf = "http://yang.juniper.net/junos-es/conf/"
        text = text.replace("<configuration>", f'<configuration xmlns="{conf}root">')
        return text.replace("<security>", f'<security xmlns="{conf}security">')

    def _get_software_information(self, operation: etree._Element) -> str:
        return (
            "<software-information><host-name>rude</host-name>"
            f"<junos-version>{self.box.release}</junos-version></software-information>"
        )

    def _lock(self, operation: etree._Element) -> str:
        self._refuse_if_locked()
        if self.box.private:
            raise Refusal("private edits in use. Try 'configure private' or 'configure dynamic'.")
        if set_lines(self.box.candidate) != set_lines(self.box.committed):
            raise Refusal("configuration database modified")
        self.box.lock = self.number
        if self.box.pending is not None and self.box.says_pending_at_lock:
            words = "commit confirmed will be rolled back in 29 minutes"
            return rpc_error(words, "warning") + self.ok()
        return self.ok()

    def _refuse_if_locked(self) -> None:
        if self.box.lock not in (None, self.number):
            raise Refusal(
                "configuration database locked by: admin terminal p0 (pid 4242) on since "
                "2026-10-01 10:00:00 UTC, idle 00:01:02 exclusive [edit]"
            )

    def _unlock(self, operation: etree._Element) -> str:
        if self.box.lock != self.number:
            raise Refusal("configuration database is not locked")
        self.box.end(self.number)
        return self.ok()

    def _open_configuration(self, operation: etree._Element) -> str:
        self._refuse_if_locked()
        if set_lines(self.box.candidate) != set_lines(self.box.committed):
            raise Refusal("shared configuration database modified")
        self.box.private[self.number] = copy.deepcopy(self.box.committed)
        return rpc_error("uncommitted changes will be discarded on exit", "warning")

    def _close_configuration(self, operation: etree._Element) -> str:
        if self.number not in self.box.private:
            raise Refusal("Configuration database is not open")
        del self.box.private[self.number]
        return self.ok()

    def _load_configuration(self, operation: etree._Element) -> str:
        configuration = child_of(operation, "configuration")
        if configuration is None:
            raise Refusal("syntax error")
        configuration = plain(configuration)
        left = [e for e in configuration.iter() if e.tag in self.box.leaves_out]
        said = "".join(rpc_error(f"statement not found ({e.tag})", "warning") for e in left)
        for element in left:
            element.getparent().remove(element)
        if self.box.at_load is not None:
            self.box.at_load(configuration)
        merge(self.box.working(self.number), configuration)
        return f"<load-configuration-results>{said}{self.ok()}</load-configuration-results>"

    def _discard_changes(self, operation: etree._Element) -> str:
        if self.number in self.box.private:
            self.box.private[self.number] = copy.deepcopy(self.box.committed)
        else:
            self.box.discard()
        return self.ok()

    def _commit_configuration(self, operation: etree._Element) -> str:
        if child_of(operation, "check") is not None:
            self.box.pending = None  # A check confirms as well: so Junos documents it.
            return self.results("commit-check-success")
        confirmed = None
        if child_of(operation, "confirmed") is not None:
            timeout = child_of(operation, "confirm-timeout")
            confirmed = int("10" if timeout is None else timeout.text or "10")
        log = child_of(operation, "log")
        text = "" if log is None else log.text or ""
        self.box.commit(self.number, USER, text, confirmed)
        return self.results("commit-success")

    def _get_system_uptime_information(self, operation: etree._Element) -> str:
        stamp = f"<date-time junos:seconds='{self.box.now}'>now</date-time>"
        return (
            f"<system-uptime-information><current-time>{stamp}</current-time>"
            "</system-uptime-information>"
        )

    def _get_commit_information(self, operation: etree._Element) -> str:
        return f"<commit-information>{''.join(self._entries())}</commit-information>"

    def _entries(self) -> Iterator[str]:
        for number, entry in enumerate(self.box.history):
            parts = [
                f"<sequence-number>{number}</sequence-number><user>{entry.user}</user>",
                f"<client>{entry.client}</client><date-time junos:seconds='{entry.at}'>"
                "2026-10-05 22:03:43 UTC</date-time>",
            ]
            if entry.confirmed is not None and self.box.says_confirmed:
                words = f"commit confirmed, rollback in {entry.confirmed}mins"
                parts.append(f"<comment>{words}</comment>")
            if entry.log:
                parts.append(f"<log>{entry.log}</log>")
            if number == 0 and self.box.pending is not None and self.box.tells_pending:
                parts.append("<commit-confirmed>rollback pending</commit-confirmed>")
            yield f"<commit-history>{''.join(parts)}</commit-history>"

    # What is said

    def ok(self) -> str:
        return "<nc:ok/>" if self.box.rfc_compliant else "<ok/>"

    def results(self, success: str) -> str:
        return (
            "<commit-results><routing-engine junos:style='show-name'><name>re0</name>"
            f"<{success}/></routing-engine></commit-results>{self.ok()}"
        )

    def reply(self, number: str | None, content: str) -> bytes:
        prefix, suffix = ("nc:", ":nc") if self.box.rfc_compliant else ("", "")
        mark = "" if number is None else f' message-id="{number}"'
        content = content.replace("<rpc-error>", f"<{prefix}rpc-error>")
        content = content.replace("</rpc-error>", f"</{prefix}rpc-error>")
        text = (
            f'<{prefix}rpc-reply xmlns{suffix}="{BASE}" '
            f'xmlns:junos="{JUNOS.format(self.box.release)}"{mark}>\n{content}\n</{prefix}rpc-reply>\n'
        )
        return text.encode()
