"""The last steps of the tree: what the backends answer, and what waits for them or was given up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pushvar.catalogue import DROPPED
from pushvar.kit.triage.verdict import BAD, OK, WARN, Finding, Step

if TYPE_CHECKING:
    from pushvar.kit.triage.facts import Backend

_ROUTE, _REFUSED = 2, 3
_DROPS, _WAITS = 5, 6

_STATUSES: dict[int, tuple[str, str]] = {
    400: ("finds the request wrong (HTTP 400)", "is the url that of remote write? its words are above"),
    401: ("refuses the credentials (HTTP 401)", "check its credentials: are there any, were they rotated?"),
    403: ("does not allow this (HTTP 403)", "check what its credentials may do, and the tenant header"),
    404: (
        "has nothing at this url (HTTP 404)",
        "check the url's path; Prometheus needs --web.enable-remote-write-receiver",
    ),
    405: ("takes no writes at this url (HTTP 405)", "check the url's path"),
    413: ("finds even an empty request too large (HTTP 413)", "look at the proxy before it: its body limit"),
    415: ("does not take this version of remote write (HTTP 415)", "set protobuf_message: auto"),
    429: ("limits this tenant (HTTP 429)", "raise its ingestion limit, or send less (pushvar show)"),
}
_SERVER = 500
_WORDS = (
    ("refused", "does not answer: the connection is refused", "is it running, and is the port right?"),
    ("resolve", "does not answer: its name does not resolve", "check the host name in its url"),
    ("Name or service", "does not answer: its name does not resolve", "check the host name in its url"),
    ("TLS", "fails at TLS", "check its certificate, and tls_config of the backend"),
    ("no complete answer", "does not answer in time", "look at its load, and at firewalls in between"),
    ("timed out", "does not answer in time", "look at its load, and at firewalls in between"),
)


def backend_step(backend: Backend, now_ms: int, *, nowhere: bool = False) -> Step:
    """One backend: its answer first, then whether the target goes there, then what it missed.

    That the target does not go there is meant as a rule, unless it goes ``nowhere`` at all.
    """
    found = _answer(backend) or (_route(backend) if nowhere else None) or _backlog(backend, now_ms)
    lines = [_said(backend)]
    if backend.waiting:
        lines.append(f"{backend.waiting:,} samples wait for it, {_age(now_ms, backend.since_ms)}")
    lines += [
        f"{count:,.0f} samples given up: {DROPPED.get(reason, reason)}"
        for reason, count in sorted(backend.dropped.items())
    ]
    state = OK if found is None else (WARN if found.rank >= _DROPS else BAD)
    return Step(
        f"backend {backend.name}",
        f"{backend.kind} {backend.url}: a valid request that stores nothing",
        state,
        tuple(lines),
        "it takes requests" if state == OK else "",
        (("answer", backend.duration_s),),
        found,
        f"the backend {backend.name}" if found is None else "",
    )


def _said(backend: Backend) -> str:
    if backend.why and not backend.routed:
        return backend.why
    return backend.error or f"HTTP {backend.status}: it takes the request"


def _answer(backend: Backend) -> Finding | None:
    if not backend.error or not backend.routed:
        return None
    cause, following = _STATUSES.get(backend.status, ("", ""))
    if not cause and backend.status >= _SERVER:
        cause = f"fails itself (HTTP {backend.status})"
        following = "look at its own log; what is undelivered waits in the spool and is sent later"
    if not cause:
        cause, following = next(
            ((said, then) for word, said, then in _WORDS if word in backend.error),
            (f"does not take requests: {backend.error}", backend.hint),
        )
    return Finding(f"the backend {backend.name} {cause}", following or "look at its own log", _REFUSED)


def _route(backend: Backend) -> Finding | None:
    if backend.routed:
        return None
    return Finding(
        f"the target's series do not go to the backend {backend.name}: {backend.why}",
        f"mend match, or the label that the url or headers of {backend.name} are made of",
        _ROUTE,
    )


def _backlog(backend: Backend, now_ms: int) -> Finding | None:
    if backend.dropped:
        reason = max(backend.dropped, key=lambda one: backend.dropped[one])
        return Finding(
            f"samples for the backend {backend.name} were given up: {DROPPED.get(reason, reason)}",
            "the log of pushvar names the first series of each reason; see docs/reliability.md",
            _DROPS,
        )
    if backend.waiting:
        return Finding(
            f"samples wait for the backend {backend.name}, {_age(now_ms, backend.since_ms)}",
            "it answers now: the next cycles deliver them, oldest first",
            _WAITS,
        )
    return None


def _age(now_ms: int, since_ms: int) -> str:
    return f"the oldest for {max(now_ms - since_ms, 0) / 1000:,.0f} s" if since_ms else "of unknown age"
