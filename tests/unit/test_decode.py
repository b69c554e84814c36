"""Body bytes to documents: strict JSON, every class that Go prints in its place, and hostile input."""

from __future__ import annotations

import contextlib
import math

import pytest
from pushvar.convert.expvar.decode import DEPTH_LIMIT, decode
from pushvar.errors import DecodeError

from tests.documents import body, raw_body
from tests.work import calls


def test_json_is_not_repaired() -> None:
    """A body that is JSON gives its values and no repair."""
    document = decode(body(requests=7))
    assert document.values["requests"] == 7
    assert document.repairs == ()


def test_private_keys_are_gone() -> None:
    """Command line and configuration never get past the decoder; only their names are known."""
    document = decode(body(config={"password": "x"}, Config={"dsn": "y"}, config_version=3))
    assert document.private == ("Config", "cmdline", "config")
    assert set(document.values) == {"memstats", "config_version"}


REPAIRS = [
    ("NaN", '"k": NaN', "non_finite", math.nan),
    ("plus infinity", '"k": +Inf', "non_finite", math.inf),
    ("minus infinity", '"k": -Inf', "non_finite", -math.inf),
    ("bare infinity", '"k": Inf', "non_finite", math.inf),
    ("a Func that cannot be marshalled", '"k": ', "empty_value", None),
    ("bare text", '"k": 2016-11-21 23:16:01 +0000 UTC', "bare_text", None),
    ("text with quotes and commas", '"k": he said "hi", twice', "bare_text", None),
    ("an unquoted word", '"k": green', "bare_text", None),
]


@pytest.mark.parametrize(
    ("entry", "kind", "value"), [case[1:] for case in REPAIRS], ids=[c[0] for c in REPAIRS]
)
def test_what_go_prints_instead_of_json(entry: str, kind: str, value: float | None) -> None:
    """Each class is repaired, named, and costs its own value only."""
    document = decode(raw_body('"a": 1', entry, '"z": {"x": [1, 2]}'))
    found = document.values["k"]
    assert found is None if value is None else (found == value or (found != found and value != value))  # noqa: PLR0124
    assert kind in {repair.kind for repair in document.repairs}
    assert document.values["a"] == 1
    assert document.values["z"] == {"x": [1, 2]}


ESCAPES = [
    (r"\x00", "\x00"),
    (r"\x1b[0m", "\x1b[0m"),
    (r"\a\v", "\x07\x0b"),
    (r"\xdf", "\u00df"),
    (r"\U0001f600", "\U0001f600"),
    (r"a\\x41", r"a\x41"),
    (r"\"quoted\"\t", '"quoted"\t'),
    ("\\u00e4\x7f", "\u00e4\x7f"),
]


@pytest.mark.parametrize(("written", "meant"), ESCAPES)
def test_go_quoted_keys(written: str, meant: str) -> None:
    """Keys quoted by Go's %q are read as what they were; a backslash that is data stays one."""
    document = decode(raw_body(f'"{written}": 1', '"inf": +Inf'))
    assert document.values[meant] == 1


def test_a_repair_inside_a_map() -> None:
    """Non-finite numbers are repaired at any depth, and text that looks like one is left alone."""
    document = decode(raw_body('"m": {"a": NaN, "b": [+Inf], "NaN": "+Inf, NaN:,"}'))
    assert math.isnan(document.values["m"]["a"])
    assert document.values["m"]["b"] == [math.inf]
    assert document.values["m"]["NaN"] == "+Inf, NaN:,"


def test_bare_text_next_to_a_value_with_line_breaks() -> None:
    """A value that holds what looks like the next key is kept whole."""
    document = decode(raw_body('"bad": 12:30', '"nested": {\n"a": 1,\n"b": 2\n}', '"last": 3'))
    assert document.values == {"bad": None, "nested": {"a": 1, "b": 2}, "last": 3}


def test_a_byte_order_mark_and_broken_utf8() -> None:
    """A byte order mark is not data; a broken byte costs its character and is reported."""
    assert decode(b"\xef\xbb\xbf" + body(a=1)).values["a"] == 1
    document = decode(raw_body('"a": 1').replace(b"a", b"a\xff"))
    assert document.values == {"a\ufffd": 1}
    assert document.repairs[0].kind == "invalid_utf8"


REFUSED = [
    (b"", "bad_json", "empty"),
    (b"  \n", "bad_json", "empty"),
    (b"<html><body>login</body></html>", "bad_format", "HTML"),
    (b"<!DOCTYPE html>", "bad_format", "HTML"),
    (b"# HELP up\nup 1\n", "bad_format", "Prometheus text"),
    (b"[1, 2]", "bad_format", "array"),
    (b"null", "bad_format", "null"),
    (b"12", "bad_format", "number"),
    (b'"text"', "bad_format", "string"),
    (b"hello", "bad_json", "offset 0"),
    (b'{"a": 1', "bad_json", "offset"),
    (b'{"a": tru}x', "bad_json", "offset"),
    (b"[" * 100_000, "bad_json", "deep"),
    (b'{"a":' * 5_000 + b"1" + b"}" * 5_000, "bad_json", "deep"),
]


@pytest.mark.parametrize(("sent", "reason", "words"), REFUSED, ids=[repr(case[0][:20]) for case in REFUSED])
def test_what_is_no_document(sent: bytes, reason: str, words: str) -> None:
    """Everything else is refused with its class and a word about why, never with the content."""
    with pytest.raises(DecodeError) as refused:
        decode(sent)
    assert refused.value.reason == reason
    assert words in refused.value.message


def test_depth_is_bounded() -> None:
    """As many objects as the limit allows are read, one more is refused."""
    assert decode(b'{"a":' * DEPTH_LIMIT + b"1" + b"}" * DEPTH_LIMIT).values
    with pytest.raises(DecodeError, match="deep"):
        decode(b'{"a":' * (DEPTH_LIMIT + 1) + b"1" + b"}" * (DEPTH_LIMIT + 1))


HOSTILE = {
    "quotes": lambda n: b'"\\"' * n,
    "empty values": lambda n: b"{" + b'"a":,' * n + b"}",
    "bare text everywhere": lambda n: b"{\n" + b'"a": x,\n' * n + b'"z":1}',
    "containers that never end": lambda n: b"{\n" + b'"a": [[,\n' * n + b'"z":1}',
    "long integers": lambda n: b'{"a": [' + b"9" * 5_000 + b",1" * n + b"]}",
    "escapes": lambda n: b'{"' + b"\\x" * n + b'": NaN}',
}


def attempt(sent: bytes) -> None:
    """Decode, or be refused."""
    with contextlib.suppress(DecodeError):
        decode(sent)


@pytest.mark.parametrize("name", HOSTILE)
def test_work_on_hostile_bodies_grows_with_their_size(name: str) -> None:
    """Twice the body is at most about twice the work, whatever is in it."""
    make = HOSTILE[name]
    small, large = (calls(lambda n=n: attempt(make(n))) for n in (5_000, 10_000))  # type: ignore[misc,no-untyped-call]
    assert large <= 2.2 * small + 5_000


def test_half_a_megabyte_of_quotes() -> None:
    """Half a megabyte of what opens and never closes is refused, not searched for ever."""
    for sent in (b'"\\"' * 300_000, b"{" + b'"' * 500_001, b"{\n" + b'"a": [[,\n' * 60_000 + b'"z":1}'):
        attempt(sent)
