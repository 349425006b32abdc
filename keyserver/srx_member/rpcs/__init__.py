# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""RPCs of an SRX that is a member: what shows and what clears its membership.

Elements are those of Junos' published models (the KEK's of the EX family, the only ones that are);
the words of ``gvpn-policy-type`` are ours.
"""
