"""Pushes with requests on real sockets: one connection, bounded answers, an end to every request."""

from __future__ import annotations

import threading
import time
from math import inf
from typing import TYPE_CHECKING, Any

import pytest
from pushvar.errors import ConfigError
from pushvar.net.session import ANSWER_LIMIT, Session
from pushvar.net.tls import TlsSettings, context_for

from tests.programs.certificates import Authority, authority, server_context
from tests.programs.plain_sender import full_backlog
from tests.programs.raw_server import Connection, ok, raw_server, silent_server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.programs.faulty_server import FaultyServer

BODY = b"\x00compressed\xff"


@pytest.fixture
def session() -> Iterator[Session]:
    """Give a session without TLS settings and close it."""
    made = Session(TlsSettings())
    yield made
    made.close()


@pytest.fixture(scope="module")
def ca(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Give a certificate authority."""
    return authority(tmp_path_factory.mktemp("authority"))


@pytest.mark.parametrize(
    "path", ["/status/204", "/status/200", "/status/400", "/status/503", "/chunked", "/gzip"]
)
def test_one_connection_for_many_posts(faulty: FaultyServer, session: Session, path: str) -> None:
    """Whatever the status and however the answer is framed, the connection is kept."""
    for _ in range(5):
        session.send("POST", faulty.url + path, BODY, {"X-Own": "1"}, timeout_s=2)
    assert [request.connection for request in faulty.requests] == [1] * 5
    assert {request.body for request in faulty.requests} == {BODY}
    assert {request.method for request in faulty.requests} == {"POST"}


@pytest.mark.parametrize(
    "target",
    [
        "/metrics/job/a%2Bb/instance@base64/YS9i/customer_id/c",
        "/metrics/job@base64/Lw==/instance@base64/=/customer_id/%C3%BC",
        "/a/../b/./c//d/...",
        "/50%25/%7Etilde~/%41/a%252Fb",
        "/a+b,c;d=e:f@g!h$i&j'k(l)m*n",
        "/write?tenant=%7Eteam&key=a%2Fb",
        "",
    ],
)
def test_a_url_arrives_as_it_was_built(session: Session, target: str) -> None:
    """No dots resolved, nothing quoted or unquoted, whatever the method: what was signed is what is sent."""
    with raw_server() as server:
        for method in ("POST", "PUT"):
            url = f"http://127.0.0.1:{server.port}{target}"
            assert session.send(method, url, BODY, {}, timeout_s=2).status == 200
        lines = [head.partition("\r\n")[0] for head in server.heads]
    assert lines == [f"{method} {target or '/'} HTTP/1.1" for method in ("POST", "PUT")]


def test_an_empty_body_has_a_length(session: Session) -> None:
    """A PUT of nothing says that it is nothing, so that no server waits for more."""
    with raw_server() as server:
        assert session.send("PUT", f"http://127.0.0.1:{server.port}/", b"", {}, timeout_s=2).status == 200
    assert "content-length: 0" in server.heads[0].lower()


def test_an_error_body_of_a_megabyte(session: Session) -> None:
    """Four kilobytes of it are read and the rest never is; the next post works."""
    huge = ok(b"why " * 262_144).replace(b"200 OK", b"400 Bad")

    def act(client: Connection) -> None:
        while client.request():
            client.send(huge)

    with raw_server(act) as server:
        for _ in range(3):
            answer = session.send("POST", f"http://127.0.0.1:{server.port}/", BODY, {}, timeout_s=2)
            assert (answer.status, len(answer.text)) == (400, ANSWER_LIMIT - 1)


@pytest.mark.parametrize("path", ["/redirect-same", "/redirect-other", "/redirect-loop"])
def test_redirects_are_answers(faulty: FaultyServer, session: Session, path: str) -> None:
    """Nothing is sent to where a backend points."""
    assert session.send("POST", faulty.url + path, BODY, {}, timeout_s=2).status == 302
    assert faulty.paths() == [path]


@pytest.mark.parametrize("path", ["/hang", "/drip", "/endless-headers", "/close", "/reset", "/no-http"])
def test_no_answer_is_status_0_in_plain_words(faulty: FaultyServer, session: Session, path: str) -> None:
    """Every way of not answering ends in time, with words that a person can read."""
    start_s = time.monotonic()
    answer = session.send("POST", faulty.url + path, BODY, {}, timeout_s=0.5)
    assert time.monotonic() - start_s < 2
    assert answer.status == 0
    assert answer.text
    for noise in (" at 0x", "object", "Pool(", "('", "Error("):
        assert noise not in answer.text
    assert session.send("POST", faulty.url + "/status/204", BODY, {}, timeout_s=2).status == 204


def test_headers_that_were_cut_off_are_no_answer(faulty: FaultyServer, session: Session) -> None:
    """The end of the time amid the headers is not taken for the end of the headers, and for success."""
    answer = session.send("POST", f"{faulty.url}/drip", BODY, {}, timeout_s=1.5)
    assert (answer.status, answer.text) == (0, "no complete answer within 1.5 s")


@pytest.mark.parametrize(
    "path", ["/hang-body", "/drip-body", "/reset-body", "/bad-gzip", "/cut-chunk", "/truncated"]
)
def test_a_status_counts_although_its_body_fails(faulty: FaultyServer, session: Session, path: str) -> None:
    """A backend that said 200 took the samples, whatever becomes of its words (remote write 1.0)."""
    start_s = time.monotonic()
    assert session.send("POST", faulty.url + path, BODY, {}, timeout_s=0.5).status == 200
    assert time.monotonic() - start_s < 2


def test_a_refusal_stays_one_although_its_body_fails(session: Session) -> None:
    """A 400 whose body breaks off is a 400, which is never sent again, not a network error, which is."""

    def act(client: Connection) -> None:
        client.request()
        client.send(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 99\r\n\r\nout of or")
        client.reset()

    with raw_server(act) as server:
        assert session.send("POST", f"http://127.0.0.1:{server.port}/", BODY, {}, timeout_s=1).status == 400


def test_nobody_listens_and_nobody_is_called_so(faulty: FaultyServer, session: Session) -> None:
    """Refused and unknown names are told from each other; a key in the query is in neither text."""
    refused = session.send("POST", f"{faulty.refused_url}/?key=s3cret", BODY, {}, timeout_s=2)
    unknown = session.send("POST", "http://nosuch.invalid/?key=s3cret", BODY, {}, timeout_s=10)
    assert (refused.status, unknown.status) == (0, 0)
    assert "Connection refused" in refused.text
    assert "Failed to resolve 'nosuch.invalid'" in unknown.text
    for text in (refused.text, unknown.text):
        assert "s3cret" not in text
        assert "Connection(" not in text


@pytest.mark.parametrize("secret", ["s3cret\n", "s3cret\r\nX-Evil: 1", "s3cr€t"])
def test_a_secret_that_is_no_header_is_not_shown(faulty: FaultyServer, session: Session, secret: str) -> None:
    """It is an answer of status 0 that keeps the secret to itself; nothing is sent."""
    answer = session.send(
        "POST", f"{faulty.url}/ok", BODY, {"Authorization": f"Bearer {secret}"}, timeout_s=2
    )
    assert (answer.status, "s3cr" in answer.text, faulty.requests) == (0, False, [])


def test_the_shell_has_no_say(
    faulty: FaultyServer, session: Session, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    """Proxy variables, netrc and CA variables of the environment change nothing."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, faulty.refused_url)
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login u password p\n")
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "gone.pem"))
    assert session.send("POST", faulty.url + "/status/204", BODY, {}, timeout_s=2).status == 204
    assert "authorization" not in faulty.requests[0].headers


