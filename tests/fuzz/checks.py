"""What must hold for any bytes, whoever made them. Each check raises only when something is wrong."""

from __future__ import annotations

import re
import struct
from typing import TYPE_CHECKING, Any

from pushvar.catalogue import HEALTH, PRIVATE_KEYS
from pushvar.config.load import load_rules
from pushvar.config.programs import ready_names, ready_rules
from pushvar.convert.converter import Converted, Converter
from pushvar.convert.expvar.decode import decode
from pushvar.convert.input_format import InputFormat
from pushvar.convert.mapping import built_in, rule_set
from pushvar.convert.plan import Stamp
from pushvar.errors import BodyRefused, ConfigError, DecodeError, FetchError
from pushvar.model import Target
from pushvar.wire.exposition import text
from pushvar.wire.exposition.delimited import read_delimited
from pushvar.wire.exposition.parse import parse
from pushvar.wire.exposition.pushed_text import read_text
from pushvar.wire.exposition.whole import demand_consistent, whole
from pushvar.wire.proto.prometheus_v1_pb2 import WriteRequest

if TYPE_CHECKING:
    from collections.abc import Callable

    from pushvar.convert.mapping.rules import RuleSet
    from pushvar.wire.exposition import FamilySamples

_TARGET = Target("00ff", "fuzz", "http://fuzz/debug/vars", (("customer_id", "acme"), ("job", "fuzz")))
_STAMP = Stamp(_TARGET, (("region", "eu"),))
_RULES = built_in("auto")
EXPVAR, TEXT = InputFormat("expvar"), InputFormat("prometheus")
_TIME_MS = 1_795_173_629_844
_PLAIN = (dict, list, str, int, float, bool, type(None))


def check_decode(body: bytes) -> None:
    """A body becomes a document of plain values without private keys, or a DecodeError."""
    try:
        document = decode(body)
    except DecodeError:
        return
    assert not {key.lower() for key in document.values} & PRIVATE_KEYS
    _check_plain(document.values)


def check_convert(body: bytes) -> None:
    """A body becomes valid series, the same ones twice, or a FetchError; what is packed can be read."""
    _check_series(body, EXPVAR)


def check_mapping(case: bytes) -> None:
    """Rules, a NUL and a body: wrong rules are a ConfigError, all others give valid series, cold and warm.

    The rules are written as in a file, or named when they are a ready set.
    """
    head, _, body = case.partition(b"\0")
    written = head.decode("utf-8", "replace")
    try:
        named = written in ready_names()
        rules = ((written, ready_rules(written)),) if named else load_rules(written, source="fuzz")
    except ConfigError:
        return
    for unmatched in ("auto", "drop"):
        _check_series(body, EXPVAR, rule_set(rules, unmatched))


def _check_series(body: bytes, form: InputFormat, rules: RuleSet = _RULES) -> None:
    converter = Converter()
    try:
        first = converter.convert(_STAMP, body, rules, form=form)
    except FetchError:
        return
    assert len(first.values) == 8 * len(first.plan.shape.rows)
    packed = _packed(first)
    assert _packed(converter.convert(_STAMP, body, rules, form=form)) == packed
    request = WriteRequest.FromString(packed)
    assert len(request.timeseries) == len(first.plan.shape.rows) + len(HEALTH)
    seen = set()
    for series in request.timeseries:
        names = [label.name for label in series.labels]
        assert names == sorted(set(names), key=str.encode)
        assert all(label.value for label in series.labels)
        seen.add(tuple((label.name, label.value) for label in series.labels))
        assert len(series.samples) == 1
    assert len(seen) == len(request.timeseries)


def _packed(converted: Converted) -> bytes:
    health = struct.pack(f"<{len(HEALTH)}d", *range(len(HEALTH)))
    return converted.plan.template.pack(converted.values + health, _TIME_MS, converted.times_ms)


def check_text(body: bytes) -> None:
    """A page is parsed whatever it holds; its series are valid, and a warm reading is the cold one."""
    page = parse(body)
    assert all(fault.line >= 1 for fault in page.faults)
    _check_series(body, TEXT)


def check_pushed_text(body: bytes) -> None:
    """Pushed text becomes families that can be printed and read again, or is refused with a line of it."""
    try:
        families = read_text(body)
    except BodyRefused as error:
        told = re.fullmatch(r"text format parsing error in line (\d+): (.+)", str(error), re.DOTALL)
        assert told is not None
        assert 1 <= int(told[1]) <= body.count(b"\n") + 1
        assert not told[2].endswith('timestamp: ""')  # a line that had no fault
        assert told[2] != "unexpected end of input stream" or not body.endswith(b"\n")
        str(error).encode()  # can be answered
        return
    _check_families(families)


def check_delimited(body: bytes) -> None:
    """Pushed messages become families that can be printed and read as text, or are refused in words."""
    try:
        families = read_delimited(body)
    except BodyRefused as error:
        str(error).encode()  # can be answered
        return
    _check_families(families)


def _check_families(families: tuple[FamilySamples, ...]) -> None:
    families = whole(families)
    assert len({group.family.name for group in families}) == len(families)
    for sample in (sample for group in families for sample in group.samples):
        names = [name for name, value in sample.labels if value]
        assert names == sorted(set(names))
        assert len(names) == len(sample.labels)
    try:
        demand_consistent(families)
    except BodyRefused as error:
        str(error).encode()  # can be answered
        return
    printed = text.encode(families)
    if b'="NaN"' not in printed:  # a bound that is none: text cannot say it
        assert _samples(whole(read_text(printed))) == _samples(families)


def _samples(families: tuple[FamilySamples, ...]) -> list[str]:
    """All samples, sorted; as text, for a NaN is equal to itself there."""
    return sorted(str(sample).replace("-0.0", "0.0") for group in families for sample in group.samples)


def _check_plain(value: Any) -> None:
    assert isinstance(value, _PLAIN)
    for below in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        _check_plain(below)


CHECKS: dict[str, Callable[[bytes], None]] = {
    "decode": check_decode,
    "convert": check_convert,
    "text": check_text,
    "mapping": check_mapping,
    "pushed_text": check_pushed_text,
    "delimited": check_delimited,
}
"""Name of a corpus folder -> what must hold for each of its files."""
