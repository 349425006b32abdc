# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
name: netconf
author: groupvpn.junos contributors (@groupvpn)
short_description: NETCONF to Junos devices without a process of its own
version_added: 1.0.0
description:
  - Connects to a Junos device by NETCONF over SSH, inside Ansible's worker process.
  - Uses C(ncclient), with its polling replaced, over the OpenSSH client, libssh or C(paramiko).
  - The OpenSSH transport honours C(~/.ssh/config), agents, jump hosts, hardware keys and
    C(known_hosts), and needs one login for all tasks of a play.
  - A slow path to the device makes one login for all tasks worth more than a cheap one; set
    O(transport=openssh) then.
requirements:
  - ncclient >= 0.7.0
  - lxml
options:
  host:
    description: Name or address of the device.
    default: inventory_hostname
    vars:
      - name: inventory_hostname
      - name: ansible_host
  port:
    description: TCP port of NETCONF over SSH.
    type: int
    default: 830
    ini:
      - {section: defaults, key: remote_port}
    env:
      - name: ANSIBLE_REMOTE_PORT
    vars:
      - name: ansible_port
  remote_user:
    description: User to log in as; the SSH client's choice when not set.
    ini:
      - {section: defaults, key: remote_user}
    env:
      - name: ANSIBLE_REMOTE_USER
    vars:
      - name: ansible_user
  password:
    description:
      - Password to log in with.
      - It is handed to the SSH client through a named pipe, never in an argument, an environment
        variable or a file; that needs OpenSSH 8.4.
      - The SSH client gets it once, for the device's own prompt. A jump host that asks for a
        password gets none; let a key or an agent log in there.
    vars:
      - name: ansible_password
      - name: ansible_ssh_pass
      - name: ansible_ssh_password
  private_key_file:
    description: Private key to log in with.
    ini:
      - {section: defaults, key: private_key_file}
    env:
      - name: ANSIBLE_PRIVATE_KEY_FILE
    vars:
      - name: ansible_private_key_file
      - name: ansible_ssh_private_key_file
  host_key_checking:
    description: Refuse a device whose host key is unknown or has changed.
    type: bool
    default: true
    ini:
      - {section: defaults, key: host_key_checking}
    env:
      - name: ANSIBLE_HOST_KEY_CHECKING
    vars:
      - name: ansible_host_key_checking
      - name: ansible_ssh_host_key_checking
  known_hosts_file:
    description: File of known host keys to use instead of the SSH client's own.
    type: path
    vars:
      - name: ansible_known_hosts_file
  ssh_common_args:
    description: More arguments for the SSH client, such as C(-J jumphost); OpenSSH only.
    default: ""
    ini:
      - {section: ssh_connection, key: ssh_common_args}
    env:
      - name: ANSIBLE_SSH_COMMON_ARGS
    vars:
      - name: ansible_ssh_common_args
  transport:
    description:
      - What carries the session.
      - V(auto) takes the cheapest one that can do what is asked. For a login with a password alone
        that one task of a play needs, that is libssh where C(ssh-python) is installed, and paramiko
        where it is not, or where a device knows only algorithms that are too old for libssh;
        several tasks share one login of the OpenSSH client, as O(persist) says. Keys,
        O(ssh_common_args) and whatever an SSH client's configuration says are always left to the
        OpenSSH client where there is one.
      - Over libssh and paramiko C(HostName), C(HostKeyAlias), C(UserKnownHostsFile),
        C(GlobalKnownHostsFile), C(User), C(Include), C(Host) and C(Match) by host and user of that
        configuration are followed as C(ssh) does, over paramiko C(IdentityFile),
        C(IdentitiesOnly) and C(ProxyCommand) as well; C(Port) is ansible_port on all.
        C(ProxyJump), C(KnownHostsCommand), C(RevokedHostKeys) and other conditions of C(Match) are
        refused by name; any other keyword is OpenSSH's alone.
    choices: [auto, openssh, libssh, paramiko]
    default: auto
    vars:
      - name: ansible_netconf_transport
  persist:
    description:
      - Seconds that OpenSSH's login and its NETCONF session stay open for the play's next tasks; 0
        for none.
      - The session ends with the play's last task for the device, or with Ansible itself.
    type: int
    default: 60
    vars:
      - name: ansible_netconf_persist
  control_path_dir:
    description:
      - Directory in which OpenSSH's logins listen for the play's next tasks; C(cp) in Ansible's
        home when not set.
      - When it cannot be written, or is too long for a socket's path, a directory of the user's own
        below the one for temporary files takes its place.
    type: str
    ini:
      - {section: ssh_connection, key: control_path_dir}
    env:
      - name: ANSIBLE_SSH_CONTROL_PATH_DIR
    vars:
      - name: ansible_control_path_dir
  connect_timeout:
    description: Seconds to wait for the connection and the device's hello.
    type: int
    default: 10
    vars:
      - name: ansible_connect_timeout
  rpc_timeout:
    description: Seconds to wait for each reply.
    type: int
    default: 60
    vars:
      - name: ansible_rpc_timeout
      - name: ansible_command_timeout
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ansible import constants
from ansible.errors import AnsibleConnectionFailure, AnsibleError
from ansible.plugins.connection import ConnectionBase

