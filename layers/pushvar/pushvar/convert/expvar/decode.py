"""Body bytes in, an expvar document out: strict JSON first, repair only when that fails.

What may hold secrets (``cmdline``, whole configurations) is removed here, before anything else sees
the document. Messages name offsets and keys, never content.
"""

from __future__ import annotations

from typing import Any

import msgspec

from pushvar.catalogue import PRIVATE_KEYS
from pushvar.errors import DecodeError
from pushvar.model import Document, Repair

DEPTH_LIMIT = 32
"""Objects inside objects; the deepest real document known has 5. Lists are never walked."""

_HTML = (b"<!", b"<h", b"<H")
_TEXT = (b"# ", b"#\n")


def decode(body: bytes) -> Document:
    """Decode one expvar body.

    Raises DecodeError: ``bad_format`` for what is no JSON object (HTML, Prometheus text, a list) and
    ``bad_json`` for what cannot be repaired.
    """
    values, repairs = _parse(body)
    if not isinstance(values, dict):
        raise DecodeError("bad_format", f"a JSON {_json_kind(values)}, where expvar prints an object")
    _check_depth(values)
    private = tuple(key for key in values if is_private(key))
    for key in private:
        del values[key]
    return Document(values, repairs, private)


def unguarded(body: bytes) -> Any:
    """The whole document, with what may hold secrets: for who looks for secrets, and shows no value.

    Raises DecodeError for what is no JSON and cannot be repaired.
    """
    return _parse(body)[0]


def is_private(key: str) -> bool:
    """Whether a top-level key is one whose value must never leave the process."""
    return key.lower() in PRIVATE_KEYS


def _parse(body: bytes) -> tuple[Any, tuple[Repair, ...]]:
    try:
        return msgspec.json.decode(body), ()
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return _parse_tolerantly(body)


def _parse_tolerantly(body: bytes) -> tuple[Any, tuple[Repair, ...]]:
    from pushvar.convert.expvar.repair import mend

    start = body.lstrip()[:2]
    if not start:
        raise DecodeError("bad_json", "the body is empty")
    if start in _HTML:
        raise DecodeError("bad_format", "HTML, where expvar prints a JSON object")
    if start in _TEXT:
        raise DecodeError("bad_format", "Prometheus text, where expvar prints a JSON object")
    try:
        return mend(body.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        values, repairs = mend(body.decode("utf-8-sig", "replace"))
        return values, (Repair("invalid_utf8", f"offset {error.start}"), *repairs)


def _json_kind(value: Any) -> str:
    kinds = {list: "array", str: "string", bool: "boolean", type(None): "null"}
    return kinds.get(type(value), "number")


def _check_depth(values: dict[str, Any]) -> None:
    level = [values]
    for _ in range(DEPTH_LIMIT):
        level = [child for parent in level for child in parent.values() if type(child) is dict]
        if not level:
            return
    raise DecodeError("bad_json", f"objects nested more than {DEPTH_LIMIT} deep")
