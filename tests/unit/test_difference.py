# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A predicted difference is laid out as ``show | compare`` lays it out (docs/architecture.md)."""

from __future__ import annotations

from textwrap import dedent

import pytest
from ansible_collections.groupvpn.junos.plugins.plugin_utils.engine.compare import difference
from ansible_collections.groupvpn.junos.plugins.plugin_utils.engine.tree import Configuration
from ansible_collections.groupvpn.junos.plugins.plugin_utils.engine.values import Generation
from ansible_collections.groupvpn.junos.plugins.plugin_utils.resources.server import RESOURCE

S = "set security group-vpn server"


def lines(*texts):
    return "\n".join(f"{S} {text}" if not text.startswith("deactivate") else text for text in texts)


def group(name, number):
    return f"group {name} group-id {number}"


def smc(name):
    return f"group {name} server-member-communication"


A, B, C, D = (group(name, number) for number, name in enumerate("ABCD", 1))
OFF = "deactivate security group-vpn server group"
ASLEEP = "deactivate security group-vpn server traceoptions file size"


def shown(before, after):
    sides = [
        RESOURCE.parse(lines(*side)).explicit if side else Configuration()
        for side in (before, after)
    ]
    return difference(RESOURCE.prefix, RESOURCE.root, *sides, Generation.V2)


