"""What happens during a soak, cycle by cycle, and the targets to which it happens.

Everything follows from the number of the cycle and of the target, so that every run lives the same life:
targets restart, are replaced by others of a new name, get a new release whose document has another shape,
answer 500, or do not answer. ``python -m benchmarks.soak_life TARGETS`` serves them: PUT /generation/<cycle>
on the first port sets the cycle for all.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import partial

from benchmarks import workload
from benchmarks.http_server import NO_CONTENT, NOT_FOUND, serve, with_body

POD_CYCLES, TURNOVER = 500, 10
"""How long a pod lives, the last ``TURNOVER`` cycles of it gone; the list of targets changes that often."""

RELEASE_CYCLES, SHAPES = 400, 97
"""A target gets a new release, with a variable nobody ever had, and shows one more for a single cycle."""

RELOAD_CYCLES = 500
AWAY_EVERY, AWAY_FROM, AWAY_CYCLES = 750, 100, 50
"""When the configuration changes; when a backend refuses, and for how long."""

FAILING_OF, HANGING_CYCLES, HANGING = 200, 20, 2
"""One fetch of so many gets a 500; every so many cycles so many targets do not answer."""

_TEXT_OF = 4  # every fourth target is a Prometheus client: text
_BUCKETS = ("0.1", "0.5", "1", "+Inf")
_SERVER_ERROR = b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n"
_PATH = "/debug/vars"
_GENERATION = "/generation/"


@dataclass(frozen=True, slots=True)
class Pod:
    """One target for as long as it is called that: its place among the ports, and its name."""

    slot: int
    name: str


def pods(cycle: int, targets: int) -> tuple[Pod, ...]:
    """Those that are there; a place that is being replaced has none for a while."""
    return tuple(pod for slot in range(targets) if (pod := _pod(slot, cycle)) is not None)


def _pod(slot: int, cycle: int) -> Pod | None:
    turn = cycle // TURNOVER + slot % (POD_CYCLES // TURNOVER)
    generation, age = divmod(turn * TURNOVER, POD_CYCLES)
    return None if age == POD_CYCLES - TURNOVER else Pod(slot, f"orders-{slot}-{generation}")


def is_away(cycle: int) -> bool:
    """Whether the backend refuses."""
    return (cycle - AWAY_FROM) % AWAY_EVERY < AWAY_CYCLES and cycle >= AWAY_FROM


def revision(cycle: int) -> int:
    """Which version of the configuration is in use."""
    return cycle // RELOAD_CYCLES


def release(slot: int, cycle: int) -> int:
    """Which release of its program a target is."""
    return (cycle + 41 * slot) // RELEASE_CYCLES


def hangs(slot: int, cycle: int, targets: int) -> bool:
    """Whether a target takes the request and says nothing."""
    first = cycle // HANGING_CYCLES * HANGING
    return cycle % HANGING_CYCLES == 0 and (slot - first) % targets < HANGING


def fails(slot: int, cycle: int) -> bool:
    """Whether a target answers 500."""
    return (slot * 7_919 + cycle * 104_729) % FAILING_OF == 0


def restarts(slot: int, cycle: int) -> bool:
    """Whether a target shows its last document: it closes the connection, and its counters begin anew."""
    return workload.turn(slot, cycle) == workload.POOL - 1


class Targets:
    """Answers for every target, as it is in the cycle."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._documents = workload.documents()
        self._cycle = 0

    def answer(self, slot: int, method: str, path: str, _: bytes) -> bytes:
        """What one target says; nothing when it hangs."""
        if method == "PUT" and path.startswith(_GENERATION):
            self._cycle = int(path.removeprefix(_GENERATION))
            return NO_CONTENT
        if (method, path) != ("GET", _PATH):
            return NOT_FOUND
        if hangs(slot, self._cycle, self._count):
            return b""
        return _SERVER_ERROR if fails(slot, self._cycle) else self._page(slot)

    def _page(self, slot: int) -> bytes:
        turn, kind = workload.turn(slot, self._cycle), b"application/json; charset=utf-8"
        if slot % _TEXT_OF == _TEXT_OF - 1:
            body, kind = page(turn, release(slot, self._cycle)), b"text/plain; version=0.0.4"
        else:
            burst = (slot * 7 + self._cycle) % SHAPES == 0
            body = document(self._documents[turn], turn, release(slot, self._cycle), burst=burst)
        head, _, _ = with_body(body).partition(b"\r\n\r\n")
        ends = b"\r\nConnection: close" if restarts(slot, self._cycle) else b""
        return b"%s\r\nContent-Type: %s%s\r\n\r\n%s" % (head, kind, ends, body)


def document(known: bytes, turn: int, release: int, *, burst: bool) -> bytes:
    """A document of the pool as a release shows it."""
    added = f'{{\n"a_release_{release}_total": {turn * 5},\n' + ('"burst_total": 1,\n' if burst else "")
    return added.encode() + known.removeprefix(b"{\n")


def page(turn: int, release: int) -> bytes:
    """What a Prometheus client shows: two counters, a gauge, a histogram by route."""
    lines = ["# TYPE shop_orders_total counter", f"shop_orders_total {turn * 40}"]
    lines += [f"# TYPE shop_release_{release}_total counter", f"shop_release_{release}_total {turn}"]
    lines += ["# TYPE shop_queue gauge", f"shop_queue {turn % 12}", "# TYPE shop_seconds histogram"]
    for route in ("/orders", "/orders/{id}", "/pay"):
        lines += [f'shop_seconds_bucket{{route="{route}",le="{le}"}} {turn * 9}' for le in _BUCKETS]
        lines += [f'shop_seconds_{part}{{route="{route}"}} {turn * 9}' for part in ("sum", "count")]
    return "\n".join([*lines, ""]).encode()


def main(count: str) -> None:
    """Serve until standard input ends."""
    targets = Targets(int(count))
    serve([partial(targets.answer, slot) for slot in range(int(count))])


if __name__ == "__main__":
    main(*sys.argv[1:])
