"""The process whose outage is measured: lease, delivery and commit of each cycle, with scrapes made ready.

``python -m benchmarks.outage_client URL STATE TARGETS CYCLES`` prints one JSON object. The URL is that of
``benchmarks.sink``, which it tells to go away and to come back.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.request import Request, urlopen

from pushvar.app.backends import Backends
from pushvar.app.world import real_world
from pushvar.config.load import load
from pushvar.deliver.spool import Spool
from pushvar.model import Load
from pushvar.net.secrets import Secrets
from pushvar.state import open_state
from pushvar.state.protocol import Head

from benchmarks import workload
from benchmarks.series import Fleet

if TYPE_CHECKING:
    from pushvar.config.schema import Config
    from pushvar.model import Delivery

_CYCLE_MS = 60_000
_AGE_LIMIT = "45m"
_BUDGET_S = 50.0
_PAGE_BYTES, _KIB = resource.getpagesize(), 1024
_MEGA = 1e6


class Sender:
    """Delivers the cycles of one shard, a minute after each other; a backoff ends a cycle at once."""

    def __init__(self, url: str, state: str, targets: int) -> None:
        self._fleet = Fleet(targets)
        self._state = open_state(f"sqlite:{state}")
        self._now_ms, self._cycle = 1_795_000_000_000, 0
        world = replace(real_world(sleep=lambda _: None), now_ms=lambda: self._now_ms)
        secrets = Secrets(world.environment, world.read_file, world.monotonic_s)
        self._backends = Backends(_config(url), secrets, world)

    def cycle(self) -> Delivery:
        """One cycle: lease, delivery, commit."""
        self._now_ms += _CYCLE_MS
        scrapes = self._fleet.cycle(self._cycle).scrapes
        self._cycle += 1
        self._now_ms = max(scrape.time_ms for scrape in scrapes) + 1
        lease = self._state.acquire(
            "0", "benchmark", cycle=self._now_ms, now_ms=self._now_ms, ttl_ms=_CYCLE_MS
        )
        assert lease is not None
        spool = Spool(self._state, lease)
        (delivery,) = self._backends.deliver(Load(scrapes), {}, time.monotonic() + _BUDGET_S, spool)
        self._state.commit(lease, Head(self._now_ms, self._now_ms, {}, spool.lanes), release=True)
        return delivery

    def spool_bytes(self) -> int:
        """What the spool holds."""
        return sum(entry.size_bytes for entry in self._state.spool_entries("0"))


def _config(url: str) -> Config:
    document = json.loads(workload.configuration(workload.addresses(1), url))
    document["remote_write"][0]["queue_config"] = {"sample_age_limit": _AGE_LIMIT}
    return load(json.dumps(document), source="outage")


def _tell(url: str, method: str) -> None:
    urlopen(Request(url.replace("/write", "/outage"), method=method), timeout=10).close()


def _resident_bytes() -> int:
    try:
        return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * _PAGE_BYTES
    except OSError:  # not Linux
        return _peak_bytes()


def _peak_bytes() -> int:
    """The most that was resident. What getrusage says has the parent's memory in it, from before exec."""
    try:
        words = Path("/proc/self/status").read_text(encoding="ascii").split()
        return int(words[words.index("VmHWM:") + 1]) * _KIB
    except (OSError, ValueError):  # not Linux
        pass
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * _KIB


def main(url: str, state: str, targets: int, cycles: int) -> None:
    """One good cycle, the outage, and cycles until nothing waits."""
    sender = Sender(url, state, targets)
    sender.cycle()
    before_bytes = _resident_bytes()
    _tell(url, "PUT")
    began_s = time.monotonic()
    away = [sender.cycle() for _ in range(cycles)]
    cycle_s = (time.monotonic() - began_s) / cycles
    spool_bytes = sender.spool_bytes()
    _tell(url, "DELETE")
    began_s, began_cpu_s = time.monotonic(), time.process_time()
    back = [sender.cycle()]
    while back[-1].waiting:
        back.append(sender.cycle())
    found = {
        "spooled": sum(one.spooled for one in away),
        "spool_mb": spool_bytes / _MEGA,
        "cycle_s": cycle_s,
        "replayed": sum(one.replayed for one in back),
        "replay_cycles": len(back),
        "replay_s": time.monotonic() - began_s,
        "replay_cpu_s": time.process_time() - began_cpu_s,
        "growth_mb": (_peak_bytes() - before_bytes) / _MEGA,
        "arrived": sum(one.sent for one in back),
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
