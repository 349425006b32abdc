# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""RPCs on the configuration: Junos' own and the standard ones of RFC 6241.

Each handler takes the device's :class:`ConfigurationDatabase` and a :class:`Request` and returns
the children of the ``rpc-reply``. ``CONFIGURATION_RPCS`` is the table of them.
"""

from __future__ import annotations

from .answers import Handler
from .archive import (
    commit_information,
    delete_rescue,
    rescue_information,
    rollback_information,
    save_rescue,
)
from .committing import commit_configuration, rfc_commit, validate
from .holding import close_configuration, discard, lock, open_configuration, unlock
from .loading import edit_config, load_configuration
from .reading import get_config, get_configuration

CONFIGURATION_RPCS: dict[str, Handler] = {
    "get-configuration": get_configuration,
    "get-config": get_config,
    "get-rescue-information": rescue_information,
    "request-save-rescue-configuration": save_rescue,
    "request-delete-rescue-configuration": delete_rescue,
    "get": get_config,
    "load-configuration": load_configuration,
    "edit-config": edit_config,
    "lock": lock,
    "unlock": unlock,
    "lock-configuration": lock,
    "unlock-configuration": unlock,
    "open-configuration": open_configuration,
    "close-configuration": close_configuration,
    "discard-changes": discard,
    "validate": validate,
    "commit": rfc_commit,
    "commit-configuration": commit_configuration,
    "get-commit-information": commit_information,
    "get-rollback-information": rollback_information,
}
