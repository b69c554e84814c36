"""The outside of a request: its four reserved headers, its size, its compression. Pure.

Everything is compared literally. A receiver that trims and lower-cases hides what another one trips over.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import snappy

from pushvar.receiver.rules import Violation

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


V1, V2 = 1, 2
CONTENT_TYPES = {
    "application/x-protobuf": V1,
    "application/x-protobuf;proto=prometheus.WriteRequest": V1,
    "application/x-protobuf;proto=io.prometheus.write.v2.Request": V2,
}
VERSION_HEADERS = {"0.1.0": V1, "2.0.0": V2}
RESERVED = ("content-encoding", "content-type", "x-prometheus-remote-write-version", "user-agent")

_USER_AGENT = re.compile(r"[^\s/]+/[^\s/]+")
_STREAM_IDENTIFIER = b"\xff\x06\x00\x00sNaPpY"
_FOREIGN = ((b"\x1f\x8b", "gzip"), (b"\x28\xb5\x2f\xfd", "zstd"))
_MAX_PREAMBLE_BYTES = 5


@dataclass(frozen=True, slots=True)
class Limits:
    """The sizes that a request may have, in bytes. The defaults are those of Prometheus."""

    compressed_bytes: int = 32 * 1024 * 1024
    decoded_bytes: int = 32 * 1024 * 1024


def check_headers(headers: Iterable[tuple[str, str]]) -> tuple[int | None, list[Violation]]:
    """Give the remote write version that the headers announce (None: undecodable), and what is wrong."""
    found: list[Violation] = []
    values: dict[str, str] = {}
    for name, value in headers:
        key = name.lower()
        if key in RESERVED and key in values:
            found.append(
                Violation("header-repeated", "", f"{name} is sent twice: {values[key]!r}, {value!r}")
            )
        values.setdefault(key, value)
    found.extend(_check_encoding(values))
    version = CONTENT_TYPES.get(values.get("content-type", ""))
    if version is None:
        found.append(Violation("header-content-type", "", _describe_type(values.get("content-type"))))
    found.extend(_check_version(values.get("x-prometheus-remote-write-version"), version))
    found.extend(_check_user_agent(values.get("user-agent", "")))
    undecodable = any(violation.rule == "header-content-encoding" for violation in found)
    return (None if undecodable else version), found


def _check_encoding(values: dict[str, str]) -> Iterator[Violation]:
    encoding = values.get("content-encoding")
    if encoding != "snappy":
        yield Violation("header-content-encoding", "", f"expected 'snappy', got {encoding!r}")


def _describe_type(content_type: str | None) -> str:
    if content_type is None:
        return "the header is missing"
    if re.search(r";\s+proto=|\s;", content_type):
        return f"{content_type!r} has a space beside the semicolon; some receivers then read a 1.0 message"
    return f"{content_type!r} is none of: {', '.join(CONTENT_TYPES)}"


def _check_version(header: str | None, version: int | None) -> Iterator[Violation]:
    announced = VERSION_HEADERS.get(header or "")
    if announced is None:
        yield Violation("header-version", "", f"expected 0.1.0 or 2.0.0, got {header!r}")
    elif version is not None and announced != version:
        yield Violation("header-version-pair", "", f"version {header} with the content type of {version}.0")


def _check_user_agent(agent: str) -> Iterator[Violation]:
    if not _USER_AGENT.match(agent):
        yield Violation("header-user-agent", "", f"expected name/version, got {agent!r}")


def unpack_body(body: bytes, limits: Limits) -> tuple[bytes | None, list[Violation]]:
    """Decompress a snappy block; None and the reason when it is none, or too large to unpack."""
    if len(body) > limits.compressed_bytes:
        return None, [too_large(len(body), limits)]
    if body.startswith(_STREAM_IDENTIFIER):
        return None, [
            Violation("snappy-framed", "", "the body starts with the framed format's stream identifier")
        ]
    size_bytes = _announced_size(body)
    if size_bytes is None:
        return None, [Violation("snappy-block", "", "the body does not start with an uncompressed length")]
    if size_bytes > limits.decoded_bytes:
        detail = f"{size_bytes} bytes decompressed, the limit is {limits.decoded_bytes}"
        return None, [Violation("body-too-large-decoded", "", detail)]
    try:
        return snappy.uncompress(body), []
    except snappy.UncompressError:
        return None, [Violation("snappy-block", "", _describe_body(body))]


def too_large(size_bytes: int, limits: Limits) -> Violation:
    """The violation of a body that is larger than the limit, known from Content-Length alone."""
    return Violation("body-too-large", "", f"{size_bytes} bytes, the limit is {limits.compressed_bytes}")


def _announced_size(body: bytes) -> int | None:
    """The varint before a snappy block: the size it unpacks to. Read first, so that no bomb is unpacked."""
    size_bytes = 0
    for index, byte in enumerate(body[:_MAX_PREAMBLE_BYTES]):
        size_bytes |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:  # noqa: PLR2004 - the continuation bit of a varint
            return size_bytes
    return None


def _describe_body(body: bytes) -> str:
    for magic, name in _FOREIGN:
        if body.startswith(magic):
            return f"the body is {name}"
    return "the body cannot be unpacked; is it compressed at all?"
