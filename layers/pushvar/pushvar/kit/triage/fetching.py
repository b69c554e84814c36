"""The first steps of the tree: the fetch itself, and what a failed one comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pushvar.catalogue import FAILURE_CLASSES
from pushvar.kit.triage.causes import finding
from pushvar.kit.triage.looks import WORDS, kind_of, shown
from pushvar.kit.triage.verdict import BAD, OK, Finding, Step

if TYPE_CHECKING:
    from pushvar.kit.triage.facts import Asked, Facts, Seen
    from pushvar.net.probe import Probe

_GATEWAY = (502, 503, 504)
_HEADERS = ("content-type", "content-encoding", "server", "via", "retry-after")
_WORDS_CHARS = 120
_LOGIN = ("login", "signin", "sign-in", "sso", "oauth", "auth")
_STAGES = {"dns": "name", "tcp": "connect", "tls": "TLS", "wait": "first byte", "body": "whole body"}


def bare(url: str) -> str:
    """A URL without its query, user and fragment: keys stand there."""
    parts = urlsplit(url)
    return parts._replace(query="", fragment="", netloc=parts.netloc.rpartition("@")[2]).geturl()


def fetch_step(facts: Facts, seen: Seen) -> Step:
    """The direct fetch, its timings and what came."""
    probe = seen.probe
    answered = probe.reason == "ok"
    then = "an answer came: what is in it?" if answered else f"no usable answer, class {probe.reason}: why?"
    return Step(
        "fetch",
        f"{bare(probe.url)} from this machine, within {facts.asked.timeout_s:g} s",
        OK if answered else BAD,
        tuple(_seen(probe)),
        then,
        tuple((_STAGES[name], seconds) for name, seconds in probe.steps_s.items() if name in _STAGES),
        sound="the network and the target's HTTP server" if answered else "",
    )


def _seen(probe: Probe) -> list[str]:
    lines = []
    if probe.proxy:
        lines.append(f"through the proxy {probe.proxy}")
    elif probe.addresses:
        lines.append(f"addresses: {', '.join(probe.addresses)}")
    if len(probe.tried) > 1:
        lines += [f"{address}: {said}" for address, said in probe.tried if said]
    if probe.status:
        told = [f"{name}: {probe.headers[name]}" for name in _HEADERS if name in probe.headers]
        lines.append(", ".join((f"HTTP {probe.status}", f"{probe.size_bytes:,} bytes", *told)))
    if probe.message:
        lines.append(probe.message)
    return lines


def cause_step(asked: Asked, seen: Seen) -> Step:
    """The class of a failed scrape, told apart as far as can be seen."""
    meaning = FAILURE_CLASSES[seen.reason][0]
    found = finding(seen.reason, _detail(asked, seen), _words(asked, seen))
    lines = [
        f"class {seen.reason}: {meaning}",
        *([seen.message] if seen.message != seen.probe.message else []),
    ]
    if seen.probe.reason == "ok" and seen.probe.body:
        lines.append(f"the answer begins like {shown(seen.probe.body)}")
    if seen.elsewhere:
        lines.append(f"{seen.elsewhere} of the same port answers with metrics")
    return Step("class", "what the failure is, told apart", BAD, tuple(lines), finding=found)


def document_step(asked: Asked, seen: Seen) -> Step:
    """What a readable document gives."""
    lines = [f"{seen.size_bytes:,} bytes, {seen.scraped:,} series, {seen.kept:,} after metric relabelling"]
    if seen.shed:
        lines.append(f"{seen.shed:,} values gave no series; pushvar show --explain has each")
    found = None
    if not seen.scraped:
        found = Finding(
            "the document is readable and holds no number that becomes a series",
            "look at it: pushvar show --explain " + bare(asked.url), 2,
        )  # fmt: skip
    elif not seen.kept:
        found = Finding(
            f"metric_relabel_configs of the job {asked.job} drop every series",
            f"mend the keep or drop steps of the job {asked.job}", 2,
        )  # fmt: skip
    then = "nothing is left to send" if found else "the target is well: it is not the fetch"
    return Step(
        "document", "what a scrape makes of the answer", BAD if found else OK, tuple(lines), then,
        finding=found, sound="" if found else "what the target serves",
    )  # fmt: skip


def _detail(asked: Asked, seen: Seen) -> str:
    """What tells the cases of a class apart, beyond what the network said."""
    probe, reason = seen.probe, seen.reason
    kind = kind_of(probe.body)
    if seen.plain and reason in ("tls", "connection", "timeout"):
        return "plain"
    if seen.elsewhere and reason in ("not_found", "bad_format"):
        return "elsewhere"
    by_class = {
        "timeout": probe.stage,
        "auth": "unready" if seen.unready else ("" if asked.credentials else "none"),
        "redirect": _redirect(probe),
        "server": "gateway" if probe.status in _GATEWAY and _proxied(probe) else "",
        "blocked": "policy" if "target_policy" in seen.message else "",
        "client": "tls_port" if b"HTTP request to an HTTPS server" in probe.body else "",
        "bad_json": "truncated" if _truncated(probe.body) else kind,
        "bad_format": _not_metrics(probe, kind),
        "connection": _connection(probe),
    }
    return by_class.get(reason, probe.detail) or probe.detail


def _connection(probe: Probe) -> str:
    if probe.stage == "tls":
        return "at_tls"
    if probe.detail:
        return probe.detail
    if probe.proxy and "proxy" in probe.message:
        return "proxy"
    return "cut_body" if probe.stage == "body" else "closed"


def _not_metrics(probe: Probe, kind: str) -> str:
    if probe.detail:
        return probe.detail
    if probe.reason == "ok":
        return kind
    if not probe.status and not probe.first.startswith(b"HTTP/"):
        return "not_http"
    return "gzip" if "gzip" in probe.message else ""


def _redirect(probe: Probe) -> str:
    location = probe.headers.get("location", "")
    there, here = urlsplit(location), urlsplit(probe.url)
    if location in (probe.url, here.path):
        return "loop"
    if any(word in there.path.lower() for word in _LOGIN):
        return "login"
    same = there.hostname == here.hostname and there.path == here.path
    return "https" if same and there.scheme == "https" and here.scheme == "http" else ""


def _proxied(probe: Probe) -> bool:
    """Whether something before the target seems to have answered: a page, or a server's own mark."""
    words = f"{probe.headers.get('server', '')} {probe.headers.get('via', '')}".lower()
    return any(mark in words for mark in ("nginx", "envoy", "elb", "haproxy", "cloudflare", "caddy", "via"))


def _truncated(body: bytes) -> bool:
    text = body.strip()
    return text.startswith(b"{") and not text.endswith(b"}")


def _words(asked: Asked, seen: Seen) -> dict[str, str]:
    probe = seen.probe
    parts = urlsplit(probe.url)
    said = shown(probe.body) if probe.body else ""
    wants = probe.headers.get("www-authenticate", "").partition(" ")[0][:_WORDS_CHARS]
    return {
        "host": parts.hostname or "",
        "port": str(parts.port or (443 if parts.scheme == "https" else 80)),
        "path": parts.path or "/",
        "job": asked.job or "(give one by --config)",
        "message": seen.message or probe.message,
        "timeout": f"{asked.timeout_s:g} s",
        "status": str(probe.status),
        "size": f"{probe.size_bytes:,}",
        "location": bare(probe.headers.get("location", "")) or "nowhere",
        "elsewhere": seen.elsewhere,
        "credentials": asked.credentials,
        "wants": f" ({wants})" if wants else "",
        "said": f", {said}" if said else "",
        "looks": WORDS[kind_of(probe.body)],
        "first": shown(probe.first),
    }
