# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Why a session could not be opened, and what to do: from what its carrier or the device said."""

from __future__ import annotations

import re

from ..errors import DeviceError, MalformedReply

# In this order: what comes first may be followed by a sentence that fits a later line as well.
EXPLANATIONS: tuple[tuple[str, str, str], ...] = (
    (
        r"marked as revoked|REVOKED HOST KEY|host key of .* is revoked",
        "the host key is revoked",
        "known_hosts marks it @revoked; do not log in there before that is cleared up",
    ),
    (
        r"@cert-authority",
        "the host key cannot be judged",
        "set ansible_netconf_transport to openssh, which knows certificates",
    ),
    (
        r"IDENTIFICATION HAS CHANGED|[Hh]ost key for .* (?:has changed|does not match)|BadHostKey",
        "the host key has changed",
        "find out why; if the change is right, replace the key in known_hosts",
    ),
    (
        r"Could not resolve|Name or service not known|[Nn]ame resolution|nodename nor|gaierror",
        "the name is unknown",
        "check ansible_host",
    ),
    (
        r"host key is known for|Host key verification failed|SSHUnknownHostError|Unknown host key",
        "the host key is not known",
        "add it to known_hosts, or set ansible_host_key_checking to false for a lab",
    ),
    (
        r"Connection refused|ConnectionRefused|Unable to connect|Could not open socket",
        "nothing listens there",
        "check ansible_host and ansible_port, and 'set system services netconf ssh'",
    ),
    (
        r"No route to host|[Nn]etwork is unreachable|Host is (?:down|unreachable)",
        "no route leads to it",
        "check ansible_host, and routes and filters between here and there",
    ),
    (
        r"Bad configuration option|Bad owner or permissions|Can't open user config|"
        r"unknown option|[Mm]issing argument|terminating, \d+ bad",
        "the SSH client refuses its configuration",
        "check ansible_ssh_common_args and the SSH configuration",
    ),
    (
        r"Unable to negotiate|no match(?:ing)?\b|no acceptable|Incompatible(?:Peer| ssh peer)",
        "the two have no algorithm in common",
        "allow the device's in the SSH configuration, and set ansible_netconf_transport to openssh",
    ),
    (
        r"It was not the device that asked",
        "the jump host refused the login",
        "ansible_password is the device's alone; let a key or an agent log in to the jump host",
    ),
    (
        r"the device wants a new password",
        "authentication failed",
        "log in by hand once and set one",
    ),
    (
        r"the device asks for something else than the password",
        "authentication failed",
        "use a login that takes a password alone, or a key: ansible_private_key_file",
    ),
    (
        r"Load key|no private key at|UNPROTECTED PRIVATE KEY|private key file|PasswordRequired|"
        r"load PEM|MalformedFraming|[Cc]ould not deserialize",
        "the private key cannot be used",
        "check ansible_private_key_file, its permissions and its passphrase",
    ),
    (
        r"Permission denied|Too many auth|"
        # A device that hangs up while it is to judge has not refused: paramiko says so as well.
        r"(?:[Aa]uthentication failed|Authentication(?:Error|Exception))"
        r"(?!.*(?:EOFError|saw EOF|Connection(?:Reset|Aborted)|Broken[Pp]ipe))",
        "authentication failed",
        "check ansible_user and ansible_password or ansible_private_key_file",
    ),
    (
        r"subsystem request failed",
        "the device offers no NETCONF subsystem",
        "configure 'set system services netconf ssh'",
    ),
    (
        r"(?m)^(?:ssh: |Bad |command-line|usage: ssh|unix_listener|remote username|hostname )",
        "the SSH client refuses what it was given",
        "check ansible_host, ansible_user, ansible_ssh_common_args and the SSH configuration",
    ),
    (
        r"(?m)^(?:channel \d+: open failed.*\s+)?stdio forwarding failed",
        "the jump host does not lead to the device",
        "check ansible_host and ansible_port as the jump host sees them, and whether it forwards",
    ),
    (
        r"(?m)Channel opening failure|ChannelException|^channel \d+: open failed|"
        r"Session open refused",
        "the device opens no session",
        "it may have as many as it allows; its log may say why: connection-limit or rate-limit of "
        "'system services netconf ssh', or the user's login class",
    ),
    (
        r"Unexpected session close behind",
        "the device ended the connection",
        "that was said instead of a NETCONF hello; give the user a login class that may use "
        "NETCONF, or check ansible_user",
    ),
    (
        r"[Tt]imed? ?out|no hello within|no SSH session within",
        "it did not answer in time",
        "check reachability, or raise ansible_connect_timeout",
    ),
    (
        r"Received (?:SSH_MSG_)?(?i:disconnect)|(?:Connection|Channel) (?:closed|reset)|"
        r"kex_exchange_identification|protocol banner|Unexpected session close|SessionCloseError|"
        r"Socket (?:is closed|error)|Broken ?[Pp]ipe|EOFError|saw EOF|ended with status",
        "the device ended the connection",
        "its log may say why: the user's login class, connection-limit or rate-limit of "
        "'system services netconf ssh', or a filter",
    ),
)


def explain(where: str, step: str, error: Exception, said: str) -> str:
    """One sentence about a failed connection: host, step, cause, remedy.

    ``said``: what the program that carries the session said of itself.
    """
    if isinstance(error, DeviceError):
        words = " ".join(error.messages)
        return (
            f"{where}: {step}: the device refuses this user ({words}); give the user a login class "
            "that may use NETCONF, or check ansible_user"
        )
    text = f"{said}\n{type(error).__name__}: {error}"
    for pattern, cause, remedy in EXPLANATIONS:
        match = re.search(pattern, text)
        if match is not None:
            shown = _line(text, match.start())
            if said and match.start() > len(said):
                shown += f"; {said.splitlines()[-1]}"
            return f"{where}: {step}: {cause} ({shown}); {remedy}"
    if isinstance(error, MalformedReply):
        return f"{where}: {step}: {error}; check ansible_port: NETCONF over SSH is at 830, or at 22"
    detail = said.splitlines()[-1] if said else str(error) or type(error).__name__
    return f"{where}: {step}: the connection failed ({detail}); -vvv shows how it was begun"


def _line(text: str, position: int) -> str:
    """The line of a text that a position is in, without the name of an exception."""
    start = text.rfind("\n", 0, position) + 1
    line = text[start:].partition("\n")[0].strip()
    words = re.sub(r"^\w+(?:Error|Exception|Failed): (?=\S)", "", line)
    # ncclient quotes paramiko's exceptions as Python does.
    return re.sub(r"""^\w+\((['"])(.*)\1\)$""", r"\2", words)
