"""The receiver's pages show what arrived, escape everything, and need nothing but a browser."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest
from pushvar.model import STALE_BITS
from pushvar.receiver.server import Receiver

from tests.io.receiver_requests import NOW_MS, Row, get, good, labels, number, post

if TYPE_CHECKING:
    from collections.abc import Iterator

HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(2)>&amp;\x00\u202e'
VOID = frozenset({"meta", "link", "input", "wbr", "br"})
STEP_MS = 15_000


class Nesting(HTMLParser):
    """Checks that elements close in order, and notes tags, links and text."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.loads: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element and what it would load."""
        self.tags.add(tag)
        self.loads += [value or "" for name, value in attrs if name in {"src", "action", "href"}]
        assert not any(name.startswith("on") for name, _ in attrs)
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """The innermost open element is the one that closes."""
        assert self.open.pop() == tag


def parsed(page: str) -> Nesting:
    """The page, read as a browser would."""
    nesting = Nesting()
    nesting.feed(page)
    assert nesting.open == []
    return nesting


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A receiver with ten samples each of a gauge, a counter, two ``up`` and one hostile series."""
    with Receiver(clock_ms=lambda: NOW_MS) as running:
        metadata = [("go_memstats_alloc_bytes", 2, "Bytes in use."), ("http_requests_total", 1, "Served.")]
        post(running, good(metadata=metadata))
        for index in range(10):
            time_ms = NOW_MS - (9 - index) * STEP_MS
            gap = number(STALE_BITS) if index == 4 else 3.5 * 2**20 + index
            post(
                running,
                good(
                    Row(labels("go_memstats_alloc_bytes"), ((time_ms, gap),)),
                    Row(labels("http_requests_total"), ((time_ms, 150.0 * index),)),
                    Row(labels("up"), ((time_ms, 1.0),)),
                    Row(labels("up", instance="10.0.1.9:8080"), ((time_ms, 0.0),)),
                    Row(labels("go_info", version=HOSTILE), ((time_ms, 1.0),)),
                ),
            )
        yield running


def series_id(receiver: Receiver, name: str) -> int:
    """The number of the only series of that name."""
    (one,) = receiver.series({"__name__": name})
    return one.id


def test_the_overview_shows_targets_verdict_and_series(receiver: Receiver) -> None:
    """Totals, both targets with their state in words, the calm verdict, each family with its type."""
    reply = get(receiver, "/")
    assert (reply.status, reply.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    page = reply.text
    for words in (
        "1 of 2",
        "Nothing wrong in 11 requests.",
        '<span class="state good">up</span>',
        '<span class="state bad">down</span>',
        "go_memstats_alloc_bytes",
        "Bytes in use.",
        "3.5 MiB",
        'title="3,670,025"',
        "10/s",
        receiver.write_url,
    ):
        assert words in page
    parsed(page)


def test_violations_are_shown_with_what_their_rule_says(receiver: Receiver) -> None:
    """The rule's name and sentence, the series, what was seen, and how often."""
    for _ in range(2):
        post(receiver, good(Row(labels("go-bad"))))
    page = get(receiver, "/").text
    assert "Nothing wrong" not in page
    assert "metric-name-legal" in page
    assert "A metric name matches" in page
    assert "&#x27;go-bad&#x27;" in page
    assert '<td class="number">2</td>' in page


def test_a_rule_broken_by_many_series_takes_one_row(receiver: Receiver) -> None:
    """The latest series stands there, the next twenty behind a fold, the rest is counted."""
    post(receiver, good(*(Row(labels(f"go-{index}")) for index in range(30))))
    page = get(receiver, "/").text
    parsed(page)
    assert page.count('<span class="says"') == 1
    assert "<summary>and 29 more series</summary>" in page
    assert "and 9 more" in page
    assert '<td class="number">30</td>' in page


def test_hostile_labels_stay_text_on_every_page(receiver: Receiver) -> None:
    """No markup of a sender reaches a page, and control characters are made visible."""
    post(receiver, good(Row(labels(HOSTILE))).with_header("User-Agent", "<script>/1"))
    hostile = series_id(receiver, "go_info")
    for path in (
        "/",
        "/?q=<script>",
        f"/series?id={hostile}",
        "/requests",
        "/<script>",
        "/?refresh=<script>",
    ):
        page = get(receiver, path).text
        assert not parsed(page).tags & {"script", "img"}
        assert "<script" not in page
        assert "\x00" not in page


def test_pages_load_nothing(receiver: Receiver) -> None:
    """No asset, no script: every address on a page is one of its own pages, and the policy says so too."""
    for path in ("/", "/requests", f"/series?id={series_id(receiver, 'go_info')}"):
        reply = get(receiver, path)
        assert all(address.startswith(("/", "data:image/svg+xml,")) for address in parsed(reply.text).loads)
        assert "default-src 'none'" in reply.headers["Content-Security-Policy"]
        assert "url(" not in reply.text
        assert "@import" not in reply.text


