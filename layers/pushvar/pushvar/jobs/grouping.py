"""A group's labels: read off a path as a Pushgateway reads them, checked, and hashed to the group's key.

    /metrics/job/<job>{/<label>/<value>}        job@base64 and <label>@base64: the value is in base64

The path is split before it is unescaped, so an escaped slash is part of a value. Labels of the customer are
no grouping labels: whose group it is follows from the credential.
"""

from __future__ import annotations

import base64
import hashlib
import re
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import unquote_to_bytes

from msgspec.json import encode

from pushvar.catalogue import LABEL_NAME
from pushvar.jobs.refusals import Refusal, limited, malformed
from pushvar.wire.exposition.golang import quoted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pushvar.model import Grouping

CUSTOMER: Final = "customer_id"
_DERIVED: Final = frozenset({"service_domain", "sla_tier", "tenant_id", "cluster_id"})
_BASE64: Final = "@base64"
_KEY_BYTES: Final = 10
_GROUPING_BYTES: Final = 16_384
_QUANTUM: Final = 4

_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_BASE64_TEXT = re.compile(r"[A-Za-z0-9_-]*")


class Place(NamedTuple):
    """A group of a tenant, there or not; ``key`` is what the store knows it by."""

    tenant: str
    grouping: Grouping
    key: str

    @property
    def shape(self) -> tuple[str, ...]:
        """The names of its labels."""
        return tuple([name for name, _ in self.grouping])


def segments(path: str) -> list[str]:
    """What stands between the slashes of a path, unescaped. Raises Refusal."""
    if _BAD_ESCAPE.search(path):
        raise malformed(f"the path has a % that escapes nothing: {quoted(path.encode(errors='replace'))}")
    try:
        return [unquote_to_bytes(part).decode() for part in path.split("/")]
    except UnicodeError:
        raise malformed(f"the path is not UTF-8: {quoted(path.encode(errors='replace'))}") from None


def is_push(parts: Sequence[str]) -> bool:
    """Whether these are the segments of a group's path: ``/metrics/job/``, and something behind it."""
    match parts:
        case [_, "metrics", "job" | "job@base64", *rest]:
            return any(rest)
    return False


def labels_of(parts: Sequence[str], path: str) -> dict[str, str]:
    """The labels of a group's path, ``job`` among them, none of them checked but by name. Raises Refusal."""
    job = parts[3]
    if parts[2] == f"job{_BASE64}":
        job, fault = _from_base64(job)
        if fault:
            raise malformed(f"invalid base64 encoding in job name {quoted(job.encode())}: {fault}")
    rest = parts[4:] if any(parts[4:]) or len(parts) > 5 else ()  # noqa: PLR2004 - a slash at the end is nothing
    if len(rest) % 2:
        shown = "/" + "/".join(path.split("/")[4:])
        raise malformed(f"odd number of components in label string {quoted(shown.encode())}")
    labels = dict(_pair(*pair) for pair in zip(rest[::2], rest[1::2], strict=True))
    return {**labels, "job": job}


def place_of(tenant: str, labels: Mapping[str, str]) -> Place:
    """The group of these labels, ``customer_id`` among them if it is said. Raises Refusal."""
    derived = sorted(_DERIVED & labels.keys())
    if derived:
        raise malformed(f"{derived[0]} is no label of a group: pushvar derives it, the path may not say it")
    if labels.get(CUSTOMER, tenant) != tenant:
        raise Refusal(403, "forbidden", "the customer_id of the path is not that of the credential")
    if not labels.get("job"):
        raise malformed("job name is required")
    grouping = tuple(sorted([pair for pair in labels.items() if pair[0] != CUSTOMER]))
    return Place(tenant, grouping, group_key(tenant, grouping))


def group_key(tenant: str, grouping: Grouping) -> str:
    """What a group is known by: 20 hex digits."""
    text = encode((tenant, grouping))
    if len(text) > _GROUPING_BYTES:
        raise limited(400, "labels of a group", f"{len(text)} bytes", f"use at most {_GROUPING_BYTES}")
    return hashlib.blake2b(text, digest_size=_KEY_BYTES).hexdigest()


def demand_label_name(name: str) -> None:
    """Raise Refusal for what is no name of a group's label."""
    if name.startswith("__") or not LABEL_NAME.fullmatch(name):
        raise malformed(f"improper label name {quoted(name.encode())}")


def _pair(name: str, value: str) -> tuple[str, str]:
    bare = name.removesuffix(_BASE64)
    demand_label_name(bare)
    if bare == name:
        return name, value
    decoded, fault = _from_base64(value)
    if fault:
        raise malformed(f"invalid base64 encoding for label {bare}={quoted(value.encode())}: {fault}")
    return bare, decoded


def _from_base64(text: str) -> tuple[str, str]:
    """What a text in URL-safe base64 says, and what is wrong with it; padding may be there or not."""
    bare = text.rstrip("=").replace("\r", "").replace("\n", "")
    match = _BASE64_TEXT.match(bare)
    good = match.end() if match else 0
    at = good if good < len(bare) else len(bare) - 1
    whole = at - at % _QUANTUM
    if good < len(bare) or len(bare) % _QUANTUM == 1:
        known = base64.urlsafe_b64decode(bare[:whole]).decode(errors="replace")
        return known, f"illegal base64 data at input byte {at}"
    decoded = base64.urlsafe_b64decode(bare + "=" * (-len(bare) % _QUANTUM))
    try:
        return decoded.decode(), ""
    except UnicodeDecodeError:
        return "", "what it says is not UTF-8"
