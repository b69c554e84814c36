"""What lasts is left out of collections, and goes with its configuration all the same."""

from __future__ import annotations

import gc
import json
import weakref
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from pushvar.app.backends import Backends
from pushvar.app.collector import BACKSTOP, SETTLED_AFTER, Collector
from pushvar.app.engine import Engine
from pushvar.app.forwarder import Forwarder
from pushvar.app.world import real_world
from pushvar.collect.registry.file import FileRegistry
from pushvar.convert.converter import Converter
from pushvar.model import Plan, Target
from pushvar.net.session import Session
from pushvar.state import open_state

from tests.programs.raw_server import Connection, ok, raw_server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pushvar.model import Report

RELOADS, TARGETS = 50, 4


@pytest.fixture(autouse=True)
def untouched() -> Iterator[None]:
    """Leave the garbage collector as it was, whatever a test does."""
    threshold = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*threshold)


class Told:
    """A garbage collector that notes what it is told."""

    def __init__(self) -> None:
        self.words: list[str] = []
        self.threshold = (700, 10, 5)

    def collect(self) -> int:
        """Note it."""
        self.words.append("collect")
        return 0

    def freeze(self) -> None:
        """Note it."""
        self.words.append("freeze")

    def unfreeze(self) -> None:
        """Note it."""
        self.words.append("unfreeze")

    def get_threshold(self) -> tuple[int, int, int]:
        """What was set last."""
        return self.threshold

    def set_threshold(self, young: int, middle: int, old: int, /) -> None:
        """Note it."""
        self.threshold = young, middle, old


def heard(told: Told, work: Callable[[], None]) -> str:
    """What the collector is told by a piece of work."""
    told.words.clear()
    work()
    return " ".join(told.words)


ANEW = "unfreeze collect freeze"


def test_it_collects_in_every_rest_and_freezes_in_fewer_and_fewer() -> None:
    """Nothing after the first cycle, then after the second, fourth, eighth and so on."""
    told = Told()
    collector = Collector(told)
    said = [heard(told, collector.rest) for _ in range(100)]
    assert {*said} == {"collect", ANEW}
    assert [number for number, words in enumerate(said, 1) if words == ANEW] == [2, 4, 8, 16, 32, 64]


def test_another_configuration_thaws_what_was_frozen() -> None:
    """Only that, and then everything begins again."""
    told = Told()
    collector = Collector(told)
    assert heard(told, collector.renew) == ""
    for _ in range(2):
        assert heard(told, collector.rest) == "collect"
        assert heard(told, collector.rest) == ANEW
        assert heard(told, collector.renew) == "unfreeze"


def test_it_leaves_everything_as_it_was() -> None:
    """Whether it was begun once, twice or not at all."""
    told = Told()
    for begins in range(3):
        collector = Collector(told)
        for _ in range(begins):
            collector.begin()
            assert told.threshold == (BACKSTOP, 10, 5)
        collector.rest()
        collector.rest()
        assert heard(told, collector.end) == "unfreeze"
        assert heard(told, collector.end) == ""
        assert told.threshold == (700, 10, 5)


def document(port: int, version: int) -> str:
    """A configuration that is another one with every version."""
    job: dict[str, Any] = {
        "job_name": f"job{version}",
        "static_configs": [{"targets": [f"127.0.0.{host}:{port}" for host in range(1, TARGETS + 1)]}],
    }
    backend = {"name": "b", "url": f"http://127.0.0.1:{port}/write"}
    return json.dumps({"scrape_configs": [job], "remote_write": [backend]})


def serve(client: Connection) -> None:
    """Be every target and the backend."""
    while client.request():
        client.send(ok(b'{"requests_total": 7, "served": {"a": 1, "b": 2}}'))
        client.server.requests.clear()
        client.server.heads.clear()


def alive() -> Counter[str]:
    """How many there are of what a configuration is made into, nothing being frozen; caches are not."""
    gc.collect()
    made = {Engine, Backends, Converter, Plan, Target, Session}
    return Counter(type(one).__name__ for one in gc.get_objects() if type(one) in made)


def test_old_configurations_are_freed(tmp_path: Path) -> None:
    """After many reloads the last engine is the only one, and there is no more of anything than before."""
    config = tmp_path / "pushvar.yml"
    engines: list[weakref.ref[object]] = []
    counts: list[Counter[str]] = []
    collector = Collector(gc)
    collector.begin()
    with raw_server(serve) as server:
        config.write_text(document(server.port, 0))
        forwarder = Forwarder(FileRegistry(str(config)), open_state("memory:"), real_world(), owner="test")
        for version in range(1, RELOADS + 1):
            for _ in range(SETTLED_AFTER):
                assert {one.reason for one in forwarder.cycle(every_s=0.001).scrapes} == {"ok"}
                collector.rest()
            assert gc.get_freeze_count() > 0
            engines.append(weakref.ref(forwarder.engine))
            assert [number for number, one in enumerate(engines) if one() is not None] == [version - 1]
            collector.renew()
            assert gc.get_freeze_count() == 0
            if version % 5 == 0:
                counts.append(alive())
            config.write_text(document(server.port, version))
        forwarder.close()
    assert counts == [counts[0]] * (RELOADS // 5)
    assert counts[0]["Plan"] >= TARGETS


def test_a_loop_has_one_and_leaves_nothing_of_it(tmp_path: Path) -> None:
    """Cycles are not interrupted, what lasts is frozen, a reload lets go of it, and so does the end."""
    before, config = gc.get_threshold(), tmp_path / "pushvar.yml"
    seen: list[tuple[int, bool]] = []
    engines: list[weakref.ref[object]] = []
    with raw_server(serve) as server:
        config.write_text(document(server.port, 0))
        forwarder = Forwarder(FileRegistry(str(config)), open_state("memory:"), real_world(), owner="test")

        def report(_report: Report) -> None:
            seen.append((gc.get_threshold()[0], gc.get_freeze_count() > 0))
            engines.append(weakref.ref(forwarder.engine))
            if len(seen) == 3:
                config.write_text(document(server.port, 1))

        forwarder.run(report, lambda: len(seen) == 5, every_s=0.01)
        assert engines[0]() is None
        assert engines[-1]() is forwarder.engine
        forwarder.close()
    assert seen == [
        (BACKSTOP, False),
        (BACKSTOP, False),
        (BACKSTOP, True),
        (BACKSTOP, False),
        (BACKSTOP, False),
    ]
    assert (gc.get_threshold(), gc.get_freeze_count()) == (before, 0)


class _Ring:
    """Garbage that no count frees."""

    def __init__(self) -> None:
        self.itself = self


def test_garbage_that_was_frozen_is_freed_later() -> None:
    """What lasted for two cycles need not last for ever."""
    collector, ring = Collector(gc), _Ring()
    collector.rest()
    collector.rest()
    watched = weakref.ref(ring)
    del ring
    collector.rest()
    assert watched() is not None
    collector.rest()
    assert watched() is None
