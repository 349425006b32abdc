# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The files of an audit: written whole or not at all, and what an earlier one left."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ..errors import GroupVpnError, Refused
from .findings import Finding, Kind, Severity
from .fleet import FORMAT
from .junit import junit
from .metrics import metrics
from .page import page
from .rows import members_csv
from .sources import LARGEST_FILE
from .timeline import is_whole as is_whole_history
from .whole import is_whole

_LARGEST_DOCUMENT = 16 * LARGEST_FILE


def files(found: Mapping[str, Any], template: Path | None = None) -> dict[str, str]:
    """File name to content; the page by a template of one's own, or by ours."""
    return {
        "audit.json": json.dumps(found, indent=1) + "\n",
        "members.csv": members_csv(found),
        "junit.xml": junit(found),
        "audit.prom": metrics(found),
        "audit.html": page(found, template),
    }


@contextlib.contextmanager
def alone(directory: Path) -> Iterator[None]:
    """While one looks at what is in a directory and writes there, no other does.

    Hosts that take no turns write their reports at the same time. Raises GroupVpnError.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(directory, os.O_RDONLY)
    except OSError as error:
        raise _unwritten(directory, error) from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def write(directory: Path, contents: Mapping[str, str]) -> list[str]:
    """Write each file as a whole or not at all; the names of those that changed."""
    changed = []
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for name, text in contents.items():
            target = directory / name
            if target.exists() and target.read_text(encoding="utf-8", errors="replace") == text:
                continue
            _replace(target, text)
            changed.append(name)
    except OSError as error:
        raise _unwritten(directory, error) from None
    return changed


def _replace(target: Path, text: str) -> None:
    """Make a file anew, or leave what there is and nothing beside it."""
    descriptor, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}-")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(temporary, 0o644)
        os.replace(temporary, target)
    except BaseException:
        os.unlink(temporary)
        raise


def _unwritten(directory: Path, error: OSError) -> GroupVpnError:
    return GroupVpnError(
        f"directory {error.filename or directory}: {error.strerror}; "
        "name one that can be written to, or make room"
    )


def read_document(path: Path) -> dict[str, Any]:
    """An audit.json that was written earlier. Raises Refused for a damaged or foreign one."""
    try:
        if path.stat().st_size > _LARGEST_DOCUMENT:
            raise Refused(
                [f"{path}: larger than {_LARGEST_DOCUMENT} octets; audit the fleet in slices"]
            )
        found = _loaded(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise Refused([f"{path}: {error.strerror}"]) from None
    except (ValueError, RecursionError) as error:
        raise Refused([f"{path}: damaged: {error}; audit again"]) from None
    if not isinstance(found, dict) or "format" not in found:
        raise Refused([f"{path}: an audit.json of this collection is expected"])
    if found["format"] != FORMAT:
        raise Refused(
            [f"{path}: format {found['format']!r}; this release reads {FORMAT}; audit again"]
        )
    if not is_whole(found):
        raise Refused([f"{path}: damaged: its hosts are incomplete; audit again"])
    return found


def _loaded(text: str) -> Any:
    """What JSON says. Raises ValueError, also for what could not be written again."""
    found = json.loads(text, parse_constant=_no_number)
    if "\\ud" in text.lower():
        # Halves of characters (surrogates) that stand alone.
        json.dumps(found, ensure_ascii=False).encode()
    return found


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no number")


def replaced(directory: Path) -> dict[str, Any] | None:
    """The audit in whose place one is about to be written; None without one that can be read."""
    try:
        return read_document(directory / "audit.json")
    except Refused:
        return None


def read_history(
    paths: Iterable[Path],
) -> tuple[list[dict[str, Any]], list[dict[str, str]]]:
    """Earlier audits for a history, and a finding for each file that cannot be one.

    A file that is not there yet is a note: the first audit has none before it.
    """
    documents, findings = [], []
    for path in paths:
        try:
            documents.append(read_dated(path))
        except Refused as refused:
            severity = Severity.WARNING if path.exists() else Severity.INFO
            why = f"{'; '.join(refused.objections)}; the history leaves it out"
            findings.append(Finding("", "", Kind.HISTORY_UNREADABLE, severity, why).as_dict())
    return documents, findings


def read_dated(path: Path) -> dict[str, Any]:
    """As :func:`read_document`, of which it can be told when it was made, with what went before."""
    document = read_document(path)
    if not is_whole_history(document):
        raise Refused([f"{path}: damaged: its time or history is incomplete; audit again"])
    return document
