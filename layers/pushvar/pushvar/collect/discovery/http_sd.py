"""http_sd_configs: a URL that answers with target groups as JSON.

What is demanded is what Prometheus demands (discovery/http/http.go): status 200, the content type
application/json, a list of ``{targets, labels}``; ``__meta_url`` goes onto every group. Redirects are not
followed, and the service's address obeys the rules for targets.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

import msgspec

from pushvar import __version__
from pushvar.collect.discovery._polled import KEPT, Polled, Question
from pushvar.config.load import load_groups
from pushvar.errors import ConfigError, FetchError
from pushvar.net.auth import auth_header
from pushvar.net.once import get_once
from pushvar.net.proxy import proxies_of
from pushvar.net.tls import tls_settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pushvar.collect.discovery.protocol import Means, Source
    from pushvar.config.schema import FileGroup, HttpSdConfig, ScrapeConfig, Tenancy
    from pushvar.net.http1 import Response

BODY_LIMIT = 64 * 1024 * 1024
"""Bytes of a list, the same as of a file of targets."""

_OK = 200
_REDIRECTS = range(300, 400)
_JSON = re.compile(r'(?i)application/json(;\s*charset=("utf-8"|utf-8))?')
_URL_LABEL = "__meta_url"


def source(means: Means) -> Source:
    """All http_sd configs of a configuration."""

    def questions(job: ScrapeConfig) -> Iterator[Question]:
        for block in job.http_sd_configs:
            yield Question(
                place_of(block.url),
                block,
                block.refresh_interval.s,
                lambda tenancy, block=block: _ask(block, tenancy, means),  # type: ignore[misc]
            )

    return Polled(questions, means)


def place_of(url: str) -> str:
    """The URL as messages show it: a query may hold a key, so only its hash is there to tell URLs apart."""
    shown, mark, query = url.partition("?")
    return f"{shown}?{hashlib.sha256(query.encode()).hexdigest()[:8]}" if mark else shown


def _ask(block: HttpSdConfig, tenancy: Tenancy, means: Means) -> tuple[FileGroup, ...]:
    try:
        response = get_once(
            block.url,
            _headers(block, means),
            tls=tls_settings(block.tls_config),
            timeout_s=means.timeout_s,
            body_limit=BODY_LIMIT,
            allowed=means.allowed,
            proxies=proxies_of(block),
        )
    except FetchError as error:
        raise ConfigError("", error.message, hint=KEPT) from None
    return groups_in(response, block.url, tenancy)


def groups_in(response: Response, url: str, tenancy: Tenancy) -> tuple[FileGroup, ...]:
    """The groups of an answer. Raises ConfigError (ConfigErrors with lines) when it may not be used."""
    if response.status in _REDIRECTS:
        hint = "write the URL that it leads to; redirects are not followed"
        raise ConfigError("", f"HTTP {response.status}, a redirect", hint=hint)
    if response.status != _OK:
        raise ConfigError("", f"HTTP {response.status}, expected 200")
    kind = response.headers.get("content-type", "").strip()
    if not _JSON.fullmatch(kind):
        shown = "".join(filter(str.isprintable, kind))[:80]
        raise ConfigError(
            "", f'the content type is "{shown}"', hint="the service has to say application/json"
        )
    try:
        msgspec.json.decode(response.body)  # the reader below takes YAML too
        text = response.body.decode()
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise ConfigError("", f"not JSON: {error}") from None
    # whose targets have no customer_id is seen when they have been relabelled
    lenient = msgspec.structs.replace(tenancy, strict=False)
    groups = load_groups(text, source=place_of(url), tenancy=lenient)
    return tuple(
        msgspec.structs.replace(group, labels=tuple(sorted({**dict(group.labels), _URL_LABEL: url}.items())))
        for group in groups
    )


def _headers(block: HttpSdConfig, means: Means) -> Iterator[tuple[str, str]]:
    yield "User-Agent", f"pushvar/{__version__}"
    yield "Accept", "application/json"
    yield "Accept-Encoding", "gzip"
    yield "X-Prometheus-Refresh-Interval-Seconds", f"{block.refresh_interval.s:g}"
    if credentials := auth_header(block, means.secret, means.token):
        yield "Authorization", credentials
    for name, header in block.http_headers:
        for value in header.values:
            yield name, value
