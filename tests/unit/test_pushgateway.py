"""Groups of a Pushgateway: who belongs together, what the body says, where it goes, what answers mean."""

from __future__ import annotations

import json
import math
import re
import struct
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families as parse
from pushvar import __version__
from pushvar.catalogue import HEALTH, MEMSTATS
from pushvar.convert.converter import Converter
from pushvar.convert.health import health_values
from pushvar.convert.mapping import built_in
from pushvar.convert.plan import Stamp, labelled_rows
from pushvar.deliver.bodies import Bodies, Series
from pushvar.deliver.group_states import GroupState
from pushvar.deliver.groups import Group, grouped, pushed_samples
from pushvar.deliver.sinks.pushgateway import PushgatewaySink, group_url, own_help, own_types
from pushvar.deliver.staleness import REMOVED, VANISHED
from pushvar.errors import PushError
from pushvar.labels.sets import label_set
from pushvar.model import STALE_BITS, Scrape, Target
from pushvar.net.session import Answer

from tests.documents import body
from tests.work import calls

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pushvar.model import Plan

TIME_MS = 1_795_173_629_844
HERE = {"job": "pay", "instance": "10.0.0.1:80", "customer_id": "acme"}
STALE = struct.pack("<Q", STALE_BITS)
EXTERNAL = (("region", "eu"),)
GO_DOCUMENT = body(goroutines=7)

converter = Converter()


def target(**labels: str) -> Target:
    """A target with these labels beside those of the grouping key; an empty one is absent."""
    final = label_set({**HERE, **labels}.items())
    return Target(str(final), "the-job", "http://t", final)


def up(body: bytes, **labels: str) -> Scrape:
    """A scrape that went well."""
    stamp = Stamp(target(**labels), EXTERNAL)
    converted = converter.convert(stamp, body, built_in("auto"))
    count = len(converted.plan.shape.rows)
    health = health_values(up=True, duration_s=0.25, scraped=count, kept=count, added=0)
    return Scrape(converted.plan, converted.values + health, TIME_MS)


def down(**labels: str) -> Scrape:
    """A scrape that failed."""
    plan = converter.failed(Stamp(target(**labels), EXTERNAL))
    values = health_values(up=False, duration_s=0.25, scraped=0, kept=0, added=0)
    return Scrape(plan, values, TIME_MS, "timeout", "no answer")


def series_of(plan: Plan) -> list[Series]:
    """The series of a plan, as the backend gives them."""
    families = (*plan.shape.families, *HEALTH)
    rows = labelled_rows(Stamp(plan.target, EXTERNAL), plan.shape)
    return [Series(row.name, families[row.family], labels) for row, labels in rows]


def only(*scrapes: Scrape) -> Group:
    """The one group that these scrapes make."""
    (group,) = grouped(scrapes)
    return group


def lines(*scrapes: Scrape) -> list[str]:
    """The samples of a group's text."""
    text = Bodies(series_of).body(only(*scrapes)).decode()
    return [line for line in text.splitlines() if not line.startswith("#")]


# Who belongs together


def test_a_group_is_job_instance_and_customer() -> None:
    """Targets that share all three are one group, in whatever else they differ; others are not."""
    same = [up(b'{"a": 1}', env="prod"), up(b'{"a": 2}', env="test"), down(env="old")]
    others = [
        up(b'{"a": 3}', job="x"),
        up(b'{"a": 3}', instance="10.0.0.2:80"),
        up(b'{"a": 3}', customer_id="b"),
    ]
    groups = grouped([same[0], *others, *same[1:]])
    assert [group.key for group in groups] == [
        ("pay", "10.0.0.1:80", "acme"),
        ("x", "10.0.0.1:80", "acme"),
        ("pay", "10.0.0.2:80", "acme"),
        ("pay", "10.0.0.1:80", "b"),
    ]
    assert set(groups[0].scrapes) == set(same)
    assert [len(group.scrapes) for group in groups] == [3, 1, 1, 1]


def test_a_group_does_not_depend_on_who_answered_first() -> None:
    """Fetches end in any order; the group is the same."""
    scrapes = [up(b'{"a": 1}', env=str(number)) for number in range(5)]
    assert only(*scrapes) == only(*reversed(scrapes))