from ..plugin_utils.errors import TransportFailure, all_legible
from ..plugin_utils.netconf import login_values
from ..plugin_utils.netconf.openssh import end_login
from ..plugin_utils.netconf.rpc import SessionRpc
from ..plugin_utils.netconf.session import Target
from ..plugin_utils.netconf.transports import open_session


class Connection(ConnectionBase):
    """NETCONF to one device for one task."""

    transport = "groupvpn.junos.netconf"
    has_pipelining = False
    force_persistence = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._connected = False
        self._session: Any = None
        self._way: tuple[Target, str] | None = None
        self._in_order = False
        self._keep = False

    def _target(self, several_tasks: bool) -> Target:
        def text(option: str, variable: str) -> str | None:
            return login_values.text(variable, self.get_option(option))

        common_args = self.get_option("ssh_common_args")
        return Target(
            host=text("host", "ansible_host") or "",
            port=int(self.get_option("port")),
            user=text("remote_user", "ansible_user"),
            password=text("password", "ansible_password"),
            private_key_file=text("private_key_file", "ansible_private_key_file"),
            host_key_checking=bool(self.get_option("host_key_checking")),
            known_hosts_file=text("known_hosts_file", "ansible_known_hosts_file"),
            ssh_common_args=login_values.arguments("ansible_ssh_common_args", common_args),
            persist=int(self.get_option("persist")),
            connect_timeout=float(self.get_option("connect_timeout")),
            rpc_timeout=float(self.get_option("rpc_timeout")),
            several_tasks=several_tasks,
            run_directory=constants.DEFAULT_LOCAL_TMP,
            control_directory=text("control_path_dir", "ansible_control_path_dir")
            or f"{constants.ANSIBLE_HOME}/cp",
        )

    def _connect(self, several_tasks: bool = False) -> Connection:
        try:
            way = self._target(several_tasks), str(self.get_option("transport"))
            # Another item of a loop may be another device: Ansible goes by the address alone.
            if self._connected and way == self._way:
                return self
            self.close()
            self._session = open_session(*way, self._teller())
        except TransportFailure as failure:
            raise AnsibleConnectionFailure(str(failure)) from None
        self._way, self._connected = way, True
        return self

    def _teller(self) -> Callable[[str], None] | None:
        """Who wants to know how a session is opened: nobody below -vvv."""
        if self._display.verbosity < 3:
            return None
        host = self.get_option("host")
        return lambda line: self._display.vvv(all_legible(line), host=host)

    def rpc(self, several_tasks: bool = False) -> SessionRpc:
        """RPCs to the device; connects when that has not happened yet.

        ``several_tasks``: more tasks of the play will want to.
        """
        # An item of the task's loop failed: what it may have left in its session ends with it. One
        # that waited for others has lost it perhaps, and nothing with it.
        usable = self._in_order and self._session is not None and self._session.is_alive()
        self._in_order = self._keep = False
        if not usable:
            self.close()
        self._connect(several_tasks)
        return SessionRpc(self._session, self._another_session)

    def _another_session(self) -> Any:
        """A session in place of one that broke, over a login of its own."""
        target = replace(self._target(several_tasks=False), persist=0)
        self._session = open_session(target, str(self.get_option("transport")))
        return self._session

    def finished(self, keep: bool) -> None:
        """The session is in a state to be used again; ``keep``: leave it to a later task."""
        self._in_order, self._keep = True, keep

    def close(self) -> None:
        """End the session, or leave it; the login stays for later tasks as ``persist`` says."""
        if self._session is not None:
            # Every transaction gave back its lock; a device ends the session of a client that
            # goes, so that a close-session RPC would be one more round trip for nothing.
            if not (self._keep and self._session.keep()):
                self._session.close()
            self._session = None
        self._connected = False

    def reset(self) -> None:
        """Forget what tasks before left open (``meta: reset_connection``)."""
        self._in_order = self._keep = False
        self.close()
        end_login(self._target(several_tasks=True))

    def exec_command(self, cmd: str, in_data: Any = None, sudoable: bool = True) -> Any:
        raise self._not_carried("shell commands")

    def put_file(self, in_path: str, out_path: str) -> None:
        raise self._not_carried("files")

    def fetch_file(self, in_path: str, out_path: str) -> None:
        raise self._not_carried("files")

    def _not_carried(self, what: str) -> AnsibleError:
        host = self.get_option("host")
        return AnsibleError(
            f"{host}: the connection groupvpn.junos.netconf carries NETCONF of this collection's "
            f"modules, not {what}; set gather_facts to false in the play; for a module of "
            "ansible.netcommon or junipernetworks.junos set ansible_connection to "
            "ansible.netcommon.netconf in the task's vars, and ansible_network_os to "
            "junipernetworks.junos.junos; give any other task another connection"
        )
