"""Types that payloads declare, settled in a real store: one for all processes, never another tenant's."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from pushvar.app.engine import Engine
from pushvar.app.type_tables import QUIET_S, TypeTables
from pushvar.config.load import load
from pushvar.convert.converter import Converted, Converter, Limits
from pushvar.convert.input_format import InputFormat
from pushvar.convert.mapping import built_in
from pushvar.convert.plan import Stamp, labelled
from pushvar.errors import FetchError, StateError
from pushvar.model import MetricType, Repair, Target
from pushvar.net.secrets import Secrets
from pushvar.state import open_state
from pushvar.state.protocol import TYPES_PER_TENANT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from pushvar.state.protocol import StateStore

TEXT = InputFormat("auto")
RULES = built_in("auto")
COUNTER = b"# TYPE x counter\nx 1\n"
GAUGE = b"# TYPE x gauge\nx 1\n"
HISTOGRAM = b'# TYPE x histogram\nx_bucket{le="+Inf"} 1\nx_sum 1\nx_count 1\n'
UNTYPED = b"x 1\n"
CONFLICT = (Repair("type_conflict", "x: gauge here, counter elsewhere"),)


class Counting:
    """A store's type tables, with each call noted, and a failure on demand."""

    def __init__(self, state: StateStore) -> None:
        self.state = state
        self.calls: list[str] = []
        self.down = False
        self.now_s = 0.0

    def types(self, tenant: str) -> Mapping[str, str]:
        """Read."""
        return self._noted("read", lambda: self.state.types(tenant))

    def settle_types(self, tenant: str, proposed: Mapping[str, str]) -> Mapping[str, str]:
        """Write."""
        return self._noted("settle", lambda: self.state.settle_types(tenant, proposed))

    def _noted(self, call: str, work: Callable[[], Mapping[str, str]]) -> Mapping[str, str]:
        self.calls.append(call)
        if self.down:
            raise StateError("the store is away")
        return work()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Counting]:
    """A store on a file."""
    with closing(open_state(str(tmp_path / "state.db"))) as opened:
        yield Counting(opened)


def process(store: Counting) -> Converter:
    """What a process has when it starts: nothing but the store."""
    return Converter(settle=TypeTables(store, lambda: store.now_s))


def convert(
    converter: Converter, body: bytes, key: str = "a", tenant: str = "t", samples: int = 0
) -> Converted:
    """One scrape of a target of a tenant."""
    labels = (("customer_id", tenant), ("instance", key), ("job", "j"))
    stamp = Stamp(Target(f"{tenant}/{key}", "j", "http://h/metrics", labels))
    return converter.convert(stamp, body, RULES, limits=Limits(samples), form=TEXT)


def kind(converted: Converted) -> MetricType:
    """The type of x where metadata and Pushgateway take it from."""
    (of_plan,) = [family.type for family in converted.plan.families if family.name.startswith("x")]
    (of_shape,) = [family.type for family in converted.plan.shape.families if family.name.startswith("x")]
    stamp = Stamp(converted.plan.target)
    assert of_plan == of_shape
    assert of_plan in {family.type for family in labelled(stamp, converted.plan.shape).families}
    return of_plan


def test_the_first_type_stays_in_every_process(store: Counting) -> None:
    """Two processes, two targets that disagree: one type, after a cold start too."""
    one, two = process(store), process(store)
    assert (kind(convert(one, COUNTER)), convert(one, COUNTER).repairs) == (MetricType.COUNTER, ())
    second = convert(two, GAUGE, "b")
    assert (kind(second), second.repairs) == (MetricType.COUNTER, CONFLICT)
    cold = process(store)
    again = convert(cold, GAUGE, "b")
    assert (kind(again), again.repairs) == (MetricType.COUNTER, CONFLICT)
    assert (kind(convert(cold, COUNTER)), convert(cold, COUNTER).repairs) == (MetricType.COUNTER, ())


def test_a_conflict_is_told_with_every_scrape(store: Counting) -> None:
    """Warm, from a changed body, from other lines of the same series, and beside what one line says."""
    converter = process(store)
    convert(converter, COUNTER)
    for body in (GAUGE, GAUGE, b"# TYPE x gauge\nx 7\n", b"# c\n" + GAUGE, GAUGE):
        converted = convert(converter, body, "b")
        assert (kind(converted), converted.repairs) == (MetricType.COUNTER, CONFLICT)
    assert convert(converter, b"?\n" + GAUGE, "b").repairs[-1:] == CONFLICT


def test_tenants_do_not_touch_each_other(store: Counting) -> None:
    """What one tenant's payload declares is nothing to another, in one process as in two."""
    one = process(store)
    convert(one, COUNTER, tenant="t")
    for converter in (one, process(store)):
        other = convert(converter, GAUGE, tenant="u")
        assert (kind(other), other.repairs) == (MetricType.GAUGE, ())
        assert kind(convert(converter, COUNTER, tenant="t")) == MetricType.COUNTER