def test_labels_that_a_target_lacks() -> None:
    """Instance and customer are empty then; a group must have a job, so that is the scrape config's name."""
    assert only(up(b"{}", job="", instance="", customer_id="")).key == ("the-job", "", "")


def test_targets_that_were_removed() -> None:
    """Their group is to be deleted, unless another target of it is there; vanished series need no word."""
    left = replace(up(b'{"a": 1}', env="1"), reason=REMOVED)
    stayed = up(b'{"a": 1}', env="2")
    vanished = replace(up(b'{"a": 1}', job="other"), reason=VANISHED)
    assert grouped([left, vanished]) == [Group(("pay", "10.0.0.1:80", "acme"), ())]
    assert grouped([left, stayed]) == grouped([stayed, left]) == grouped([stayed])
    assert [pushed_samples(one) for one in (left, stayed, vanished)] == [0, 1, 0]


# What the body says


def test_the_body_of_one_target() -> None:
    """Types, help, the labels that the URL does not carry, no timestamp, LF only and at the end."""
    body = Bodies(series_of).body(only(up(b'{"requests_total": 7, "load": 0.5}', env="prod", zone="a b")))
    assert body.decode() == (
        "# HELP requests_total expvar requests_total\n"
        "# TYPE requests_total counter\n"
        'requests_total{env="prod",region="eu",zone="a b"} 7\n'
        "# HELP load expvar load\n"
        "# TYPE load untyped\n"
        'load{env="prod",region="eu",zone="a b"} 0.5\n'
    )


def types(text: str) -> dict[str, str]:
    """The TYPE lines of a text."""
    words = [line.split() for line in text.splitlines()]
    return {line[2]: line[3] for line in words if line[:2] == ["#", "TYPE"]}


def test_a_real_document_has_the_official_types() -> None:
    """All 24 families of the Go client have its types; no health series is among them."""
    official = {metric.family.name: str(metric.family.type) for metric in MEMSTATS}
    official |= {"go_gc_duration_seconds": "summary", "go_goroutines": "gauge"}
    text = Bodies(series_of).body(only(up(GO_DOCUMENT))).decode()
    assert len(official) == 24
    assert types(text) == official
    assert text.count("\ngo_gc_duration_seconds") == 7


def test_a_failed_fetch_gives_the_health_series_and_nothing_else() -> None:
    """They take the place of the values: up is 0."""
    assert lines(down(env="prod")) == [
        'up{env="prod",region="eu"} 0',
        'scrape_duration_seconds{env="prod",region="eu"} 0.25',
        'scrape_samples_scraped{env="prod",region="eu"} 0',
        'scrape_samples_post_metric_relabeling{env="prod",region="eu"} 0',
        'scrape_series_added{env="prod",region="eu"} 0',
    ]


def test_targets_of_a_group_share_one_body() -> None:
    """Their families are merged: each name stands once with its type, and every target's sample below it."""
    group = only(up(b'{"a": 1, "b": 2}', env="1"), up(b'{"b": 3, "c": 4}', env="2"), down(env="3"))
    text = Bodies(series_of).body(group).decode()
    assert [line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")] == [
        "a", "b", "c", *(family.name for family in HEALTH),
    ]  # fmt: skip
    assert 'b{env="1",region="eu"} 2\nb{env="2",region="eu"} 3\n' in text
    assert 'up{env="3",region="eu"} 0\n' in text
    assert group.samples == sum(not line.startswith("#") for line in text.splitlines()) == 9


def test_a_document_without_numbers_empties_the_group() -> None:
    """The body is empty, which replaces what stood there: nothing old pretends to be current."""
    group = only(up(b'{"name": "x"}'))
    assert (Bodies(series_of).body(group), group.samples) == (b"", 0)


def test_stale_markers_are_left_out() -> None:
    """Text has no word for them: neither a sample nor a family without samples is printed, or counted."""
    scrape = up(b'{"a": 1, "b": 2, "c": 3}')
    marked = replace(scrape, values=scrape.values[:8] + STALE + scrape.values[16:])
    group = only(marked)
    text = Bodies(series_of).body(group).decode()
    assert list(types(text)) == ["a", "c"]
    assert lines(marked) == ['a{region="eu"} 1', 'c{region="eu"} 3']
    assert group.samples == 2


