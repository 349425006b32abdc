# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The CLI's text of an answer, for a device whose XML was not understood."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from ..errors import DeviceError, MalformedReply
from ..netconf.libraries import etree
from .doubts import Doubts, neither_form

Found = TypeVar("Found", bound=Doubts)


def as_text(
    step: str, lost: str, words: str, ask: Callable[[etree._Element], Found], in_xml: Found
) -> Found:
    """What the command ``words`` shows, read by ``ask``.

    ``lost``: what it means when neither form is understood. Raises MalformedReply for that.
    """
    command = etree.Element("command", format="text")
    command.text = words
    try:
        found = ask(command)
    except DeviceError as error:
        doubts = "; ".join(error.messages)
    else:
        # A text that says nothing does not explain what the other form said.
        doubts = found.doubts() or found.hollow
        if not doubts:
            return found
    raise MalformedReply(neither_form(step, lost, in_xml.doubts(), doubts))
