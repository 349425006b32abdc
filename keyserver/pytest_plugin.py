# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Fixtures for pytest: an emulated SRX, or a whole lab, inside anybody's test suite.

pytest loads this module in every run; what it needs is imported by the fixtures that are asked for.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

import pytest

if TYPE_CHECKING:
    from .testing import Srx, SrxLab

T = TypeVar("T")

_MARKERS = (
    "srx(config=None, generation='v2', **more): how the fixture srx begins, "
    "as groupvpn_keyserver.testing.running_srx takes it; a path is relative to the test's own file",
    "srx_lab(file): the lab file of the fixture srx_lab, relative to the test's own file",
)


def pytest_configure(config: pytest.Config) -> None:
    """Markers are declared, for --strict-markers and --markers."""
    for marker in _MARKERS:
        config.addinivalue_line("markers", marker)


def _entered(running: contextlib.ExitStack, started: contextlib.AbstractContextManager[T]) -> T:
    """What was started, until the stack ends.

    Why it cannot be had is told where it is asked for: our own steps would hide that place.
    """
    __tracebackhide__ = True
    from .testing import LabError

    try:
        return running.enter_context(started)
    except LabError as error:
        raise error.with_traceback(None) from None


@pytest.fixture
def srx_factory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Srx]]:
    """Start SRX devices until the test ends: ``srx_factory(name, config=..., generation=...)``."""
    from .testing import running_srx

    with contextlib.ExitStack() as running:

        def start(name: str = "srx", **more: Any) -> Srx:
            __tracebackhide__ = True
            directory = tmp_path_factory.mktemp("srx")
            return _entered(running, running_srx(directory, name, **more))

        yield start


@pytest.fixture
def srx(request: pytest.FixtureRequest, srx_factory: Callable[..., Srx]) -> Srx:
    """One SRX that speaks NETCONF over SSH; ``@pytest.mark.srx(...)`` says how it begins."""
    marker = request.node.get_closest_marker("srx")
    if marker is not None and marker.args:
        raise pytest.UsageError(f"srx: {marker.args[0]!r}: say what it is: config=...")
    begins = dict(marker.kwargs) if marker else {}
    if isinstance(begins.get("config"), os.PathLike):
        begins["config"] = request.path.parent / begins["config"]
    return srx_factory(**begins)


def _named(request: pytest.FixtureRequest) -> str | os.PathLike[str]:
    """The lab file that a test's mark names."""
    marker = request.node.get_closest_marker("srx_lab")
    named = [] if marker is None else [*marker.args, *marker.kwargs.items()]
    match named:
        case [str() | os.PathLike() as file] | [("file", str() | os.PathLike() as file)]:
            return file
    raise pytest.UsageError('srx_lab: name the lab file: @pytest.mark.srx_lab("lab.yml")')


@pytest.fixture
def srx_lab(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SrxLab]:
    """The devices of a lab file, which ``@pytest.mark.srx_lab("lab.yml")`` names."""
    from .testing import running_lab

    file = request.path.parent / _named(request)
    with contextlib.ExitStack() as running:
        yield _entered(running, running_lab(file, tmp_path_factory.mktemp("srx-lab")))