def test_a_number_that_only_looks_like_a_stale_marker() -> None:
    """Its bytes across two values are two values."""
    scrape = up(b'{"a": 1, "b": 2}')
    values = b"\0\0\0\0" + STALE + b"\0\0\0\0"
    crossed = replace(scrape, values=values + scrape.values[16:])
    assert only(crossed).samples == len(lines(crossed)) == 2


@given(
    st.lists(st.lists(st.floats(width=64), min_size=1, max_size=8), min_size=1, max_size=3),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=6),
)
def test_every_value_arrives_as_it_is(targets: list[list[float]], label: str) -> None:
    """Whatever the numbers and the labels: the official parser reads back each of them, bit by bit."""
    scrapes, sent = [], set()
    for number, values in enumerate(targets):
        variables = {f"v{place}": 0 for place in range(len(values))}
        scrape = up(json.dumps(variables).encode(), env=str(number), own=label)
        patterns = struct.pack(f"<{len(values)}d", *values)
        scrapes.append(replace(scrape, values=patterns + scrape.values[len(patterns) :]))
        sent |= {(str(number), f"v{place}", bits(value)) for place, value in enumerate(values)}
    bodies = Bodies(series_of)
    for _ in range(2):  # the second time from the template
        families = parse(bodies.body(only(*scrapes)).decode())
        samples = [sample for family in families for sample in family.samples]
        assert {(one.labels["env"], one.name, bits(one.value)) for one in samples} == sent
        assert {one.labels.get("own", "") for one in samples} == {label}


def bits(value: float) -> bytes:
    """The value's own pattern; text has one NaN, and the parser takes -0 for an integer, without a sign."""
    return b"NaN" if math.isnan(value) else struct.pack("<d", value or 0.0)


def test_odd_labels_in_the_body() -> None:
    """Percent signs, quotes, line feeds and lone surrogates in values survive, or become a question mark."""
    scrape = up(b'{"a": 1}', env='50%s "x"\n\\', odd="\ud800")
    assert lines(scrape) == ['a{env="50%s \\"x\\"\\n\\\\",odd="?",region="eu"} 1']


# The template


def test_a_warm_push_renders_values_only() -> None:
    """The second cycle of the same plans asks for no label, and costs a fraction of the first."""
    asked: list[Plan] = []

    def counted(plan: Plan) -> Sequence[Series]:
        asked.append(plan)
        return series_of(plan)

    bodies = Bodies(counted)
    group = only(up(GO_DOCUMENT))
    cold, warm = (calls(lambda: bodies.body(group)) for _ in range(2))
    assert len(asked) == 1
    assert warm < cold / 4
    assert warm < 6 * group.samples


def test_a_changed_plan_is_rendered_anew() -> None:
    """Another structure, a failed fetch, one target more or less: never an old name with a new value."""
    bodies = Bodies(series_of)

    def text(*scrapes: Scrape) -> str:
        return bodies.body(only(*scrapes)).decode()

    one, two = up(b'{"a": 1}', env="1"), up(b'{"a": 5}', env="2")
    assert "\na" not in text(down(env="1"))
    assert 'a{env="1",region="eu"} 1\n' in text(one)
    assert 'b{env="1",region="eu"} 1\n' in text(up(b'{"b": 1}', env="1"))
    assert 'a{env="2",region="eu"} 5\n' in text(one, two)
    assert 'env="2"' not in text(one)


def test_templates_are_bounded() -> None:
    """Beyond the limit the least recently used is dropped, and rendered again when it comes back."""
    asked: list[str] = []

    def counted(plan: Plan) -> Sequence[Series]:
        asked.append(dict(plan.target.labels)["instance"])
        return series_of(plan)

    bodies = Bodies(counted, limit=2)
    groups = {name: only(up(b'{"a": 1}', instance=name)) for name in "abc"}
    for name in "abacabcb":
        bodies.body(groups[name])
    assert "".join(asked) == "abcbc"


