"""Fetches on connections that are there already: the same words as on new ones, no task, nothing lost."""

from __future__ import annotations

import asyncio
import resource
import subprocess
import sys
import textwrap
import threading
import time
from contextlib import contextmanager
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pushvar.collect import fetch
from pushvar.collect.fetch import Endpoint, Fetcher, endpoint
from pushvar.model import Fetched, Target
from pushvar.net.limits import Limits, limits_of, open_files
from pushvar.net.tls import TlsSettings

from tests.components import REPOSITORY
from tests.programs import faults
from tests.programs.certificates import authority, server_context
from tests.programs.loopback import wait_until
from tests.programs.raw_server import Connection, ok, raw_server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pushvar.errors import FetchError

    from tests.programs.faulty_server import FaultyServer

LIMIT = 4 << 20
TIMEOUT_S = 0.5
PATHS = sorted({*faults.ANSWERS, *faults.BEHAVIOURS, *faults.redirects("", "")})
STATUSES = [f"/status/{code}" for code in (204, 304, 400, 401, 403, 404, 407, 418, 429, 500, 503)]


def made(url: str, timeout_s: float = TIMEOUT_S, **more: Any) -> Endpoint:
    """An endpoint without labels."""
    settings = {"tls": TlsSettings(), "headers": [("Accept-Encoding", "gzip")], **more}
    return endpoint(Target(url, "job", url, ()), timeout_s=timeout_s, body_limit=LIMIT, **settings)


def said(fetcher: Fetcher, *ones: Endpoint) -> dict[str, tuple[str, str, bytes]]:
    """By URL, the failure class with its words, or ``ok`` with the body."""
    results: dict[str, tuple[str, str, bytes]] = {}

    def done(one: Endpoint, got: Fetched, error: FetchError | None) -> None:
        results[one.target.url] = (error.reason, error.message, b"") if error else ("ok", "", got.body)

    fetcher.fetch_all(ones, done)
    return results


@pytest.fixture
def fetcher() -> Iterator[Fetcher]:
    """Give a fetcher that begins all at once, and close it."""
    one = Fetcher(lambda: 0, time.monotonic, starts_per_s=inf)
    yield one
    one.close()


