"""Each check of the gate: a document that passes it, and one that does not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from pushvar.kit.gate.checks import CHECKS, results
from pushvar.kit.gate.facts import Document, Facts, Level, Limits
from pushvar.kit.gate.markdown import checklist, filled
from pushvar.kit.gate.verdict import verdicts
from pushvar.labels.sets import label_set
from pushvar.model import Repair

from tests.components import REPOSITORY
from tests.programs.commands import run_pushvar

RAW = {"memstats": {"Alloc": 1, "NumGC": 2}, "orders_total": 3}


def expvar(*names: str, raw: Any = RAW, **labels: str) -> Facts:
    """The facts of a document of expvar with these series."""
    series = frozenset((name, label_set(labels.items())) for name in names)
    return facts(Document(text=False, series=series, types=dict.fromkeys(names, "gauge"), raw=raw))


def text(**types: str) -> Facts:
    """The facts of a page of text with these families, all declared."""
    series = frozenset((name, ()) for name in types)
    return facts(Document(text=True, series=series, types=types, declared=frozenset(types)))


def facts(document: Document | None) -> Facts:
    """The facts of a page that came at once."""
    kind = "text/plain" if document and document.text else "application/json"
    return Facts(
        "http://localhost/x", 0.1, 1, latency_s=0.01, content_type=kind, document=document, later=document
    )


def level(check: str, given: Facts, limits: Limits | None = None) -> Level:
    """How one check goes."""
    return next(one.level for one in results(given, limits or Limits()) if one.check.name == check)


GOOD = expvar("shop_queue_depth", "shop_heap_bytes")
PAGE = text(process_cpu_seconds_total="counter", shop_orders_total="counter")
MANY = tuple(f"shop_{n}" for n in range(2_001))


def with_values(count: int) -> Facts:
    """A metric whose label has that many values."""
    series = frozenset(("shop_x", (("path", str(n)),)) for n in range(count))
    return facts(Document(text=False, series=series, types={"shop_x": "gauge"}, raw=RAW))


BAD: dict[str, tuple[Facts, Level]] = {
    "in-time": (replace(GOOD, waited_s=5.1), Level.FAIL),
    "status": (replace(GOOD, reason="redirect", detail="HTTP 302", document=None), Level.FAIL),
    "latency": (replace(GOOD, latency_s=3.1), Level.FAIL),
    "format": (replace(GOOD, document=None, unreadable="bad_json: the body is empty"), Level.FAIL),
    "content-type": (replace(GOOD, content_type="text/html"), Level.WARN),
    "readable": (facts(replace(GOOD.document, repairs=(Repair("non_finite", "x"),))), Level.WARN),  # type: ignore[type-var]
    "types": (facts(replace(PAGE.document, declared=frozenset())), Level.WARN),  # type: ignore[type-var]
    "runtime": (text(shop_orders_total="counter"), Level.FAIL),
    "core": (GOOD, Level.FAIL),
    "required": (GOOD, Level.FAIL),
    "series": (expvar(*MANY), Level.FAIL),
    "label-values": (with_values(101), Level.WARN),
    "labels": (expvar("shop_x", trace_id="1"), Level.FAIL),
    "growth": (replace(GOOD, later=expvar(*MANY[:50]).document), Level.WARN),
    "own-labels": (expvar("shop_x", customer_id="acme"), Level.WARN),
    "names": (text(shopLatencyMs="gauge"), Level.WARN),
    "secrets": (expvar("shop_x", raw={**RAW, "dbPassword": "hunter2!"}), Level.FAIL),
}


def test_no_check_is_without_a_case() -> None:
    """Whoever adds a check adds a document that fails it."""
    assert list(BAD) == [check.name for check in CHECKS]


@pytest.mark.parametrize("name", BAD)
def test_what_fails_and_what_passes(name: str) -> None:
    """The case of a check fails it as badly as it should; good documents pass it."""
    bad, expected = BAD[name]
    limits = Limits(required=("shop_missing",)) if name == "required" else Limits()
    assert level(name, bad, limits) == expected
    core = text(**dict.fromkeys(_core(), "gauge"))
    good = (core,) if name == "core" else (GOOD, PAGE)
    for one in good:
        assert level(name, one) == Level.PASS, name


def _core() -> list[str]:
    from pushvar.catalogue.core import CORE

    return [name for one in CORE for name in one.families]


def test_what_cannot_be_asked_is_not() -> None:
    """Without an answer only its absence is told; without a document nothing is said about one."""
    silent = Facts("http://localhost/x", None, 3, "refused", "nobody there")
    assert [one.check.name for one in results(silent, Limits()) if one.level != Level.SKIP] == ["in-time"]
    unreadable = facts(None)
    asked = [one.check.name for one in results(unreadable, Limits()) if one.level != Level.SKIP]
    assert asked == ["in-time", "status", "latency", "format"]


@pytest.mark.parametrize(
    ("raw", "place"),
    [
        ({"cmdline": ["/srv", "--db-password", "hunter2"]}, "cmdline[1]: the value of --db-password"),
        ({"cmdline": ["/srv", "-apiKey=abcdef"]}, "cmdline[1]: the value of -apiKey"),
        ({"cmdline": ["/srv", "--dsn=postgres://u:pw@db/x"]}, "cmdline[1]: a URL with a password"),
        ({"config": {"url": "redis://:pw1234@cache:6379"}}, "config.url: a URL with a password"),
        ({"a": [{"b": "-----BEGIN RSA PRIVATE KEY-----"}]}, "a[0].b: a private key"),
        ({"jwt": "eyJhbGciOiJIUzI1.eyJzdWIiOiIxMjM0.c2ln"}, "jwt: a JSON web token"),
        ({"auth_token": "s3cr3t"}, "auth_token: a value under the name of a secret"),
        ({"note": "user=x password=abc123"}, "note: a password in a text"),
    ],
)  # fmt: skip
def test_secrets_are_found_and_not_shown(raw: Any, place: str) -> None:
    """The place and the kind are told."""
    found = results(expvar("x_y", raw={**RAW, **raw}), Limits())
    (result,) = [one for one in found if one.check.name == "secrets"]
    assert [one.what for one in result.findings] == [place]


@pytest.mark.parametrize(
    "raw",
    [
        {"cmdline": ["/srv", "-password-file=/run/secrets/db", "--token", "--verbose"]},
        {"cmdline": ["/srv", "--secret", "env:DB_SECRET", "--passphrase", "***"]},
        {"tokens_total": 12, "token_bucket": "17", "secret": "", "password": "<redacted>"},
        {"url": "http://host:8080/path@2x", "commit": "9f86d081884c7d659a2feaa0c55ad015"},
        {"author": "bearer of bad news", "monkey": "banana", "compass": "north"},
    ],
)
def test_what_is_no_secret(raw: Any) -> None:
    """Numbers, masks, references to secrets, and words that only look alike are left alone."""
    assert level("secrets", expvar("x_y", raw={**RAW, **raw})) == Level.PASS


@pytest.mark.parametrize(
    ("name", "kind", "told"),
    [
        ("httpRequests", "gauge", "not in snake case"),
        ("shop_wait_ms", "gauge", "not in a base unit"),
        ("shop_cpu_percent", "gauge", "not in a base unit"),
        ("shop_orders", "counter", "a counter without _total"),
        ("shop_queue_total", "gauge", "_total, but no counter"),
        ("shop_items_count", "gauge", "the ending of a histogram's parts"),
        ("requests", "gauge", "no namespace"),
        ("shop_latency_seconds_avg", "gauge", "an average that was computed before"),
    ],
)
def test_names(name: str, kind: str, told: str) -> None:
    """Each rule of naming is told in its words."""
    (result,) = [one for one in results(text(**{name: kind}), Limits()) if one.check.name == "names"]
    assert f"{told}: {name}" in [one.what for one in result.findings]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("http_requests_total", "counter"), ("http_request_duration_seconds", "histogram"),
        ("shop_queue_depth", "gauge"), ("go_gc_gogc_percent", "gauge"), ("shop_used_ratio", "gauge"),
        ("shop_orders_total_created", "gauge"), ("ms_orders_total", "counter"),
    ],
)  # fmt: skip
def test_good_names(name: str, kind: str) -> None:
    """Names that follow the conventions, and those of the official clients, are left alone."""
    assert level("names", text(**{name: kind})) == Level.PASS


def test_a_warning_is_minded_when_strict() -> None:
    """The same facts ship, and do not ship when warnings count."""
    good = text(**dict.fromkeys(_core(), "gauge"), shopMs="gauge")
    assert verdicts([good], Limits())[0].ships
    assert not verdicts([good], Limits(), strict=True)[0].ships


def test_the_checklist_is_the_table() -> None:
    """Both lists have an item for each check, in their order; the committed one is fresh."""
    items = [line for line in checklist(Limits()).splitlines() if line.startswith("- [ ]")]
    assert [line.split("`")[1] for line in items] == [check.name for check in CHECKS]
    ticked = [line for line in filled(verdicts([GOOD], Limits())).splitlines() if line.startswith("- [")]
    assert [line.split("`")[1] for line in ticked] == [check.name for check in CHECKS]
    assert sum(line.startswith("- [ ]") for line in ticked) == 1  # the core set
    done = run_pushvar("kit", "checklist", "--output", REPOSITORY / "monitoring" / "gate", "--check")
    assert (done.returncode, done.stdout) == (0, "")
