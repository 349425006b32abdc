# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Every row of the checklist is so on the real server, and docs/netconf.md has the rows."""

from __future__ import annotations

import asyncio

import pytest

from tests.interop.checklist import PAGE, ROWS, inserted
from tests.interop.wire import bench


@pytest.mark.parametrize("row", ROWS, ids=lambda row: str(row.number))
def test_the_row_is_so(row, tmp_path):
    async def run():
        async with bench(tmp_path) as running:
            await row.check(running)

    asyncio.run(run())


def test_the_page_has_the_rows():
    assert [row.number for row in ROWS] == list(range(1, 73))
    page = PAGE.read_text()
    assert inserted(page) == page, "make docs writes the table anew"