def post(tls: TlsSettings, url: str) -> tuple[int, str]:
    """One POST over a session of its own: status and words."""
    session = Session(tls)
    try:
        answer = session.send("POST", url, BODY, {}, timeout_s=3)
        return answer.status, answer.text
    finally:
        session.close()


def test_https(ca: Authority) -> None:
    """A private CA, another name and no verification work as they are configured; nothing else does."""
    good = ca.certificate("good", alternatives="DNS:localhost")
    other = ca.certificate("other", alternatives="DNS:other.test")
    with raw_server(tls=server_context(good)) as one, raw_server(tls=server_context(other)) as two:
        url, wrong = f"https://localhost:{one.port}/", f"https://localhost:{two.port}/"
        assert post(TlsSettings(ca_file=ca.ca_file), url)[0] == 200
        assert post(TlsSettings(), url)[1] == "TLS failed: unable to get local issuer certificate"
        assert "not valid for 'localhost'" in post(TlsSettings(ca_file=ca.ca_file), wrong)[1]
        assert post(TlsSettings(ca_file=ca.ca_file, server_name="other.test"), wrong)[0] == 200
        assert post(TlsSettings(insecure_skip_verify=True), wrong)[0] == 200
        with pytest.raises(ConfigError, match="gone"):
            post(TlsSettings(ca_file="gone/ca.pem"), url)


