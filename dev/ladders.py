# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""``python -m dev.ladders``: who sends what when, drawn from runs of key server and members.

Every arrow is a datagram that was sent and every box an event of a member, at the time of a clock
that the run moves by hand. What an encrypted message holds is named as in the RFC.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from cryptography.hazmat.primitives.asymmetric import rsa

from keyserver.groups.plane import SigningKeys
from keyserver.ike.wire import exchange_of
from keyserver.member.events import MemberEvent
from tests.keyserver.world import GM, V1_SMC, World

IMAGES = Path(__file__).parents[1] / "docs" / "images"
HUB, OTHER = "key server", "192.0.2.12"
NAMES = {GM: "site-1", OTHER: "site-2"}
BLOCK = V1_SMC + "encryption-algorithm aes-256-cbc sig-hash-algorithm sha-256"

# What the messages of an exchange hold, in their order: RFC 2409 §5.4, RFC 6407 §3.2 and §4,
# RFC 8263.
EXCHANGES = {
    2: (
        "main mode 1: SA, VID",
        "main mode 2: SA",
        "main mode 3: KE, Ni",
        "main mode 4: KE, Nr",
        "main mode 5*: IDii, HASH_I",
        "main mode 6*: IDir, HASH_R",
    ),
    32: (
        "pull 1*: HASH(1), Ni, ID (which group)",
        "pull 2*: HASH(2), Nr, SA (policies)",
        "pull 3*: HASH(3)",
        "pull 4*: HASH(4), SEQ, KD (keys)",
    ),
    5: ("informational*: notification or deletion",),
    33: ("push*: SEQ, SA, KD, SIG",),
    35: ("acknowledgement: HASH, SEQ, ID",),
}
REGISTRATION = {2, 32}
# The end of a life that the key's removal came before.
UNSEEN = {"expired"}


@dataclass(frozen=True)
class Step:
    """A line of a ladder; ``to`` is None for what happens at one end. ``when`` in seconds."""

    when: float
    at: str
    to: str | None
    words: tuple[str, ...]
    kind: int = 0
    lost: bool = False


class Recorder:
    """Notes what passes between the key server of a world and its members."""

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self._told: dict[str, int] = {}
        self._keys: dict[str, str] = {}

    def watch(self, world: World) -> World:
        """The same world, from now on written down."""
        receive, take = world.endpoint.receive, world.device.take

        def received(datagram: bytes, source: tuple[str, int], now: float) -> Any:
            self.events(world)
            self._sent(datagram, NAMES[source[0]], HUB, now)
            answer, events = receive(datagram, source, now)
            if answer is not None:
                self._sent(answer, HUB, NAMES[source[0]], now)
            return answer, events

        def taken(now: float) -> Any:
            outgoing, happened = take(now)
            for out in outgoing:
                for address, _ in out.to:
                    self.events(world)
                    self._sent(out.datagram, HUB, NAMES[address], now, address in world.lost)
            return outgoing, happened

        world.endpoint.receive, world.device.take = received, taken  # type: ignore[method-assign]
        return world

    def forget(self, world: World) -> None:
        """What was until now is not shown; keys keep their names."""
        self.events(world)
        self.steps.clear()

    def events(self, world: World) -> None:
        """Write down what members have noted since they were asked last."""
        for address, member in world.members.items():
            for event in list(member.events)[self._told.get(address, 0) :]:
                words = (event.event, *self._held(event))
                if event.event not in UNSEEN:
                    self.steps.append(Step(event.time, NAMES[address], None, words))
            self._told[address] = len(member.events)

    def all_of(self, world: World) -> list[Step]:
        """Every step, in the order of time."""
        self.events(world)
        return sorted(self.steps, key=lambda step: step.when)

    def note(self, when: float, *words: str) -> None:
        """Something at the key server."""
        self.steps.append(Step(when, HUB, None, words))

    def _sent(self, datagram: bytes, at: str, to: str, now: float, lost: bool = False) -> None:
        kind = exchange_of(datagram)
        before = sum(step.kind == kind for step in self.steps)
        words = EXCHANGES[kind][before % len(EXCHANGES[kind])]
        self.steps.append(Step(now, at, to, (words,), kind, lost))

    def _held(self, event: MemberEvent) -> tuple[str, ...]:
        """What a member sends and receives with; keys are called A, B, … as they come."""
        if event.held is None:
            return ()
        sends, receives = event.held.sends_with, event.held.receives_with
        for spi in sorted({*receives, *filter(None, [sends])} - set(self._keys)):
            self._keys[spi] = chr(ord("A") + len(self._keys))
        readable = " and ".join(sorted(self._keys[spi] for spi in receives))
        return (f"sends with {self._keys[sends] if sends else 'none'}, reads {readable}",)


def folded(steps: Iterable[Step]) -> list[Step]:
    """A whole registration as one line."""
    lines: list[Step] = []
    for step in steps:
        if step.kind in REGISTRATION:
            site = step.at if step.at != HUB else step.to
            whole = Step(step.when, str(site), HUB, ("registration: 10 messages",), -1)
            if whole not in lines[-1:]:
                lines.append(whole)
        else:
            lines.append(step)
    return lines