@pytest.mark.parametrize(
    ("before", "after", "text"),
    [
        pytest.param([A], [A], "", id="nothing"),
        pytest.param(
            [A],
            [A, B],
            """
            [edit security group-vpn server]
                  group A { ... }
            +     group B {
            +         group-id 2;
            +     }
            """,
            id="what comes last stands behind its predecessor",
        ),
        pytest.param(
            [B],
            [A, B],
            """
            [edit security group-vpn server]
            +     group A {
            +         group-id 1;
            +     }
                  group B { ... }
            """,
            id="what comes first stands before the one that was first",
        ),
        pytest.param(
            [A, C, D],
            [A, B, D],
            """
            [edit security group-vpn server]
                  group A { ... }
            +     group B {
            +         group-id 2;
            +     }
                  group D { ... }
            -     group C {
            -         group-id 3;
            -     }
            """,
            id="what comes between its neighbours, then what goes",
        ),
        pytest.param(
            [B, f"{smc('B')} heartbeat 10", f"{OFF} B"],
            [A, B, f"{smc('B')} heartbeat 10", f"{OFF} B", C],
            """
            [edit security group-vpn server]
            +     group A {
            +         group-id 1;
            +     }
                  inactive: group B { ... }
            +     group C {
            +         group-id 3;
            +     }
            """,
            id="a neighbour on both sides is named once, and as what it is",
        ),
        pytest.param(
            ["group A description x", "ike gateway g address 192.0.2.1"],
            [
                *(
                    "group A group-id 1",
                    "group A ike-gateway g",
                    "group A server-address 192.0.2.1",
                ),
                "ike gateway g address 192.0.2.1",
            ],
            """
            [edit security group-vpn server group A]
            -     description x;
            +     group-id 1;
            +     ike-gateway g;
            +     server-address 192.0.2.1;
            """,
            id="entries of a list that comes right behind what comes",
        ),
        pytest.param(
            ["group A group-id 1", "group A ike-gateway g"],
            [
                *("group A group-id 2", "group A ike-gateway g", "group A ike-gateway h"),
                "group A server-address 192.0.2.1",
            ],
            """
            [edit security group-vpn server group A]
            -     group-id 1;
            +     group-id 2;
            [edit security group-vpn server group A]
                   ike-gateway g { ... }
            +      ike-gateway h;
            [edit security group-vpn server group A]
            +     server-address 192.0.2.1;
            """,
            id="a list that both have stands below a heading of its own",
        ),
        pytest.param(
            ["group A group-id 1", "group A ike-gateway g"],
            [
                *("group A group-id 2", "group A ike-gateway g"),
                "group A server-address 192.0.2.1",
            ],
            """
            [edit security group-vpn server group A]
            -     group-id 1;
            +     group-id 2;
            [edit security group-vpn server group A]
            +     server-address 192.0.2.1;
            """,
            id="behind what stays as it is the heading stands again",
        ),
        pytest.param(
            [A, B, C],
            [B],
            """
            [edit security group-vpn server]
            -     group A {
            -         group-id 1;
            -     }
            -     group C {
            -         group-id 3;
            -     }
            """,
            id="what only goes has no context",
        ),
        pytest.param(
            [A, B, C],
            [A, C, B],
            """
            [edit security group-vpn server]
                  group A { ... }
            !     group C { ... }
            """,
            id="what moved is marked behind the one before it",
        ),
        pytest.param(
            [A, B, C],
            [C, A, B],
            """
            [edit security group-vpn server]
            !     group C { ... }
            """,
            id="what moved to the front has none before it",
        ),
        pytest.param(
            [A, B],
            [B, A, C],
            """
            [edit security group-vpn server]
            !     group B { ... }
            [edit security group-vpn server]
                  group A { ... }
            +     group C {
            +         group-id 3;
            +     }
            """,
            id="moves have a heading of their own",
        ),
        pytest.param(
            [A, B],
            [A, group("B", 9)],
            """
            [edit security group-vpn server group B]
            -     group-id 2;
            +     group-id 9;
            """,
            id="a value that changes goes and comes",
        ),
        pytest.param(
            [],
            [A],
            """
            [edit security]
            +   group-vpn {
            +       server {
            +           group A {
            +               group-id 1;
            +           }
            +       }
            +   }
            """,
            id="what comes whole takes the containers around it along",
        ),
        pytest.param(
            [A],
            [],
            """
            [edit security]
            -   group-vpn {
            -       server {
            -           group A {
            -               group-id 1;
            -           }
            -       }
            -   }
            """,
            id="and so does what goes whole",
        ),
        pytest.param(
            [A, f"{OFF} A"],
            [A],
            """
            [edit security group-vpn server]
            !      active: group A { ... }
            """,
            id="what wakes is named one column further",
        ),
        pytest.param(
            [A, f"{OFF} A group-id"],
            [A],
            """
            [edit security group-vpn server group A]
            -     inactive: group-id 1;
            +     group-id 1;
            """,
            id="a leaf that wakes goes and comes",
        ),
        pytest.param(
            ["group A ipsec-sa s proposal a", "group A ipsec-sa s match-policy p protocol 6"],
            [f"group A ipsec-sa s match-policy {name} protocol 6" for name in "pq"],
            """
            [edit security group-vpn server group A ipsec-sa s]
            -      proposal a;
            [edit security group-vpn server group A ipsec-sa s]
                    match-policy p { ... }
            +       match-policy q {
            +           protocol 6;
            +       }
            """,
            id="entries stand in their own column below it",
        ),
        pytest.param(
            ["group A description x", "group A ike-gateway a", "group A ike-gateway b"],
            ["group A ike-gateway b", "group A ike-gateway a"],
            """
            [edit security group-vpn server group A]
            -     description x;
            [edit security group-vpn server group A]
            !      ike-gateway b { ... }
            """,
            id="what moved stands below a heading of its own",
        ),
        pytest.param(
            [A],
            [A, B, f"{OFF} B"],
            """
            [edit security group-vpn server]
                  group A { ... }
            +     inactive: group B {
            +         group-id 2;
            +     }
            """,
            id="what comes asleep says so",
        ),
        pytest.param(
            ["ike policy p proposals [ one two ]"],
            ["ike policy p proposals [ two one ]"],
            """
            [edit security group-vpn server ike policy p]
            -      proposals [ one two ];
            +      proposals [ two one ];
            """,
            id="values of a list go and come together",
        ),
        pytest.param(
            ["ike policy p mode main", "ike gateway g address 192.0.2.1"],
            [
                "ike policy p mode main",
                "ike gateway g address 192.0.2.2",
                "ike gateway g ike-policy p",
            ],
            """
            [edit security group-vpn server ike gateway g]
            +      ike-policy p;
            -      address 192.0.2.1;
            +      address 192.0.2.2;
            """,
            id="statements stand in the order of the schema",
        ),
        pytest.param(
            [A],
            [A, 'group A description "two words"'],
            """
            [edit security group-vpn server group A]
            +     description "two words";
            """,
            id="text with blanks is quoted",
        ),
        pytest.param(
            [A],
            [A, "ike gateway g local-identity hostname h.example.net"],
            """
            [edit security group-vpn server]
            +     ike {
            +         gateway g {
            +             local-identity hostname h.example.net;
            +         }
            +     }
            """,
            id="what stands on one line does so inside of others",
        ),
        pytest.param(
            [A, "traceoptions file size 10k", "traceoptions file files 7", ASLEEP],
            [A],
            """
            [edit security group-vpn server]
            -     traceoptions {
            -         file {
            -             inactive: size 10k;
            -             files 7;
            -         }
            -     }
            """,
            id="but for what is inactive in part",
        ),
    ],
)
def test_a_predicted_difference_is_laid_out_as_devices_do(before, after, text):
    assert shown(before, after) == dedent(text).lstrip("\n")