# Where it goes


@pytest.mark.parametrize(
    ("value", "segment"),
    [
        ("10.0.1.5:8080", "instance/10.0.1.5%3A8080"),
        ("plain-name_1.x~", "instance/plain-name_1.x~"),
        ("a b", "instance/a%20b"),
        ("50%", "instance/50%25"),
        ("a%2Fb", "instance/a%252Fb"),
        ("a+b=c&d?e#f", "instance/a%2Bb%3Dc%26d%3Fe%23f"),
        ("@base64", "instance/%40base64"),
        ("ünï", "instance/%C3%BCn%C3%AF"),
        ("😀", "instance/%F0%9F%98%80"),
        (".a", "instance/.a"),
        ("a/b", "instance@base64/YS9i"),
        ("/", "instance@base64/Lw=="),
        ("", "instance@base64/="),
        (".", "instance@base64/Lg=="),
        ("..", "instance@base64/Li4="),
        ("a\\b", "instance@base64/YVxi"),
        ("a\nb", "instance@base64/YQpi"),
        ("\x00", "instance@base64/AA=="),
        ("??>/", "instance@base64/Pz8-Lw=="),
        ("\ud800", "instance@base64/Pw=="),
    ],
)
def test_the_address_of_a_group(value: str, segment: str) -> None:
    """Percent-encoded whole; base64 where a slash, nothing or dots would be taken for something else."""
    url = group_url("http://gw:9091/prefix/", ("pay", value, "acme"))
    assert url == f"http://gw:9091/prefix/metrics/job/pay/{segment}/customer_id/acme"
    assert group_url("http://gw:9091", (value or "x", "i", "c")).startswith("http://gw:9091/metrics/job")


@given(st.tuples(st.text(), st.text(), st.text()), st.sampled_from(["http://h", "http://h/", "http://h/p/q"]))
def test_no_address_is_open_to_interpretation(key: tuple[str, str, str], url: str) -> None:
    """Seven segments below the URL's own, none empty or made of dots, nothing that needs quoting."""
    path = urlsplit(group_url(url, key)).path.removeprefix("/p/q")
    empty, *segments = path.split("/")
    assert (empty, segments[0], len(segments)) == ("", "metrics", 7)
    assert [segment.partition("@")[0] for segment in segments[1::2]] == ["job", "instance", "customer_id"]
    for segment in segments:
        assert segment.strip(".")
        assert set(unquote(segment)).isdisjoint("/\\")
        assert re.fullmatch(r"[A-Za-z0-9._~%@=-]+", segment)


# What answers mean


@dataclass
class Gateway:
    """What a sink puts, and what it is answered: by default 200, else by the job in the path."""

    answers: dict[str, list[Answer]] = field(default_factory=dict)
    puts: list[tuple[str, bytes, dict[str, str]]] = field(default_factory=list)
    now_s: float = 0.0
    slept: list[float] = field(default_factory=list)

    def put(self, url: str, body: bytes, headers: Mapping[str, str], _timeout_s: float) -> Answer:
        """Note and answer."""
        self.puts.append((url, body, dict(headers)))
        planned = self.answers.get(url.split("/")[5])
        return planned.pop(0) if planned else Answer(200, "", {})

    def delete(self, url: str, body: bytes, headers: Mapping[str, str], timeout_s: float) -> Answer:
        """Note and answer; nothing stands in the body."""
        assert body == b""
        answer = self.put(url, b"DELETE", headers, timeout_s)
        return answer if answer.status != 200 else Answer(202, "", {})

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.slept.append(seconds)
        self.now_s += seconds


def sink(gateway: Gateway, headers: Callable[[], Mapping[str, str]] = dict) -> PushgatewaySink:
    """A sink that puts and deletes there."""
    return PushgatewaySink("http://gw:9091", gateway.put, gateway.delete, headers, lambda: 1_795_176_000.0)


def state(text: bytes | None = b"a 1\n") -> GroupState:
    """What a group is to be."""
    return GroupState(("pay", "10.0.0.1:80", "acme"), int(bool(text)), TIME_MS, text)


