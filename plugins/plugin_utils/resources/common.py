# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Statements that key servers and members have alike: IKE, identities, tracing.

Names and order: for Group VPNv2 Juniper's YANG, for Group VPNv1 the schema of a 12.1X47 device.
"""

from __future__ import annotations

from collections.abc import Mapping

from ..engine import values
from ..engine.schema import Container, Kind, Leaf, List, Statement
from ..engine.values import Generation

V1, V2 = Generation.V1, Generation.V2
ONLY_V1, ONLY_V2 = frozenset({V1}), frozenset({V2})
AES = ("aes-128-cbc", "aes-192-cbc", "aes-256-cbc")
V1_CIPHERS = ("3des-cbc", *AES, "des-cbc")


def key(summary: str, form: values.Form = values.entry) -> Leaf:
    """The name of a list's entry."""
    return Leaf(name="name", summary=summary, longest=32, form=form)


def words(
    name: str,
    summary: str,
    values: Mapping[Generation, tuple[str, ...]],
    default: str | None = None,
    required: bool = False,
) -> Leaf:
    """A leaf that takes certain words."""
    return Leaf(
        name=name,
        kind=Kind.ENUMERATION,
        summary=summary,
        values=values,
        known=frozenset(values),
        default=default,
        required=required,
    )


def number(
    name: str,
    summary: str,
    ranges: Mapping[Generation, tuple[int, int]],
    default: int | None = None,
    unit: str | None = None,
) -> Leaf:
    """A leaf that takes whole numbers."""
    return Leaf(
        name=name,
        kind=Kind.INTEGER,
        summary=summary,
        ranges=ranges,
        known=frozenset(ranges),
        default=default,
        unit=unit,
    )


def flag(name: str, summary: str, known: frozenset[Generation] = ONLY_V1 | ONLY_V2) -> Leaf:
    """A leaf without a value."""
    return Leaf(name=name, kind=Kind.FLAG, summary=summary, known=known)


def reference(name: str, summary: str, *refers: str) -> Leaf:
    """A leaf with the name of a list's entry; ``refers`` leads from the root to the list."""
    return Leaf(name=name, summary=summary, longest=32, refers=refers)


def references(name: str, summary: str, *refers: str) -> List:
    """A list of nothing but names of another list's entries."""
    return List(
        name=name,
        called=f"{name.replace('-', '_')}s",
        summary=summary,
        key=key("Name of the entry that is meant."),
        refers=refers,
    )


DESCRIPTION = Leaf(name="description", summary="Text that describes it.", longest=80)

ACTIVATION_TIME_DELAY = number(
    "activation-time-delay",
    "Time after which new keys are used; deprecated in Group VPNv2.",
    {V1: (10, 900), V2: (10, 900)},
    15,
    "seconds",
)


def ike_proposal(
    *more: Statement, orders: Mapping[Generation, tuple[str, ...]] | None = None
) -> List:
    """``ike proposal``; ``more``: what stands behind the algorithms."""
    return List(
        name="proposal",
        called="proposals",
        summary="IKE proposals: the algorithms of phase 1.",
        key=key("Name of the proposal."),
        orders=orders or {},
        children=(
            DESCRIPTION,
            words(
                "authentication-method",
                "How the two sides prove who they are.",
                {V1: ("pre-shared-keys", "rsa-signatures"), V2: ("pre-shared-keys",)},
            ),
            words(
                "dh-group",
                "Diffie-Hellman group.",
                {V1: ("group1", "group2", "group5", "group14"), V2: ("group14", "group24")},
            ),
            words(
                "authentication-algorithm",
                "Hash of phase 1.",
                {V1: ("md5", "sha-256", "sha1"), V2: ("sha-256", "sha-384")},
            ),
            words("encryption-algorithm", "Encryption of phase 1.", {V1: V1_CIPHERS, V2: AES}),
            *more,
        ),
    )


