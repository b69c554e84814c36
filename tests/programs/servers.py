"""The Pushgateway, and etcd: a real program with expvar and the Go client's metrics side by side."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests import components
from tests.programs import loopback
from tests.programs.process import Running, await_ready, running, serving

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Server:
    """A running HTTP server: ``url`` without a slash at its end, and the program behind it."""

    url: str
    program: Running

    @property
    def address(self) -> str:
        """``host:port``, as a target is written."""
        return self.url.removeprefix("http://")

    def text(self, path: str) -> str:
        """GET a path as text; raises AssertionError unless the status is 200."""
        answer = loopback.get(self.url + path)
        assert answer.status == 200, f"GET {path}: {answer.status} {answer.body.decode(errors='replace')}"
        return answer.body.decode()


@contextmanager
def pushgateway(
    folder: Path, *flags: str, ready_path: str = "/-/ready", program: Path | None = None
) -> Iterator[Server]:
    """Run a Pushgateway that keeps its groups in memory only; a path prefix stands in ``ready_path`` too.

    ``program`` is another one than that of the components.
    """
    command = [str(program or components.find("prometheus-pushgateway")), "--persistence.file=", *flags]
    with serving(
        lambda ports: [*command, f"--web.listen-address=127.0.0.1:{ports[0]}"],
        folder / "pushgateway.log",
        ready_path=ready_path,
    ) as (process, port):
        yield Server(f"http://127.0.0.1:{port}", process)


@contextmanager
def started_again(server: Server, folder: Path) -> Iterator[Server]:
    """Run a server that was stopped once more, where it was; it remembers nothing."""
    command = server.program.process.args
    assert isinstance(command, list)
    with running(command, folder / "again.log") as process:
        failure = await_ready(process, f"{server.url}/-/ready")
        assert not failure, failure
        yield Server(server.url, process)


@contextmanager
def etcd(folder: Path) -> Iterator[Server]:
    """Run a single etcd; its URL serves /debug/vars and /metrics."""

    def command(ports: Sequence[int]) -> list[str]:
        client, peer = (f"http://127.0.0.1:{port}" for port in ports)
        return [
            str(components.find("etcd")),
            f"--data-dir={folder / 'data'}",
            f"--listen-client-urls={client}",
            f"--advertise-client-urls={client}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=default={peer}",
        ]

    with serving(command, folder / "etcd.log", ready_path="/health", ports=2) as (program, port):
        yield Server(f"http://127.0.0.1:{port}", program)
