"""Groups as the store keeps them, and as text."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pushvar.errors import StateError
from pushvar.jobs.digests import code_of, codes, digest, hashes, name_hash
from pushvar.jobs.packing import pack, text_of, unpack, unpack_timed
from pushvar.model import Family, Group, GroupHead, MetricType
from pushvar.wire.exposition import FamilySamples, PrintedSample, text
from pushvar.wire.exposition.pushed_text import read_text
from pushvar.wire.exposition.whole import whole

HEAD = GroupHead("k", "acme", (("job", "a"),), "v1", 9, pushed_ms=1_795_000_000_500, failed_ms=1)
PUSH_TIMES = """# HELP push_time_seconds Unix time of the group's last push that was taken.
# TYPE push_time_seconds gauge
push_time_seconds 1795000000.5
# HELP push_failure_time_seconds Unix time of the group's last push that was refused.
# TYPE push_failure_time_seconds gauge
push_failure_time_seconds 0.001
"""

NAMES = st.from_regex(r"[a-zA-Z_:][a-zA-Z0-9_:]{0,12}", fullmatch=True)
LABELS = st.dictionaries(
    st.from_regex(r"[a-zA-Z][a-zA-Z0-9_]{0,6}", fullmatch=True), st.text(min_size=1, max_size=6), max_size=3
).map(lambda labels: tuple(sorted(labels.items())))
VALUES = st.floats(allow_nan=False) | st.integers(-(2**60), 2**60).map(float)


@st.composite
def plain_families(draw: st.DrawFn) -> tuple[FamilySamples, ...]:
    """Families of one value, with series of different labels."""
    found = []
    for name in draw(st.lists(NAMES, unique=True, max_size=4)):
        kind = draw(st.sampled_from([MetricType.COUNTER, MetricType.GAUGE, MetricType.UNKNOWN]))
        series = draw(st.dictionaries(LABELS, VALUES, min_size=1, max_size=4))
        samples = tuple(PrintedSample(name, labels, value) for labels, value in series.items())
        found.append(FamilySamples(Family(name, kind, draw(st.text(max_size=8))), samples))
    return tuple(found)


@given(plain_families())
def test_what_is_packed_comes_out_again(families: tuple[FamilySamples, ...]) -> None:
    """All of it but units and timestamps, and its text is what the other printer prints."""
    assert unpack(pack(families)) == families
    shown = text_of(Group(HEAD, pack(families)))
    assert shown.endswith(PUSH_TIMES.encode())
    if not any(
        one.family.name.endswith("_created") for one in families
    ):  # which that one takes out of families
        assert shown.removesuffix(PUSH_TIMES.encode()) == text.encode(families)


def test_histograms_as_text() -> None:
    """They are as ``whole`` leaves them, and a strict reader takes them back."""
    body = b'# HELP h how\\\\long\n# TYPE h histogram\nh_bucket{a="\\n\\"\\\\",le="0.5"} 1\n'
    families = whole(read_text(body))
    shown = text_of(Group(HEAD, pack(families)))
    assert shown.startswith(body)
    assert read_text(shown)[: len(families)] == families


def test_families_without_samples_and_an_empty_group() -> None:
    """Nothing is printed of them but the times of the group."""
    empty = FamilySamples(Family("e", MetricType.GAUGE, "nothing"), ())
    for body in (pack(()), pack((empty,)), b""):
        assert text_of(Group(HEAD, body)) == PUSH_TIMES.encode()
    assert unpack(pack((empty,))) == (empty,)


def test_special_values() -> None:
    """Infinities, NaN and a negative zero are kept and printed."""
    values = (math.inf, -math.inf, math.nan, -0.0)
    samples = tuple(PrintedSample("x", (("a", str(n)),), value) for n, value in enumerate(values))
    body = pack((FamilySamples(Family("x", MetricType.GAUGE), samples),))
    assert text_of(Group(HEAD, body)).splitlines()[1:5] == [
        b'x{a="0"} +Inf', b'x{a="1"} -Inf', b'x{a="2"} NaN', b'x{a="3"} -0',
    ]  # fmt: skip


def test_times_of_families() -> None:
    """When each was pushed, where that is known."""
    one, two = (FamilySamples(Family(name, MetricType.GAUGE), ()) for name in "ab")
    assert unpack_timed(pack((one, two), {"a": 5})) == [(one, 5), (two, 0)]


@pytest.mark.parametrize("body", [b"\x02", b"x 1\n", b"\x01", b"\x01zz", pack(())[:-1]])
def test_a_body_of_somebody_else(body: bytes) -> None:
    """It is an error of the store, never a crash or nothing."""
    with pytest.raises(StateError, match="the body of a pushed group"):
        unpack(body)


def test_a_digest_tells_who_has_a_family() -> None:
    """And with which type; it is five bytes for each."""
    families = [Family(f"m{number}", kind) for number, kind in enumerate(MetricType)]
    types = digest(families)
    assert len(types) == 5 * len(families)
    assert hashes(types) == {name_hash(family.name) for family in families}
    for family in families:
        assert list(codes(types, name_hash(family.name))) == [code_of(family.type)]
    assert list(codes(types, name_hash("other"))) == []
    assert list(codes(b"\0" + types, name_hash("m1"))) == [], "entries stand at their places only"
