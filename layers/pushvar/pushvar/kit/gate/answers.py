"""Checks of how a URL answers: in time, with the right status, in a format that is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pushvar.catalogue import FAILURE_CLASSES, REPAIRS
from pushvar.kit.gate.facts import Finding, Level

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pushvar.kit.gate.facts import Document, Facts, Limits

_TEXT_TYPES = ("text/plain", "application/openmetrics-text")
_JSON_TYPE = "application/json"
_SHOWN = 3


def in_time(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """The first answer comes within the time that a start may take."""
    if facts.waited_s is None:
        tried = f"no answer in {limits.timeout_s:g} s and {facts.tries} tries"
        yield Finding(
            Level.FAIL, f"{tried}: {facts.reason}: {facts.detail}", FAILURE_CLASSES[facts.reason][1]
        )
    elif facts.waited_s > limits.within_s:
        yield Finding(
            Level.FAIL,
            f"the first answer came after {facts.waited_s:.1f} s; {limits.within_s:g} s are allowed",
            "serve metrics before anything slow is begun, or say what the pipeline may wait for (--wait-url)",
        )


def status(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """The answer is a 200, and no redirect."""
    del limits
    if facts.reason != "ok":
        yield Finding(Level.FAIL, facts.detail, FAILURE_CLASSES[facts.reason][1])


def latency(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """The document comes fast: pushvar and every scraper wait for it again and again."""
    if facts.latency_s > limits.max_latency_s:
        yield Finding(
            Level.FAIL,
            f"it took {facts.latency_s:.2f} s; {limits.max_latency_s:g} s are allowed",
            "a page of metrics reads numbers that are there: look for work, locks or calls behind it",
        )


def known_format(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """The body is a document of expvar, or Prometheus text."""
    del limits
    if facts.document is None:
        yield Finding(Level.FAIL, facts.unreadable, FAILURE_CLASSES["bad_format"][1])


def content_type(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """The Content-Type says what the body is."""
    del limits
    assert facts.document is not None
    said = facts.content_type.partition(";")[0].strip().lower()
    fitting = _TEXT_TYPES if facts.document.text else (_JSON_TYPE,)
    if said not in fitting:
        kind = "Prometheus text" if facts.document.text else "a JSON document"
        yield Finding(
            Level.WARN,
            f"Content-Type is {said or 'missing'}, the body is {kind}",
            f"answer with {fitting[0]}; Prometheus 3 refuses pages of an unknown type",
        )


def readable(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Nothing in the document had to be mended or left out."""
    del limits
    document: Document | None = facts.document
    assert document is not None
    for one in document.repairs[:_SHOWN]:
        yield Finding(Level.WARN, f"{REPAIRS[one.kind]} ({one.place})", "print it as its format wants it")
    if len(document.repairs) > _SHOWN:
        yield Finding(Level.WARN, f"and {len(document.repairs) - _SHOWN} more of the kind")


def typed(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Families of a page of text have a line that begins with # TYPE."""
    del limits
    document = facts.document
    assert document is not None
    if not document.text:
        return
    untyped = sorted(set(document.types) - document.declared)
    if untyped:
        shown = ", ".join(untyped[:_SHOWN]) + (
            f" and {len(untyped) - _SHOWN} more" if untyped[_SHOWN:] else ""
        )
        yield Finding(
            Level.WARN,
            f"no # TYPE for {shown}",
            "use a client library, or print # TYPE <name> <type> above the samples of each name",
        )