@pytest.mark.parametrize("first", [COUNTER, HISTOGRAM])
def test_a_histogram_stays_one(store: Counting, first: bytes) -> None:
    """Its samples cannot be those of a counter: both keep what they say, and the later is reported."""
    convert(process(store), first)
    second = convert(process(store), GAUGE if first == HISTOGRAM else HISTOGRAM, "b")
    assert kind(second) == (MetricType.GAUGE if first == HISTOGRAM else MetricType.HISTOGRAM)
    assert [repair.kind for repair in second.repairs] == ["type_conflict"]


def test_who_declares_nothing_takes_the_settled_type(store: Counting) -> None:
    """A sample without a type settles none and contradicts none; it has the tenant's once there is one."""
    assert kind(convert(process(store), UNTYPED)) == MetricType.UNKNOWN
    assert store.state.types("t") == {}
    convert(process(store), COUNTER, "b")
    converted = convert(process(store), UNTYPED)
    assert (kind(converted), converted.repairs) == (MetricType.COUNTER, ())


def test_only_what_payloads_declare_is_settled(store: Counting) -> None:
    """Names of the catalogue, of endings and of nothing stay out of the table; a gauge_ prefix is a word."""
    converter = process(store)
    convert(converter, b'{"memstats": {"Alloc": 1, "Frees": 2}, "hits_total": 1, "depth": 2}')
    assert store.calls == []
    convert(converter, b'{"gauge_x": 3, "counter_y": 1}', "b")
    convert(converter, b"# TYPE go_goroutines counter\ngo_goroutines 1\n# TYPE z summary\nz_sum 1\n", "c")
    assert store.state.types("t") == {"x": "gauge", "z": "summary"}
    converted = convert(converter, b"# TYPE go_goroutines counter\ngo_goroutines 1\n", "d")
    assert converted.plan.families[0].type == MetricType.GAUGE
    assert converted.repairs == (Repair("type_conflict", "go_goroutines: counter here, gauge elsewhere"),)


def test_the_store_is_asked_once(store: Counting) -> None:
    """A read when a tenant is met, a write when a name is new, and nothing for more targets."""
    converter = process(store)
    for key in "abc":
        for _ in range(3):
            convert(converter, COUNTER, key)
    assert store.calls == ["settle"]
    convert(converter, COUNTER + b"# TYPE w gauge\nw 1\n")
    assert store.calls == ["settle"] * 2
    cold = process(store)
    store.calls.clear()
    convert(cold, UNTYPED)
    convert(cold, COUNTER, "b")
    assert store.calls == ["read"]


def test_a_failing_store_fails_no_scrape(store: Counting) -> None:
    """While it is away the process's own first type stays and it is left in peace; afterwards it is asked."""
    converter = process(store)
    store.down = True
    assert kind(convert(converter, COUNTER)) == MetricType.COUNTER
    second = convert(converter, GAUGE, "b")
    assert (kind(second), second.repairs) == (MetricType.COUNTER, CONFLICT)
    assert store.calls == ["settle"]
    store.down, store.now_s = False, QUIET_S
    assert kind(convert(converter, COUNTER, "c")) == MetricType.COUNTER
    assert store.state.types("t") == {"x": "counter"}


def test_a_failed_scrape_settles_nothing(store: Counting) -> None:
    """A document over its limit is not sent, so its types are not taken either."""
    with pytest.raises(FetchError):
        convert(process(store), b"# TYPE w gauge\nw 1\n" + COUNTER, samples=1)
    assert store.calls == []


def test_a_full_table_is_not_asked_again(store: Counting) -> None:
    """Names beyond it keep to the rule of the process, and cost the store nothing more."""
    store.state.settle_types("t", {f"n{number}": "gauge" for number in range(TYPES_PER_TENANT)})
    converter = process(store)
    assert kind(convert(converter, COUNTER)) == MetricType.COUNTER
    second = convert(converter, GAUGE, "b")
    assert (kind(second), second.repairs) == (MetricType.COUNTER, CONFLICT)
    assert store.calls == ["settle"]


def test_an_engine_hands_the_table_in(store: Counting) -> None:
    """``settle`` of an engine reaches the converter that it makes."""
    config = load("scrape_configs: [{job_name: j}]", source="test")
    tables = TypeTables(store, lambda: 0.0)
    engine = Engine(config, (), Secrets({}, str, lambda: 0.0), settle=tables)
    engine.convert(Target("k", "j", "http://h:1/", (("customer_id", "t"), ("job", "j"))), COUNTER)
    assert store.state.types("t") == {"x": "counter"}
