"""Start timestamps on the wire: a page with ``_created`` samples, the real forwarder, a receiver of 2.0."""

from __future__ import annotations

import json
import struct
import time
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import pytest
import snappy
from pushvar.app.forwarder import Forwarder
from pushvar.app.world import real_world
from pushvar.collect.registry import open_registry
from pushvar.model import STALE_BITS
from pushvar.state import open_state
from pushvar.wire.proto.write_v2_pb2 import Request

from tests.programs.plain_sender import pages
from tests.programs.scripted_receiver import WRITTEN, Reply, scripted_receiver

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.programs.scripted_receiver import Arrived, ScriptedReceiver

OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
V1, V2 = "prometheus.WriteRequest", "io.prometheus.write.v2.Request"
COUNTED = Reply(204, {WRITTEN.format("Samples"): "1000000"})
DOWN = Reply(503)
PACE_S = 0.001
"""All jobs are due in every cycle."""

BEGAN_S = int(time.time()) - 3600

COUNTED_SERIES = {"req_total", "lat_bucket", "lat_count", "lat_sum"}


def page(began_s: float) -> str:
    """A program that began then, and one of its counters that nobody knows the start of."""
    return (
        f"# TYPE req counter\nreq_total 3\nreq_created {began_s}\n"
        f'# TYPE lat histogram\nlat_bucket{{le="+Inf"}} 2\nlat_count 2\nlat_sum 1.5\nlat_created {began_s}\n'
        "# TYPE other counter\nother_total 4\n# EOF\n"
    )


@contextmanager
def scene(
    folder: Path, texts: list[str], *replies: Reply, message: str = V2
) -> Iterator[tuple[Forwarder, ScriptedReceiver]]:
    """A forwarder with a target of these pages, the last again and again, and an expvar target beside it."""
    with ExitStack() as stack:
        receiver = stack.enter_context(scripted_receiver(*replies))
        text = stack.enter_context(pages(lambda number: texts[min(number, len(texts) - 1)], kind=OPENMETRICS))
        plain = stack.enter_context(
            pages(lambda _: f'{{"jobs_total": 1, "jobs_created": {BEGAN_S}}}', kind="application/json")
        )
        jobs = [
            {
                "job_name": name,
                "format": form,
                "metrics_path": "/metrics",
                "static_configs": [{"targets": [served.address]}],
            }
            for name, form, served in (("text", "prometheus", text), ("vars", "expvar", plain))
        ]
        block = {
            "name": "b", "url": receiver.url, "protobuf_message": message,
            "queue_config": {"min_backoff": "1ms", "max_backoff": "1ms"},
        }  # fmt: skip
        document = {"global": {"self_metrics": False}, "scrape_configs": jobs, "remote_write": [block]}
        config = folder / "pushvar.yml"
        config.write_text(json.dumps(document))
        forwarder = Forwarder(open_registry(str(config)), open_state("memory:"), real_world(), owner="test")
        stack.callback(forwarder.close)
        yield forwarder, receiver


def starts(arrived: Arrived) -> dict[str, int]:
    """Name of a series -> its start, of those that have one."""
    request = Request.FromString(snappy.decompress(arrived.body))
    found = {}
    for series in request.timeseries:
        texts = [request.symbols[place] for place in series.labels_refs]
        if series.samples[0].start_timestamp:
            found[texts[texts.index("__name__") + 1]] = series.samples[0].start_timestamp
    return found


def test_counters_say_when_they_began(tmp_path: Path) -> None:
    """Exactly those whose page says it, in every cycle; after a restart the new moment."""
    texts = [page(BEGAN_S), page(BEGAN_S), page(BEGAN_S + 60.5)]
    with scene(tmp_path, texts, COUNTED) as (forwarder, receiver):
        for _ in texts:
            assert [scrape.reason for scrape in forwarder.cycle(every_s=PACE_S).scrapes] == ["ok", "ok"]
    assert receiver.versions == ["2.0"] * 3
    first, again, restarted = map(starts, receiver.arrived)
    assert first == again == dict.fromkeys(COUNTED_SERIES, BEGAN_S * 1000)
    assert restarted == dict.fromkeys(COUNTED_SERIES, BEGAN_S * 1000 + 60_500)
    for arrived in receiver.arrived:
        values = {dict(labels)["__name__"]: value for labels, _, value in arrived.samples}
        assert (values["req_total"], values["lat_sum"], values["other_total"]) == (3, 1.5, 4)
        assert values["req_created"] == values["lat_created"] >= BEGAN_S


def test_what_ended_has_no_start(tmp_path: Path) -> None:
    """The stale markers of series that vanish say nothing of when they began."""
    with scene(tmp_path, [page(BEGAN_S), "# TYPE other counter\nother_total 5\n# EOF\n"], COUNTED) as made:
        forwarder, receiver = made
        forwarder.cycle(every_s=PACE_S)
        forwarder.cycle(every_s=PACE_S)
    last = receiver.arrived[-1]
    stale = struct.pack("<Q", STALE_BITS)
    ended = {dict(one[0])["__name__"] for one in last.samples if struct.pack("<d", one[2]) == stale}
    assert ended == COUNTED_SERIES | {"req_created", "lat_created"}
    assert starts(last) == {}


def test_a_retry_says_it_again_and_1_0_has_no_word_for_it(tmp_path: Path) -> None:
    """The bytes of a second attempt are those of the first; as 1.0 the same samples go out without."""
    with scene(tmp_path, [page(BEGAN_S)], DOWN, COUNTED) as (forwarder, receiver):
        forwarder.cycle(every_s=PACE_S)
    first, second = receiver.arrived
    assert first.body == second.body
    assert set(starts(second)) == COUNTED_SERIES
    with scene(tmp_path, [page(BEGAN_S)], COUNTED, message=V1) as (forwarder, receiver):
        forwarder.cycle(every_s=PACE_S)
    assert receiver.versions[0] == "1.0"
    assert {dict(labels)["__name__"] for labels, _, _ in receiver.arrived[0].samples} >= COUNTED_SERIES


@pytest.mark.parametrize("began_s", ["NaN", "+Inf", "0", "1e300", str(BEGAN_S + 7200)])
def test_a_start_that_cannot_be_is_left_out(tmp_path: Path, began_s: str) -> None:
    """The samples go out as they are, and the scrape is a good one."""
    text = page(BEGAN_S).replace(f"req_created {BEGAN_S}", f"req_created {began_s}")
    with scene(tmp_path, [text], COUNTED) as (forwarder, receiver):
        assert [scrape.reason for scrape in forwarder.cycle(every_s=PACE_S).scrapes] == ["ok", "ok"]
    assert set(starts(receiver.arrived[0])) == COUNTED_SERIES - {"req_total"}