def registration(key: SigningKeys) -> list[Step]:
    """One member, from nothing to its first key."""
    recorder = Recorder()
    world = recorder.watch(World(key, extra=(BLOCK,)))
    world.run(world.member())
    return recorder.all_of(world)


def _two(key: SigningKeys, recorder: Recorder, **spec: Any) -> World:
    world = recorder.watch(World(key, extra=(BLOCK,), members=2, **spec))
    world.joined(2)
    recorder.forget(world)
    return world


def rekey(key: SigningKeys) -> list[Step]:
    """Both members are pushed to a minute before their key ends, and change over."""
    recorder = Recorder()
    world = _two(key, recorder)
    world.pass_time(3600)
    return recorder.all_of(world)


def missed(key: SigningKeys) -> list[Step]:
    """One member cannot be reached when the push comes, and registers in time."""
    recorder = Recorder()
    world = _two(key, recorder)
    world.pass_time(3530)
    world.lost.add(OTHER)
    world.pass_time(31)
    world.lost.clear()
    world.pass_time(39)
    return folded(recorder.all_of(world))


def restart(key: SigningKeys) -> list[Step]:
    """The key server comes back with the keys of its store and an empty list."""
    with tempfile.TemporaryDirectory() as place:
        spec = {"state": Path(place) / "hub.db"}
        recorder = Recorder()
        world = _two(key, recorder, **spec)
        world.pass_time(1000)
        recorder.note(world.now, "starts again", "keys kept, list empty")
        world.device.close()
        again = World(key, extra=(BLOCK,), members=2, start=world.now, **spec)
        again.members = world.members
        recorder.watch(again)
        again.pass_time(2620)
        again.device.close()
        return folded(recorder.all_of(again))


LADDERS: dict[str, tuple[str, Callable[[SigningKeys], list[Step]]]] = {
    "registration": ("A member registers", registration),
    "rekey": ("A rekey, and when members change keys", rekey),
    "missed": ("A member that missed a rekey", missed),
    "restart": ("The key server starts again", restart),
}

_ROW, _TOP, _CHARACTER = 36, 78, 7.0
_LANES = {"site-1": 220, HUB: 540, "site-2": 860}
_INK, _PAPER, _MESSAGE, _LOST = "#1f2937", "#ffffff", "#1d4ed8", "#b91c1c"
_STRONG = f'font-weight="600" fill="{_INK}"'


def drawn(steps: list[Step], title: str) -> str:
    """A ladder as an SVG document; its text is text. Times count from the first step."""
    lanes = {n: x for n, x in _LANES.items() if any(n in (s.at, s.to) for s in steps)}
    width, height = max(lanes.values()) + 170, _TOP + len(steps) * _ROW + 20
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" viewBox="0 0 {width} {height}" '
        'font-family="system-ui, sans-serif" font-size="13">',
        f"<title>{escape(title)}</title>",
        f'<rect width="100%" height="100%" rx="8" fill="{_PAPER}"/>',
        f'<text x="16" y="26" font-size="16" {_STRONG}>{escape(title)}</text>',
    ]
    for name, x in lanes.items():
        parts.append(
            f'<line x1="{x}" y1="62" x2="{x}" y2="{height - 12}" stroke="#9ca3af"/>'
            f'<text x="{x}" y="54" text-anchor="middle" {_STRONG}>{name}</text>'
        )
    begin, last = steps[0].when, ""
    for row, step in enumerate(steps):
        y = _TOP + row * _ROW
        when = f"{step.when - begin:.0f} s"
        if when != last:
            parts.append(f'<text x="16" y="{y + 20}" fill="#6b7280">{when}</text>')
        last = when
        parts += _arrow(step, lanes, y) if step.to else _box(step, lanes[step.at], y)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _arrow(step: Step, lanes: dict[str, int], y: int) -> list[str]:
    start, end = lanes[step.at], lanes[str(step.to)]
    way = 1 if end > start else -1
    colour = _LOST if step.lost else _MESSAGE
    end = start + (end - start) * 2 // 3 if step.lost else end
    words = step.words[0] + (" (lost)" if step.lost else "")
    tip = f"{end},{y + 24} {end - 8 * way},{y + 20} {end - 8 * way},{y + 28}"
    return [
        f'<line x1="{start}" y1="{y + 24}" x2="{end}" y2="{y + 24}" stroke="{colour}"/>'
        f'<polygon points="{tip}" fill="{colour}"/>'
        f'<text x="{(start + lanes[str(step.to)]) // 2}" y="{y + 17}" text-anchor="middle" '
        f'fill="{colour}">{escape(words)}</text>'
    ]


def _box(step: Step, x: int, y: int) -> list[str]:
    words = ": ".join(step.words)
    width = round(len(words) * _CHARACTER) + 16
    return [
        f'<rect x="{x - width // 2}" y="{y + 5}" width="{width}" height="26" rx="5" fill="#ecfdf5" '
        f'stroke="#059669"/><text x="{x}" y="{y + 22}" text-anchor="middle" '
        f'fill="{_INK}">{escape(words)}</text>'
    ]


def pictures() -> dict[str, str]:
    """Each ladder's name, and its picture."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return {name: drawn(run(lambda _: key), title) for name, (title, run) in LADDERS.items()}


def main() -> int:
    """Write all pictures."""
    for name, picture in pictures().items():
        (IMAGES / f"{name}.svg").write_text(picture, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