def test_the_filter_takes_words_and_a_target(receiver: Receiver) -> None:
    """``q`` looks into names and labels in any case; ``target`` is the id of an ``up`` series."""
    page = get(receiver, "/?q=MEMSTATS+pay").text
    assert "go_memstats_alloc_bytes" in page
    assert "http_requests_total" not in page
    assert 'value="MEMSTATS pay"' in page
    down = next(one for one in receiver.targets() if one.health == "down")
    page = get(receiver, f"/?target={down.id}").text
    assert "1 series" in page
    assert "selected" in page
    assert "No series here with these words." in get(receiver, "/?q=nothing-like-this").text


@pytest.mark.parametrize(
    ("path", "seconds"),
    [
        ("/", 5),
        ("/?refresh=30", 30),
        ("/?refresh=0", None),
        ("/?refresh=soon", 5),
        ("/?refresh=" + "9" * 5000, 3600),
        ("/requests", None),
        ("/requests?refresh=2", 2),
    ],
)
def test_refresh_is_a_parameter(receiver: Receiver, path: str, seconds: int | None) -> None:
    """The overview reloads every five seconds unless told otherwise, the others only when told."""
    found = re.search(r'<meta http-equiv="refresh" content="(\d+)">', get(receiver, path).text)
    assert (int(found[1]) if found else None) == seconds


def test_a_series_page_has_a_plot_facts_and_labels(receiver: Receiver) -> None:
    """A gauge has one plot, broken where it was stale, with axes, extremes and its labels."""
    page = get(receiver, f"/series?id={series_id(receiver, 'go_memstats_alloc_bytes')}").text
    nesting = parsed(page)
    assert {"svg", "figure", "table", "dl"} <= nesting.tags
    line = re.search(r'<path d="([^"]*)" class="line"></path><path d="[^"]*" class="dot">', page)
    assert line is not None
    assert line[1].count("M") == 2
    assert page.count("<figure") == 1
    assert "9 points" in page
    assert "lowest 3.5 MiB" in page
    assert "pay-gateway" in page


def test_a_counter_has_a_plot_of_its_rate(receiver: Receiver) -> None:
    """150 more every 15 seconds are 10 per second."""
    page = get(receiver, f"/series?id={series_id(receiver, 'http_requests_total')}").text
    assert page.count("<figure") == 2
    assert "Rate per second" in page
    assert "lowest 10/s, highest 10/s, last 10/s" in page


@pytest.mark.parametrize("number", ["", "0", "999999", "-1", "x", "1;DROP", "9" * 40])
def test_an_unknown_series_is_not_found(receiver: Receiver, number: str) -> None:
    """A number that is none of ours is 404, with a way back."""
    reply = get(receiver, f"/series?id={number}")
    assert reply.status == 404
    assert 'href="/"' in reply.text


def test_the_requests_page_lists_sizes_and_status(receiver: Receiver) -> None:
    """Every request with its status in words."""
    post(receiver, good(Row(labels("a-b"))))
    page = get(receiver, "/requests").text
    assert "400 Bad Request" in page
    assert page.count("204 No Content") == 11
    assert "pushvar-tests/1.0" in page
    parsed(page)


def test_an_empty_receiver_says_so() -> None:
    """Before anything came, each part of the page says what it waits for."""
    with Receiver() as receiver:
        page = get(receiver, "/").text
        assert "No request yet." in page
        assert "No target yet" in page
        assert "No series here." in page
        assert "No request yet." in get(receiver, "/requests").text


def test_extreme_values_do_not_break_a_page(receiver: Receiver) -> None:
    """Infinities, the largest floats and single samples are drawn or left out, never an error."""
    extremes = (float("inf"), -float("inf"), float("nan"), 1.7e308, -1.7e308, 5e-324, 1e299, -1e299)
    for index, value in enumerate(extremes):
        post(receiver, good(Row(labels("x_bytes"), ((NOW_MS - 100 + index, value),))))
        post(receiver, good(Row(labels("y_seconds", n=str(index)), ((NOW_MS, value),))))
    for one in receiver.series():
        assert get(receiver, f"/series?id={one.id}").status == 200
    assert get(receiver, "/").status == 200


def test_a_page_of_many_series_is_cut_and_says_so(receiver: Receiver) -> None:
    """A thousand series do not make a page of a thousand plots."""
    post(receiver, good(*(Row(labels("many", n=str(index))) for index in range(1000))))
    page = get(receiver, "/").text
    assert "1,005 series, the first 240 are shown" in page
    assert page.count('class="spark"') == 240
