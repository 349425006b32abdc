# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a rude device has, asked without a wire: its answers may be twisted, stage by stage."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping

from ansible_collections.groupvpn.junos.plugins.plugin_utils.netconf.verdict import refuse_errors
from ansible_collections.groupvpn.junos.plugins.plugin_utils.netconf.xml import parse_document
from lxml import etree

from tests.rude.device import Box
from tests.rude.manners import Stage
from tests.rude.operations import JUNOS, Operations, Refusal, rpc_error

Twist = Callable[[str], str]


class Boxed:
    """An Rpc to a box. A twist gets what would be answered, once it is done, and may raise.

    ``anew``: whether there is another session to ask over; ``ends``: whether this one can be ended.
    """

    patience = 0.0

    def __init__(
        self, box: Box, twists: Mapping[Stage, Twist], *, anew: bool = True, ends: bool = True
    ) -> None:
        self.box, self.twists, self.anew, self.ends = box, twists, anew, ends
        self.stages: list[Stage] = []
        self.ended = 0
        self._numbers = itertools.count(1)
        self._session = Operations(box, next(self._numbers))

    def call(
        self, step: str, operation: etree._Element, then: tuple[etree._Element, ...] = ()
    ) -> etree._Element:
        stage = self._session.stage_of(operation)
        self.stages.append(stage)
        try:
            content = self._session.perform(operation)
        except Refusal as refusal:
            content = rpc_error(str(refusal))
        content = self.twists.get(stage, str)(content)
        namespace = JUNOS.format(self.box.release)
        reply = f'<rpc-reply xmlns:junos="{namespace}">{content}</rpc-reply>'
        return refuse_errors(step, parse_document(reply.encode()))

    def is_alive(self) -> bool:
        return True

    def reconnect(self) -> bool:
        if self.anew:
            self.box.end(self._session.number)
            self._session = Operations(self.box, next(self._numbers))
        return self.anew

    def end(self) -> bool:
        if self.ends:
            self.box.end(self._session.number)
            self.ended += 1
        return self.ends