def ike_policy(*above: str) -> List:
    """``ike policy``; ``above``: what leads from the resource's root to ``ike``."""
    return List(
        name="policy",
        called="policies",
        summary="IKE policies: mode, proposals and key of phase 1.",
        key=key("Name of the policy."),
        exclusive=(("proposals", "proposal-set"),),
        children=(
            words(
                "mode",
                "Mode of phase 1.",
                {V1: ("main", "aggressive"), V2: ("main", "aggressive")},
                "main",
            ),
            DESCRIPTION,
            Leaf(
                name="proposals",
                many=True,
                summary="Names of IKE proposals, the preferred one first.",
                longest=32,
                narrower={V2: (values.identifier, 32)},
                refers=(*above, "ike", "proposal"),
            ),
            Container(
                name="certificate",
                known=ONLY_V1,
                summary="Certificates instead of a pre-shared key.",
                children=(
                    Leaf(
                        name="local-certificate",
                        summary="Identifier of the local certificate.",
                        longest=32,
                    ),
                    words(
                        "peer-certificate-type",
                        "Form of the peer's certificate.",
                        {V1: ("pkcs7", "x509-signature")},
                    ),
                ),
            ),
            words(
                "proposal-set",
                "A set of proposals that Junos defines.",
                {V1: ("basic", "compatible", "standard")},
            ),
            Container(
                name="pre-shared-key",
                summary="Key that both sides share; a plain value is taken for its ascii_text.",
                oneline=True,
                shorthand="ascii-text",
                exclusive=(("ascii-text", "hexadecimal"),),
                children=(
                    Leaf(
                        name="ascii-text",
                        secret=True,
                        summary="The key as printable ASCII characters.",
                        form=values.key_text,
                    ),
                    Leaf(
                        name="hexadecimal",
                        secret=True,
                        summary="The key as hexadecimal digits.",
                        form=values.hexadecimal,
                    ),
                ),
            ),
        ),
    )


_IDENTITIES = (
    ("inet", "identity-ipv4", "An IPv4 address.", values.ipv4_address),
    ("hostname", "identity-hostname", "A host name.", values.name),
    ("user-at-hostname", "identity-user", "An e-mail address.", values.name),
)


def identity(
    name: str, summary: str, known: frozenset[Generation] = ONLY_V1 | ONLY_V2
) -> Container:
    """``local-identity`` or ``remote-identity``."""
    kinds: list[Statement] = [
        Container(
            name=kind,
            summary=what,
            oneline_within=True,
            children=(Leaf(name=leaf, summary=what, bare=True, form=form),),
        )
        for kind, leaf, what, form in _IDENTITIES
    ]
    kinds.append(flag("distinguished-name", "The name in the certificate.", ONLY_V1))
    return Container(
        name=name,
        summary=summary,
        known=known,
        oneline=True,
        exclusive=(tuple(child.name for child in kinds),),
        children=tuple(kinds),
    )


ROUTING_INSTANCE = Leaf(
    name="routing-instance",
    known=ONLY_V2,
    summary="Routing instance that the peer is reached through.",
    default="default",
)

_FLAGS = (
    "timer",
    "routing-socket",
    "parse",
    "config",
    "ike",
    "policy-manager",
    "general",
    "database",
    "certificates",
    "snmp",
    "thread",
    "high-availability",
    "next-hop-tunnels",
    "all",
)


def traceoptions(known: frozenset[Generation] = ONLY_V1 | ONLY_V2) -> Container:
    """``traceoptions`` of IKE."""
    return Container(
        name="traceoptions",
        known=known,
        unit=True,
        summary="Tracing of key management.",
        children=(
            flag("no-remote-trace", "Do not trace to a remote host."),
            Container(
                name="file",
                summary="File that is traced to.",
                oneline=True,
                exclusive=(("world-readable", "no-world-readable"),),
                children=(
                    Leaf(
                        name="filename",
                        bare=True,
                        summary="Name of the file.",
                        form=values.file_name,
                        longest=1024,
                    ),
                    Leaf(name="size", summary="Largest size, such as 10m."),
                    number("files", "How many files are kept.", {V1: (2, 1000), V2: (2, 1000)}, 3),
                    flag("world-readable", "Anybody may read the file."),
                    flag("no-world-readable", "Not everybody may read the file."),
                    Leaf(name="match", summary="Regular expression for lines to trace."),
                ),
            ),
            words(
                "level",
                "Least severe messages to trace.",
                {V2: ("error", "warning", "notice", "info", "verbose", "all")},
                "error",
            ),
            List(
                name="flag",
                called="flags",
                summary="What is traced.",
                key=Leaf(
                    name="name",
                    kind=Kind.ENUMERATION,
                    summary="What is traced.",
                    values={V1: _FLAGS, V2: _FLAGS},
                ),
            ),
            Container(
                name="gateway-filter",
                known=ONLY_V2,
                summary="Trace one pair of peers.",
                children=(
                    Leaf(name="local-address", summary="Our address.", form=values.ipv4_address),
                    Leaf(
                        name="remote-address",
                        summary="The peer's address.",
                        form=values.ipv4_address,
                    ),
                ),
            ),
        ),
    )