def test_the_shared_context_is_left_as_it_is(ca: Authority) -> None:
    """A push does not change the verification of the context that fetches use too."""
    certificate = ca.certificate("shared", alternatives="DNS:localhost")
    for tls in (TlsSettings(insecure_skip_verify=True), TlsSettings(ca_file=ca.ca_file)):
        before = (context_for(tls).verify_mode, context_for(tls).check_hostname)
        with raw_server(tls=server_context(certificate)) as server:
            assert post(tls, f"https://localhost:{server.port}/")[0] == 200
        assert (context_for(tls).verify_mode, context_for(tls).check_hostname) == before


def test_a_client_certificate(ca: Authority) -> None:
    """A backend that wants one gets it; without one the push fails."""
    certificate = ca.certificate("mutual", alternatives="DNS:localhost")
    own = ca.certificate("client", alternatives="DNS:client")
    with raw_server(tls=server_context(certificate, client_ca=ca.ca_file, tls12=True)) as server:
        url = f"https://localhost:{server.port}/"
        tls = TlsSettings(ca_file=ca.ca_file, cert_file=own.cert, key_file=own.key)
        assert post(tls, url)[0] == 200
        assert post(TlsSettings(ca_file=ca.ca_file), url)[0] == 0


def test_a_dripping_answer_over_tls_ends_in_time(ca: Authority) -> None:
    """The end of the whole request holds for TLS connections as well."""
    certificate = ca.certificate("drip", alternatives="DNS:localhost")

    def act(client: Connection) -> None:
        client.request()
        for byte in ok(b"x" * 1000):
            client.send(bytes([byte]))
            client.wait(0.05)

    with raw_server(act, tls=server_context(certificate)) as server:
        session = Session(TlsSettings(ca_file=ca.ca_file))
        start_s = time.monotonic()
        answer = session.send("POST", f"https://localhost:{server.port}/", BODY, {}, timeout_s=0.5)
        session.close()
        assert (answer.status, answer.text) == (0, "no complete answer within 0.5 s")
        assert time.monotonic() - start_s < 2


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("server", [silent_server, full_backlog])
def test_the_end_of_the_run_cuts_a_request(server: Any, scheme: str) -> None:
    """Whatever it hangs in: connecting, a TLS handshake, the wait for an answer."""
    end = [inf]
    session = Session(TlsSettings(insecure_skip_verify=True), lambda: end[0])
    with server() as port:
        start_s = time.monotonic()
        timer = threading.Timer(0.3, lambda: end.__setitem__(0, time.monotonic() + 0.3))
        timer.start()
        answer = session.send("POST", f"{scheme}://127.0.0.1:{port}/", BODY, {}, timeout_s=20)
        took_s = time.monotonic() - start_s
        timer.join()
        session.close()
    assert (answer.status, answer.text) == (0, "no complete answer within 20 s")
    assert 0.5 < took_s < 2


@pytest.mark.parametrize(
    "head", [b"HTTP/1.1 20", b"HTTP/1.1 204 No Con", b"HTTP/1.1 204 No Content\r\nX-Wri"]
)
def test_half_a_head_is_no_answer(session: Session, head: bytes) -> None:
    """An answer that is cut off says nothing, though its status may be read: its headers count too."""

    def act(client: Connection) -> None:
        client.request()
        client.send(head)

    with raw_server(act) as server:
        answer = session.send("POST", f"http://127.0.0.1:{server.port}/", BODY, {}, timeout_s=2)
    assert (answer.status, answer.text) == (0, "the connection ended within the head of an answer")
