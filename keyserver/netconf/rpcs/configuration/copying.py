# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Replacing a whole candidate: ``copy-config`` and ``delete-config`` (RFC 6241 §7.3, §7.4).

Junos takes no other target than the candidate, and of sources the running configuration; files,
its ``url``, are not there.
"""

from __future__ import annotations

from ....config.apply import apply
from ....config.database import ConfigurationDatabase
from ....config.edit import Operation, copy_tree
from ....config.tree import Tree
from ...arguments import Accepts, only_child
from ...reply import RpcError, RpcFailure
from ...session import Request
from .answers import Elements, edit_error, ok
from .holding import put, target, writable
from .reading import source_tree

COPY_CONFIG = Accepts(payload=frozenset({"target", "source"}))
DELETE_CONFIG = Accepts(payload=frozenset({"target"}))


def copy_config(database: ConfigurationDatabase, request: Request) -> Elements:
    """Put a copy of a datastore in place of the candidate."""
    target(request, "candidate")
    source, named = source_tree(database, request), request.child("source")
    if named is not None and only_child(named) == "candidate":
        text = "source and target are the same"
        raise RpcFailure(RpcError(text, tag="invalid-value", bad_element="candidate"))
    return _replace(database, request, copy_tree(source))


def delete_config(database: ConfigurationDatabase, request: Request) -> Elements:
    """Leave nothing in the candidate; all of it or nothing, so that none of it is protected."""
    target(request, "candidate")
    trial = copy_tree(writable(database, request).tree)
    protected = apply(database.schema, trial, [], Operation.MERGE, anew=True)
    if protected:
        raise RpcFailure(*map(edit_error, protected))
    return _replace(database, request, trial)


def _replace(database: ConfigurationDatabase, request: Request, tree: Tree) -> Elements:
    put(database, request, tree)
    return ok(request)
