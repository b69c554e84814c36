"""The table of causes: failure class, and what tells its cases apart, to the cause and the next step.

A key is ``class`` or ``class/detail``; the more exact one wins. Others have the catalogue's words.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pushvar.catalogue import FAILURE_CLASSES
from pushvar.kit.triage.verdict import Finding

if TYPE_CHECKING:
    from collections.abc import Mapping

_EMPTY = "the answer is empty", "check metrics_path; the handler writes nothing"
_TLS_PORT = "port {port} of {host} speaks TLS, and was sent plain HTTP", "set scheme: https for the job {job}"
_PLAIN_PORT = (
    "port {port} of {host} speaks plain HTTP, and was asked for TLS",
    "set scheme: http for the job {job}",
)

CAUSES: dict[str, tuple[str, str]] = {
    "dns": (
        "the name {host} could not be resolved: {message}",
        "look it up on this machine: getent hosts {host}",
    ),
    "dns/no_name": (
        "the name {host} does not exist, as far as the name server here knows",
        "check the spelling of the target's host, and that its record is in the zone that is asked here",
    ),
    "dns/no_name_server": (
        "the name server did not answer, or could not, when asked for {host}",
        "check /etc/resolv.conf and that port 53 of the server named there can be reached",
    ),
    "dns/no_address": ("the name {host} exists, but has no address", "add an A or AAAA record for {host}"),
    "refused": (
        "{host} is there, and nothing listens on port {port}",
        "check that the program runs and listens on {port}, on all addresses and not on loopback alone",
    ),
    "connection": (
        "the connection broke off: {message}",
        "look at the target's own log for this moment, and at proxies in between",
    ),
    "connection/no_route": (
        "there is no route from here to {host}: {message}",
        "check routes, subnets and security groups between here and {host}",
    ),
    "connection/no_answer": (
        "{host} does not answer at all on port {port}",
        "check firewalls and security groups: packets are dropped on the way",
    ),
    "connection/reset": (
        "{host} accepted the connection and reset it",
        "look at the target's own log: it crashed on the request, or a proxy in between cut it",
    ),
    "connection/plain": _PLAIN_PORT,
    "connection/at_tls": (
        "{host} closed the connection at the TLS handshake",
        "does port {port} speak TLS at all? look at the target's own log",
    ),
    "tls/plain": _PLAIN_PORT,
    "timeout/plain": _PLAIN_PORT,
    "connection/closed": (
        "{host} accepted the connection and closed it without an answer",
        "does port {port} speak TLS? try https; else look at the target's own log",
    ),
    "connection/cut_body": (
        "the connection ended before the answer was complete",
        "look at the target's own log: it broke off while it wrote the answer",
    ),
    "connection/proxy": (
        "the way through the proxy failed: {message}",
        "check proxy_url and the proxy's own log",
    ),
    "timeout/dns": (
        "the name server takes longer than {timeout} to answer for {host}",
        "check /etc/resolv.conf and the name server named there",
    ),
    "timeout/tcp": (
        "{host}:{port} does not accept the connection within {timeout}: packets are dropped",
        "check firewalls and security groups between here and {host}, and that the host is up",
    ),
    "timeout/tls": (
        "{host}:{port} accepts connections and does not finish the TLS handshake within {timeout}",
        "does that port speak TLS at all? if not, set scheme: http; if it does, look at its load",
    ),
    "timeout/wait": (
        (
            "{host}:{port} accepts the request and says nothing within {timeout}: the program hangs or is "
            "overloaded"
        ),
        "look at the program: CPU, locks, GC (kill -QUIT tells); or raise scrape_timeout",
    ),
    "timeout/body": (
        "the answer began and was not complete within {timeout}: {size} bytes came",
        "look at what writes the body slowly (a big map under a lock, a slow Func), or at the network's rate",
    ),
    "tls": ("the TLS handshake failed: {message}", "check scheme and tls_config of the job {job}"),
    "tls/expired": (
        "the certificate of {host}:{port} has expired",
        "renew the certificate and restart the target",
    ),
    "tls/not_yet_valid": (
        "the certificate of {host}:{port} is not valid yet",
        "check the clocks of both machines, then the certificate's dates",
    ),
    "tls/self_signed": (
        "the certificate of {host}:{port} is self-signed: nobody here trusts it",
        "give its certificate as tls_config.ca_file of the job {job}",
    ),
    "tls/unknown_authority": (
        "the certificate of {host}:{port} is signed by an authority that is not trusted here",
        "give that authority's certificate as tls_config.ca_file of the job {job}",
    ),
    "tls/wrong_name": (
        "the certificate of {host}:{port} is for another name: {message}",
        "set tls_config.server_name to a name in the certificate, or register the target by it",
    ),
    "tls/not_tls": (
        "port {port} of {host} does not speak TLS: it is plain HTTP, or another protocol",
        "set scheme: http, or use the port that speaks TLS",
    ),
    "tls/client_certificate": (
        "{host}:{port} wants a client certificate, and got none that it takes",
        "set tls_config.cert_file and key_file of the job {job}",
    ),
    "tls/old_version": (
        "{host}:{port} speaks only versions of TLS that are not allowed here",
        "mend the target's TLS settings: it should speak TLS 1.2 or later",
    ),
    "blocked": (
        "pushvar refuses the address: {message}",
        "targets may not be link-local, metadata or multicast addresses; register the target's own",
    ),
    "blocked/policy": (
        "the configuration forbids this address: {message}",
        "allow it in global.target_policy, if the target is meant",
    ),
    "redirect": (
        "the target redirects to {location}, and redirects are not followed",
        "register the final address: metrics_path, scheme or host as in {location}",
    ),
    "redirect/login": (
        "the target redirects to a login page: {location}",
        "give the job credentials, or serve the metrics on a port without the login",
    ),
    "redirect/https": (
        "the target answers http by a redirect to https",
        "set scheme: https for the job {job}",
    ),
    "redirect/loop": (
        "the target redirects to itself: {location}",
        "mend the target's (or its proxy's) rule; nobody can fetch this",
    ),
    "auth": (
        "the target refuses the credentials of the job {job}: HTTP {status}",
        "check the {credentials} of the job against what the target wants; was the secret rotated?",
    ),
    "auth/none": (
        "the target wants credentials and the job {job} has none: HTTP {status}{wants}",
        "add basic_auth or authorization to the job {job}",
    ),
    "auth/unready": (
        "a secret of the job {job} cannot be read: {message}",
        "mend the reference, or store the secret",
    ),
    "not_found": (
        "nothing is served at {path}: HTTP 404",
        "check metrics_path; does the program import expvar and serve its default mux there?",
    ),
    "not_found/elsewhere": (
        "nothing is served at {path}, but {elsewhere} of the same port answers with metrics",
        "set metrics_path: {elsewhere}",
    ),
    "rate_limited": (
        "the target limits how often it may be fetched: HTTP 429",
        "raise scrape_interval of the job {job}",
    ),
    "client": (
        "the target refuses the request: HTTP {status}{said}",
        "look at the target's own log for the reason",
    ),
    "client/tls_port": _TLS_PORT,
    "server": (
        "the target answers with HTTP {status}{said}: it fails itself, or what is before it finds it down",
        "look at the target's own log: a panic in a Func, or out of memory",
    ),
    "server/gateway": (
        "what is before the target answers HTTP {status}: the program behind it does not",
        "check the program itself; the load balancer or proxy in between is up",
    ),
    "too_large": (
        "the body is over the limit: {message}",
        "raise body_size_limit of the job {job}, or publish less",
    ),
    "too_many_samples": (
        "the document has too many samples: {message}",
        "look for ids in keys or labels; else raise sample_limit of the job {job}",
    ),
    "label_limit": (
        "a series is over a label limit: {message}",
        "raise the limit of the job {job}, or shorten the label",
    ),
    "bad_format/html": (
        "the answer is a web page, not metrics",
        "check metrics_path and port: this is another page",
    ),
    "bad_format/login": (
        "the answer is a login page, not metrics",
        "give the job credentials, or serve the metrics on a port without the login",
    ),
    "bad_format/empty": _EMPTY,
    "bad_json/empty": _EMPTY,
    "bad_format/tls_port": _TLS_PORT,
    "bad_format/not_http": (
        "port {port} of {host} does not speak HTTP: {first}",
        "check the port: another program listens there",
    ),
    "bad_format/gzip": (
        "the answer is compressed, and cannot be read so: {message}",
        "the target, or a proxy, must say Content-Encoding: gzip and send a whole stream",
    ),
    "bad_format/elsewhere": (
        "the answer at {path} is {looks}, but {elsewhere} of the same port answers with metrics",
        "set metrics_path: {elsewhere}",
    ),
    "bad_format": (
        "the answer is not metrics: it looks like {looks} ({message})",
        "check metrics_path and format: expvar serves /debug/vars, text mostly /metrics",
    ),
    "bad_json/truncated": (
        "the document breaks off: {message}",
        "look at the target's own log: a handler that panics half way, or a proxy with a size limit",
    ),
    "bad_json": (
        "the document is not JSON: {message}",
        "mend the variable that is named; pushvar show prints the rest",
    ),
}
"""Class, or class/detail -> (cause, next step)."""


def finding(reason: str, detail: str, words: Mapping[str, str]) -> Finding:
    """What a failed fetch comes from, by the most exact row that there is."""
    meaning, step = FAILURE_CLASSES[reason]
    row = CAUSES.get(f"{reason}/{detail}") or CAUSES.get(reason)
    cause, following = row or (f"{meaning}: {{message}}", step)
    return Finding(cause.format_map(words), following.format_map(words))
