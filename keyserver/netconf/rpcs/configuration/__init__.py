# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""RPCs on the configuration: Junos' own and the standard ones of RFC 6241.

``CONFIGURATION_RPCS`` deal with a whole configuration, so that they may take long;
``HOLDING_RPCS`` decide who may edit, at once; ``COMMITS`` have steps of their own.
"""

from __future__ import annotations

from ...arguments import Accepts, Argument
from .answers import CommitHandler, ConfigurationRpc
from .archive import (
    COMMITS_MADE,
    RESCUE,
    REVISION,
    ROLLBACK,
    commit_information,
    commit_revision,
    delete_rescue,
    rescue_information,
    rollback_information,
    save_rescue,
)
from .committing import (
    COMMIT,
    COMMIT_CONFIGURATION,
    SYNCHRONIZED,
    VALIDATE,
    commit_configuration,
    rfc_commit,
    validate,
)
from .copying import COPY_CONFIG, DELETE_CONFIG, copy_config, delete_config
from .holding import (
    close_configuration,
    discard,
    lock,
    lock_configuration,
    open_configuration,
    unlock,
    unlock_configuration,
)
from .loading import EDIT_CONFIG, LOAD_CONFIGURATION, edit_config, load_configuration
from .reading import (
    GET,
    GET_CONFIG,
    GET_CONFIGURATION,
    get,
    get_config,
    get_configuration,
    weight_read,
)

CONFIGURATION_RPCS: dict[str, ConfigurationRpc] = {
    "get-configuration": ConfigurationRpc(get_configuration, GET_CONFIGURATION, weight=weight_read),
    "get-config": ConfigurationRpc(get_config, GET_CONFIG, weight=weight_read),
    "get": ConfigurationRpc(get, GET, weight=weight_read),
    "load-configuration": ConfigurationRpc(load_configuration, LOAD_CONFIGURATION, loads=True),
    "edit-config": ConfigurationRpc(edit_config, EDIT_CONFIG, loads=True),
    "copy-config": ConfigurationRpc(copy_config, COPY_CONFIG),
    "delete-config": ConfigurationRpc(delete_config, DELETE_CONFIG),
    "validate": ConfigurationRpc(validate, VALIDATE, checks=True),
    "get-commit-information": ConfigurationRpc(commit_information, COMMITS_MADE, shown=True),
    "get-commit-revision-information": ConfigurationRpc(commit_revision, REVISION, shown=True),
    "get-rollback-information": ConfigurationRpc(rollback_information, ROLLBACK, shown=True),
    "get-rescue-information": ConfigurationRpc(rescue_information, RESCUE),
    "request-save-rescue-configuration": ConfigurationRpc(save_rescue),
    "request-delete-rescue-configuration": ConfigurationRpc(delete_rescue),
}

_TARGET = Accepts(payload=frozenset({"target"}))
_MODES = Accepts(
    (Argument("private"), Argument("exclusive")),
    alternatives=(frozenset({"private", "exclusive"}),),
)
"""The batch, dynamic and ephemeral databases of larger platforms are not there."""

HOLDING_RPCS: dict[str, ConfigurationRpc] = {
    "lock": ConfigurationRpc(lock, _TARGET),
    "unlock": ConfigurationRpc(unlock, _TARGET),
    "lock-configuration": ConfigurationRpc(lock_configuration),
    "unlock-configuration": ConfigurationRpc(unlock_configuration),
    "open-configuration": ConfigurationRpc(open_configuration, _MODES),
    "close-configuration": ConfigurationRpc(close_configuration),
    "discard-changes": ConfigurationRpc(discard),
}

COMMITS: dict[str, CommitHandler] = {
    "commit": rfc_commit,
    "commit-configuration": commit_configuration,
}


def commit_accepts(name: str, *, clustered: bool) -> Accepts:
    """What that form of a commit takes; only a chassis cluster has something to synchronize."""
    if name == "commit":
        return COMMIT
    return SYNCHRONIZED if clustered else COMMIT_CONFIGURATION
