"""HTTP/1.1 responses from bytes: every framing, every cut, every limit."""

from __future__ import annotations

import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pushvar.net.http1 import HEAD_LIMIT, Malformed, ResponseReader, TooLarge

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
ZIPPED = gzip.compress(b"hello")
LIMIT = 10_000

COMPLETE = [
    ("length", OK + b"Content-Length: 5\r\n\r\nhello", b"hello", True),
    ("no body", OK + b"Content-Length: 0\r\n\r\n", b"", True),
    ("chunks", CHUNKED + b"3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\n\r\n", b"hello", True),
    ("trailers", CHUNKED + b"1\r\na\r\n0\r\nX: y\r\n\r\n", b"a", True),
    ("hex size", CHUNKED + b"A\r\n0123456789\r\n0\r\n\r\n", b"0123456789", True),
    ("closing", OK + b"Connection: close\r\nContent-Length: 1\r\n\r\na", b"a", False),
    ("early hints", b"HTTP/1.1 103 Early\r\n\r\n" + OK + b"Content-Length: 1\r\n\r\na", b"a", True),
    ("204", b"HTTP/1.1 204 No Content\r\n\r\n", b"", True),
    (
        "gzip",
        OK + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(ZIPPED) + ZIPPED,
        b"hello",
        True,
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("sent", "body", "reusable"), [c[1:] for c in COMPLETE], ids=[c[0] for c in COMPLETE]
)
@pytest.mark.parametrize("step", [1, 2, 7, 10_000])
def test_complete_responses(sent: bytes, body: bytes, reusable: bool, step: int) -> None:  # noqa: FBT001
    """However the bytes are cut, the same response comes out, at the last byte and not before."""
    reader = ResponseReader(LIMIT)
    ends = [reader.feed(sent[at : at + step]) for at in range(0, len(sent), step)]
    assert ends.index(True) == len(ends) - 1
    assert reader.response is not None
    assert reader.response.body == body
    assert reader.reusable is reusable


def test_a_body_that_ends_with_the_connection() -> None:
    """Without length or chunks the body goes on until the connection closes."""
    reader = ResponseReader(LIMIT)
    assert not reader.feed(OK + b"\r\nhel")
    assert not reader.feed(b"lo")
    assert reader.close()
    assert reader.response is not None
    assert reader.response.body == b"hello"
    assert not reader.reusable


def test_bytes_behind_the_response_end_the_connection() -> None:
    """An answer that nobody asked for makes the connection unusable."""
    reader = ResponseReader(LIMIT)
    assert reader.feed(OK + b"Content-Length: 1\r\n\r\naHTTP/1.1")
    assert not reader.reusable


MALFORMED = [
    b"hello world, this is not HTTP\r\n\r\n",
    b"220 smtp ready\r\n",
    b"HTTP/2 200\r\n\r\n",
    b"HTTP/1.1 OK\r\n\r\n",
    OK + b"no colon here\r\n\r\n",
    OK + b"Content-Length: -1\r\n\r\n",
    OK + b"Content-Length: x\r\n\r\n",
    OK + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    OK + b"Transfer-Encoding: gzip\r\n\r\n",
    OK + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n",
    OK + b"Transfer-Encoding: chunked\r\n\r\n-1\r\n",
    OK + b"Transfer-Encoding: chunked\r\n\r\n1_0\r\n",
    OK + b"Transfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n",
    OK + b"Content-Encoding: br\r\nContent-Length: 1\r\n\r\na",
    OK + b"Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\nabcd",
    b"HTTP/1.1 200 OK\r\nX: " + b"y" * (HEAD_LIMIT + 1),
    OK + b"Transfer-Encoding: chunked\r\n\r\n" + b"1" * (HEAD_LIMIT + 1),
    OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\n" + b"x" * (HEAD_LIMIT + 1),
]


@pytest.mark.parametrize("sent", MALFORMED, ids=[repr(sent[:60]) for sent in MALFORMED])
def test_malformed_responses(sent: bytes) -> None:
    """What is not HTTP/1.1 is refused, and never waited for."""
    with pytest.raises(Malformed):
        ResponseReader(LIMIT).feed(sent)


@pytest.mark.parametrize(
    "sent",
    [
        OK + b"Content-Length: 10001\r\n\r\n",
        OK + b"\r\n" + b"x" * 10_001,
        OK + b"Transfer-Encoding: chunked\r\n\r\nFFFFFFFF\r\n",
        OK + b"Content-Encoding: gzip\r\n\r\n" + b"",
    ],
)
def test_bodies_over_the_limit(sent: bytes) -> None:
    """A body is refused as soon as it is known to be too large; so is a small one that inflates."""
    if b"gzip" in sent:
        bomb = gzip.compress(b"0" * 1_000_000)
        sent = OK + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(bomb) + bomb
    with pytest.raises(TooLarge):
        ResponseReader(LIMIT).feed(sent)


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"HTTP/1.1 2",
        OK + b"Content-Length: 5\r\n\r\nhel",
        OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nh",
    ],
)
def test_an_early_end(sent: bytes) -> None:
    """A connection that closes in the middle is told apart from a body that ends with it."""
    reader = ResponseReader(LIMIT)
    if sent:
        reader.feed(sent)
    with pytest.raises(Malformed, match="closed"):
        reader.close()


@given(st.lists(st.binary(min_size=1, max_size=50), max_size=10), st.integers(min_value=1, max_value=60))
def test_any_chunking_gives_the_body(chunks: list[bytes], step: int) -> None:
    """Chunk borders and packet borders do not show in the body."""
    sent = OK + b"Transfer-Encoding: chunked\r\n\r\n"
    sent += b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"
    reader = ResponseReader(LIMIT)
    for at in range(0, len(sent), step):
        reader.feed(sent[at : at + step])
    assert reader.response is not None
    assert reader.response.body == b"".join(chunks)


def outcome(*pieces: bytes) -> tuple[object, bool] | tuple[str, str]:
    """What becomes of a response in these pieces: it and whether another may follow, or why not."""
    reader = ResponseReader(LIMIT)
    try:
        for piece in pieces:
            reader.feed(piece)
    except (Malformed, TooLarge) as error:
        return type(error).__name__, str(error)
    return reader.response, reader.reusable


USUAL = [*(sent for _, sent, _, _ in COMPLETE), *MALFORMED[:-3], CHUNKED + b"5\r\nhello\r\n0\r\n\r\n"]


@given(
    st.sampled_from(USUAL),
    st.lists(st.tuples(st.integers(0, 200), st.binary(max_size=3)), max_size=3),
    st.integers(1, 3),
)
def test_one_piece_is_read_as_many_are(sent: bytes, changes: list[tuple[int, bytes]], first: int) -> None:
    """The way for a response that comes whole differs in nothing from the other, whatever is wrong."""
    for at, other in changes:
        sent = sent[:at] + other + sent[at + len(other) :]
    assert outcome(sent) == outcome(sent[:first], sent[first:])


def test_the_limit_holds_for_one_piece() -> None:
    """By length, in chunks, and exactly."""
    for framed in (OK + b"Content-Length: %d\r\n\r\n%s", CHUNKED + b"%x\r\n%s\r\n0\r\n\r\n"):
        fits, over = (framed % (size, b"x" * size) for size in (LIMIT, LIMIT + 1))
        assert isinstance(outcome(fits)[1], bool)
        assert outcome(over) == ("TooLarge", f"the body is over {LIMIT} bytes")
