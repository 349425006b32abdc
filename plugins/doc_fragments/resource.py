# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Options that the modules for configurations share."""

from __future__ import annotations


class ModuleDocFragment:
    """Documentation fragments."""

    DOCUMENTATION = r"""
options:
  generation:
    description:
      - Group VPN generation, which decides what values are legal.
      - V(auto) asks the device for its release, and only when something is to be changed.
    type: str
    choices: [auto, v1, v2]
    default: auto
  commit_comment:
    description:
      - Comment for the commit log.
      - Without it, a confirmed commit bears one that says so, by which a later run knows it.
    type: str
  commit_confirmed:
    description:
      - Minutes, 1 to 65535, after which the device takes the change back unless it is confirmed by
        another commit.
      - When nothing is to be changed, but what is there is still to be confirmed, the task says
        RV(ignore:changed) and returns RV(pending_confirmation), so that a run that was interrupted
        before its confirmation can be repeated. Of a device that does not tell, see
        RV(confirmation_untold).
      - Without it, a task that finds its settings there does not ask whether they still await
        somebody's confirmation. M(groupvpn.junos.confirm_commit) in check mode tells.
      - Not possible with O(edit_mode=private).
    type: int
  commit_synchronize:
    description: Commit on all routing engines.
    type: bool
    default: false
  edit_mode:
    description:
      - V(exclusive) locks the candidate configuration.
      - V(private) works on a private copy, beside other users' uncommitted changes.
    type: str
    choices: [exclusive, private]
    default: exclusive
  pending_confirm:
    description:
      - What to do when a confirmed commit, of whomever, still awaits its confirmation. Every commit
        confirms it, and on Junos so does a check.
      - V(warn) says whose it is and commits; V(refuse) leaves the device as it is. Of one that may
        be confirmed already, because the device does not tell, that is said.
    type: str
    choices: [warn, refuse]
    default: warn
  validate_on_device:
    description:
      - In check mode, have the device load, compare, check and discard the change.
      - While a confirmed commit awaits its confirmation, or the user may not see whether one does,
        the check is left out with a warning, because it would confirm that.
    type: bool
    default: false
"""

    SECRETS = r"""
options:
  update_password:
    description:
      - V(always) sets a pre-shared key that differs from the given one.
      - V(on_create) leaves a key that is there as it is.
    type: str
    choices: [always, on_create]
    default: always
"""