@pytest.fixture
def tasks(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """What is made a task on any event loop from now on."""
    begun: list[object] = []
    real = asyncio.BaseEventLoop.create_task

    def create_task(self: asyncio.BaseEventLoop, work: Any, **more: Any) -> asyncio.Task[Any]:
        begun.append(work)
        return real(self, work, **more)

    monkeypatch.setattr(asyncio.BaseEventLoop, "create_task", create_task)
    return begun


def test_a_fetch_on_an_idle_connection_makes_no_task(fetcher: Fetcher, tasks: list[object]) -> None:
    """The first fetch of each target has one, the others have none and use the same connection."""
    with raw_server() as server:
        ones = [made(f"http://127.0.0.{number}:{server.port}/") for number in range(1, 6)]
        said(fetcher, *ones)
        assert len(tasks) == 5
        for _ in range(3):
            assert {reason for reason, _, _ in said(fetcher, *ones).values()} == {"ok"}
        assert len(tasks) == 5
        assert sorted(server.requests) == [number for number in range(1, 6) for _ in range(4)]


def test_nor_does_one_with_tls(fetcher: Fetcher, tasks: list[object], tmp_path: Path) -> None:
    """It is kept by asyncio, and asked without a task all the same."""
    ca = authority(tmp_path)
    context = server_context(ca.certificate("warm", alternatives="DNS:localhost"))
    with raw_server(tls=context) as server:
        one = made(f"https://localhost:{server.port}/", 5.0, tls=TlsSettings(ca_file=ca.ca_file))
        assert said(fetcher, one)[one.target.url][0] == "ok"
        first = len(tasks)
        assert said(fetcher, one)[one.target.url][0] == "ok"
        assert len(tasks) == first
        assert server.requests == [1, 1]


@pytest.mark.parametrize("path", [*PATHS, *STATUSES])
def test_a_fault_has_the_same_words_on_an_idle_connection(
    path: str, faulty: FaultyServer, fetcher: Fetcher
) -> None:
    """Class, words and body are those that a new connection gives."""
    url = faulty.url + path
    new = Fetcher(lambda: 0, time.monotonic)
    cold = said(new, made(url, 3.0 if "bomb" in path else TIMEOUT_S))[url]
    new.close()
    before = len(faulty.requests)
    assert said(fetcher, made(faulty.url + "/ok"))[faulty.url + "/ok"][0] == "ok"
    warm = said(fetcher, made(url, 3.0 if "bomb" in path else TIMEOUT_S))[url]
    assert warm == cold
    first, second = faulty.requests[before : before + 2]
    assert first.connection == second.connection


@pytest.mark.parametrize("reset", [False, True])
@pytest.mark.parametrize("asked", [False, True])
def test_a_connection_that_ended_while_idle(fetcher: Fetcher, *, reset: bool, asked: bool) -> None:
    """It is asked once more on a new one, whether its end is met before the request or by it."""
    gone = threading.Event()

    def act(client: Connection) -> None:
        client.request()
        client.send(ok(b"%d" % client.number))
        if client.number == 1:
            if asked:
                client.request()
            if reset:
                client.reset()
            else:
                client.socket.close()
            gone.set()
        else:
            client.wait(2)

    with raw_server(act) as server:
        one = made(f"http://127.0.0.1:{server.port}/", 5.0)
        assert said(fetcher, one)[one.target.url] == ("ok", "", b"1")
        if not asked:
            assert gone.wait(2)
        assert said(fetcher, one)[one.target.url] == ("ok", "", b"2")


def test_what_is_once_more_has_only_the_time_that_is_left(fetcher: Fetcher) -> None:
    """One timeout for both, and its words are those of the whole."""

    def act(client: Connection) -> None:
        client.request()
        if client.number == 1:
            client.send(ok())
            client.request()
            client.wait(0.3)
        else:
            client.wait(3)

    with raw_server(act) as server:
        one = made(f"http://127.0.0.1:{server.port}/")
        said(fetcher, one)
        durations: list[float] = []
        errors: list[str] = []

        def done(_one: Endpoint, got: Fetched, error: FetchError | None) -> None:
            durations.append(got.duration_s)
            errors.append(str(error))

        fetcher.fetch_all([one], done)
        assert "no complete answer within 0.5 s" in errors[0]
        assert 0.45 < durations[0] < 1.5
        assert server.requests == [1, 1, 2]


class Boom(Exception):
    """What a test's own callback raises."""


@pytest.mark.parametrize("fault", [Boom, KeyboardInterrupt, SystemExit, StopIteration])
@pytest.mark.parametrize("where", ["done", "look"])
def test_a_fault_ends_the_call_and_all_that_is_under_way(
    where: str, fault: type[BaseException], faulty: FaultyServer, fetcher: Fetcher
) -> None:
    """It comes out as it is; an idle connection that was asked meanwhile is not used again."""
    urls = [faulty.url + "/ok", faulty.url + "/ok?2"]
    said(fetcher, *map(made, urls))
    heard: list[str] = []

    def raises(*_: object) -> None:
        raise fault

    def done(one: Endpoint, *_: object) -> None:
        heard.append(one.target.url)
        if where == "done":
            raises()

    ends = [made(faulty.url + "/ok", 30.0), made(faulty.url + "/hang", 30.0)]
    start_s = time.monotonic()
    with pytest.raises(fault):
        fetcher.fetch_all(ends, done, inf, raises if where == "look" else lambda: None)
    assert time.monotonic() - start_s < 5
    assert heard == [urls[0]]
    before = {request.connection for request in faulty.requests if request.path == "/hang"}
    assert said(fetcher, *map(made, urls))[urls[1]][0] == "ok"
    assert not before & {request.connection for request in faulty.requests[-2:]}


def test_the_end_of_the_run_cuts_an_idle_connection_that_was_asked(faulty: FaultyServer) -> None:
    """Nothing is heard of it."""
    end: list[float] = []
    fetcher = Fetcher(lambda: 0, time.monotonic, until_s=lambda: end[0] if end else inf)
    said(fetcher, made(faulty.url + "/ok"))
    heard: list[object] = []
    fetcher.fetch_all(
        [made(faulty.url + "/hang", 30.0)],
        lambda *ended: heard.append(ended),
        look=lambda: end.append(time.monotonic()),
    )
    fetcher.close()
    assert heard == []
    assert len({request.connection for request in faulty.requests}) == 1


def test_a_head_that_is_long_goes_out_whole(fetcher: Fetcher) -> None:
    """One of the size of a large token, on a new connection and on an idle one."""
    with raw_server() as server:
        headers = [("Authorization", "Bearer " + "x" * 40_000)]
        one = made(f"http://127.0.0.1:{server.port}/", 5.0, headers=headers)
        assert [said(fetcher, one)[one.target.url][0] for _ in range(3)] == ["ok"] * 3
        assert {len(head) > 40_000 for head in server.heads} == {True}


# How many there may be


class Answering(asyncio.Protocol):
    """Answers whatever comes; ``open`` and ``ended`` count the connections of all."""

    open = ended = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Count it in."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        Answering.open += 1

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio hands it over
        """Count it out."""
        Answering.ended += 1

    def data_received(self, data: bytes) -> None:  # noqa: ARG002 - the same
        """Answer."""
        self._transport.write(ok())


@contextmanager
def answering() -> Iterator[int]:
    """A server for thousands of connections at once, on all of 127/8; gives its port."""
    loop = asyncio.new_event_loop()
    Answering.open = Answering.ended = 0
    listening = loop.create_server(Answering, "0.0.0.0", 0, backlog=4096)  # noqa: S104 - all of 127/8
    server = loop.run_until_complete(listening)
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@pytest.fixture
def many_files() -> Iterator[None]:
    """As many descriptors as there may be, for a while."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 4_096:
        pytest.skip("this system allows too few descriptors")
    resource.setrlimit(resource.RLIMIT_NOFILE, (4_096, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def hosts(count: int, port: int) -> list[Endpoint]:
    """So many targets, each by an address of its own."""
    return [made(f"http://127.0.{n // 200}.{n % 200 + 1}:{port}/", 20.0) for n in range(count)]


def descriptors() -> int:
    """How many this process has open."""
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.usefixtures("many_files")
@pytest.mark.parametrize(("allowed", "most"), [(4_096, 1_200), (1_024, 800)])
def test_as_many_connections_stay_as_descriptors_allow(allowed: int, most: int) -> None:
    """1,200 targets have one each for good where there is room, and are all fetched where there is not."""
    with answering() as port:
        ones = hosts(1_200, port)
        fetcher = Fetcher(lambda: 0, time.monotonic, starts_per_s=inf, descriptors=lambda: allowed)
        before = descriptors()
        for _ in range(2):
            assert {reason for reason, _, _ in said(fetcher, *ones).values()} == {"ok"}
        assert (Answering.open == 1_200) is (most == 1_200)
        assert Answering.open - Answering.ended <= most + 50  # whose end the server has yet to see
        fetcher.close()
        wait_until(lambda: Answering.open == Answering.ended, timeout_s=10, what="the end of all")
        wait_until(lambda: descriptors() <= before, timeout_s=10, what="the end of all descriptors")


def test_targets_that_are_gone_hold_no_connection(fetcher: Fetcher, monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that no target used for a while is closed, although its server would keep it."""
    ended: list[int] = []

    def act(client: Connection) -> None:
        while client.request():
            client.send(ok())
        ended.append(client.number)

    with raw_server(act) as server:
        stays, gone = made(f"http://127.0.0.1:{server.port}/"), made(f"http://127.0.0.2:{server.port}/")
        said(fetcher, stays)
        said(fetcher, gone)
        said(fetcher, stays)
        assert server.requests == [1, 2, 1]
        monkeypatch.setattr(fetch, "_UNUSED_S", 0.2)
        time.sleep(0.3)
        said(fetcher, stays)
        wait_until(lambda: ended == [2], timeout_s=5, what="the end of the second connection")
        said(fetcher, stays)
        assert server.requests == [1, 2, 1, 1, 1]


@pytest.mark.parametrize(
    ("descriptors", "limits"),
    [
        (1_024, Limits(800, 500, 500)),
        (20_000, Limits(19_776, 19_476, 500)),
        (256, Limits(128, 64, 64)),
        (1, Limits(1, 1, 1)),
    ],
)
def test_limits_follow_from_the_descriptors(descriptors: int, limits: Limits) -> None:
    """A Lambda environment has what it always had; ten thousand targets keep theirs where they may."""
    assert limits_of(descriptors) == limits


def test_a_process_may_raise_its_own_limit() -> None:
    """As far as the system allows it, and no further."""
    script = """
        import resource
        from pushvar.net.limits import open_files, raise_open_files

        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (100, hard))
        assert open_files() == 100
        raise_open_files()
        raise_open_files()
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[1] == hard
        print(open_files())
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        cwd=REPOSITORY, capture_output=True, text=True, check=True,
    )  # fmt: skip
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert int(done.stdout) == (1 << 20 if hard == resource.RLIM_INFINITY else hard)
    assert open_files() > 0