def push(answer: Answer, text: bytes | None = b"a 1\n") -> int:
    """One push that is answered so."""
    return sink(Gateway({"pay": [answer]})).push(state(text), 0, 3.0)


def test_the_headers_of_a_push() -> None:
    """Text, not compressed; what the configuration adds cannot change that. The size is the body's."""
    gateway = Gateway()
    configured = {"content-type": "evil", "CONTENT-ENCODING": "evil", "user-agent": "evil", "X-Own": "1"}
    size_bytes = sink(gateway, lambda: configured).push(state(), 3, 2.0)
    ((_, body, headers),) = gateway.puts
    assert headers == {
        "X-Own": "1",
        "Content-Type": "text/plain; version=0.0.4; charset=utf-8",
        "User-Agent": f"pushvar/{__version__}",
    }
    assert size_bytes == len(body) > 0


@pytest.mark.parametrize("status", [200, 202, 204])
def test_success(status: int) -> None:
    """200 and 202 of a Pushgateway, 204 of what only speaks like one."""
    assert push(Answer(status, "", {})) > 0


@pytest.mark.parametrize(
    ("status", "retryable", "hint"),
    [
        (0, True, "is the backend running, and is the url right?"),
        (301, False, "redirects are not followed; write the final address as the url"),
        (307, False, "redirects are not followed; write the final address as the url"),
        (400, False, "in all of a gateway, its own go_* metrics too, a name has one type"),
        (401, False, "check the credentials of this pushgateway"),
        (403, False, "check the credentials of this pushgateway"),
        (404, False, "check the url: the gateway's address and path prefix, without /metrics"),
        (405, False, ""),
        (413, False, ""),
        (429, True, "the backend limits this tenant"),
        (500, True, ""),
        (503, True, ""),
    ],
)
def test_refusals(status: int, retryable: bool, hint: str) -> None:  # noqa: FBT001
    """The gateway's own words, the group's address, and the next step."""
    with pytest.raises(PushError) as raised:
        push(Answer(status, "has type UNTYPED\nbut should have GAUGE", {"Retry-After": "7"}))
    error = raised.value
    said = f"HTTP {status}" if status else "no answer"
    where = "http://gw:9091/metrics/job/pay/instance/10.0.0.1%3A80/customer_id/acme"
    assert error.message == f"{where}: {said}: has type UNTYPED but should have GAUGE"
    assert (error.status, error.retryable, error.hint, error.retry_after_s) == (status, retryable, hint, 7.0)


@pytest.mark.parametrize("status", [200, 202, 404])
def test_a_delete(status: int) -> None:
    """It has no body; a group that is not there is as good as one that is deleted."""
    assert push(Answer(status, "", {}), None) == 0


@pytest.mark.parametrize(("status", "retryable"), [(0, True), (503, True), (405, False), (301, False)])
def test_a_delete_that_fails(status: int, retryable: bool) -> None:  # noqa: FBT001
    """It is an error as of a push."""
    with pytest.raises(PushError) as raised:
        push(Answer(status, "", {}), None)
    assert raised.value.retryable == retryable


METRICS = r"""# HELP a_pushed_metric not the gateway's own
# TYPE a_pushed_metric untyped
a_pushed_metric{text="# HELP go_x y"} 1
# HELP go_goroutines Number of goroutines.
# TYPE go_goroutines gauge
go_goroutines 7
# HELP go_info
# HELP process_open_fds A \\ and\na \\n.
# HELP pushgateway_build_info About it.
# HELP promhttp_metric_handler_requests_total Scrapes.
# HELP go_cut_off_in_the_mid"""


def test_the_help_texts_of_a_gateway() -> None:
    """Those of its own families, unescaped, wherever they stand among what was pushed."""
    assert own_help(METRICS) == {
        "go_goroutines": "Number of goroutines.",
        "process_open_fds": "A \\ and\na \\n.",
        "pushgateway_build_info": "About it.",
        "promhttp_metric_handler_requests_total": "Scrapes.",
    }
    assert own_help("") == {}
    assert own_types(METRICS) == {"go_goroutines": "gauge"}
