# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Emulated SRX key servers and group members; installed under the name ``groupvpn_keyserver``."""

__version__ = "1.0.0"
"""The collection's, too."""
