# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""``file-list`` and ``file-show``: the few files of an emulated device.

There is one file, which says what the routing engine is called inside of the device; clients
compare it with the addresses of the private routing instance. The users' directory and that for
temporary files are there and empty.
"""

from __future__ import annotations

from lxml import etree

from ...config.candidate import utc
from ..arguments import Argument, text_of
from ..reply import RpcError, RpcFailure, xml_text
from ..session import Request
from .platform import Elements, OperationalRpc, Platform, takes

INTERNAL_ADDRESS = "127.0.0.1"
"""Where the routing engine finds itself, in the routing instance that no user sees."""
_FILES = {"/etc/hosts.junos": f"{INTERNAL_ADDRESS}    re0 master node\n"}


def _directories(request: Request) -> dict[str, list[str]]:
    """The directories, and which files are in them."""
    found: dict[str, list[str]] = {_home(request): [], "/var/tmp": []}
    for path in _FILES:
        folder, _, name = path.rpartition("/")
        found.setdefault(folder, []).append(name)
    return found


def _home(request: Request) -> str:
    return f"/var/home/{request.holder.user}"


def _listing(device: Platform, request: Request) -> Elements:
    own = request.dialect.own
    path = _absolute(request, request.text("path") or "~")
    listing = own("directory-list")
    listing.set("root-path", xml_text(path))
    names = _directories(request).get(path)
    if names is not None:
        directory = _directory(device, request, path, names)
        # Without it what is listed is a file.
        directory.set("name", xml_text(f"{path}/"))
        listing.append(directory)
    elif path in _FILES:
        folder, _, name = path.rpartition("/")
        listing.append(_directory(device, request, folder, [name]))
    else:
        listing.append(own("output", xml_text(f"{path}: No such file or directory")))
    return [listing]


def _directory(device: Platform, request: Request, folder: str, names: list[str]) -> etree._Element:
    own = request.dialect.own
    directory = own("directory", None, own("directory-name", xml_text(f"{folder}/")))
    directory.extend(_file(device, request, folder, name) for name in names)
    directory.append(own("total-files", str(len(names))))
    return directory


def _file(device: Platform, request: Request, folder: str, name: str) -> etree._Element:
    own, styled = request.dialect.own, request.dialect.styled
    information = own("file-information", None, own("file-name", name))
    if request.child("detail") is None:
        return information
    size, started = len(_FILES[f"{folder}/{name}"]), device.started
    information.append(styled(own("file-permissions", "644"), format="-rw-r--r--"))
    for field, value in (("owner", "root"), ("group", "wheel"), ("links", "1"), ("size", size)):
        information.append(own(f"file-{field}", str(value)))
    information.append(styled(own("file-date", str(int(started))), format=utc(started)))
    return information


def _absolute(request: Request, path: str) -> str:
    if path == "~" or path.startswith("~/"):
        path = _home(request) + path[1:]
    elif not path.startswith("/"):
        path = f"{_home(request)}/{path}"
    steps: list[str] = []
    for step in path.split("/"):
        if step == "..":
            del steps[-1:]
        elif step not in ("", "."):
            steps.append(step)
    return "/" + "/".join(steps)


def _contents(device: Platform, request: Request) -> Elements:
    path = _absolute(request, request.text("filename") or "")
    if path not in _FILES:
        raise RpcFailure(RpcError(f"could not resolve file: {xml_text(path)}"))
    content = request.dialect.own("file-content", f"\n{_FILES[path]}")
    content.set("filename", path)
    return [content]


FILE_RPCS: dict[str, OperationalRpc] = {
    "file-list": OperationalRpc(
        _listing, takes(Argument("detail"), Argument("path", text_of(1024), word="")), "file list"
    ),
    "file-show": OperationalRpc(
        _contents,
        takes(
            Argument("filename", text_of(1024), word=""),
            required=frozenset({"filename"}),
        ),
        "file show",
    ),
}
