"""The programs on the other side of the network: targets and a receiver, each a process of its own."""

from __future__ import annotations

import http.client
import resource
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import snappy
from pushvar.errors import ComponentMissing

from benchmarks import workload
from benchmarks.series import Decoded, decoded
from tests.components import REPOSITORY, golang

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

_GO_SOURCE = REPOSITORY / "benchmarks" / "go_targets"
_LENGTH_BYTES = 4


class Failed(Exception):
    """A program that a benchmark needs ended, or did not do as it was told."""


def raise_file_limit() -> None:
    """Allow this process, and those it starts, as many open files as the system lets it have.

    A kept-alive connection to each of 500 targets passes the 256 that some systems begin with.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


@dataclass(frozen=True, slots=True)
class Targets:
    """Running targets: ``made_with`` says by what, ``ports`` has one for each."""

    made_with: str
    ports: tuple[int, ...]

    def show(self, generation: int) -> None:
        """Let every target show another document from now on."""
        _call(self.ports[0], "PUT", f"/generation/{generation}")


@dataclass(frozen=True, slots=True)
class Receiver:
    """A running sink for remote write."""

    port: int

    @property
    def url(self) -> str:
        """Where to push to."""
        return f"http://127.0.0.1:{self.port}/write"

    @property
    def url_2(self) -> str:
        """Where to push 2.0 to."""
        return f"{self.url}2"

    def record(self) -> None:
        """Keep what comes from now on."""
        _call(self.port, "PUT", "/recording")

    def recorded(self) -> Decoded:
        """The series that came since then; nothing is kept any longer."""
        return decoded(snappy.decompress(body) for body in self.recorded_bodies())

    def recorded_bodies(self) -> list[bytes]:
        """The bodies that came since then, compressed as they are; nothing is kept any longer."""
        packed = _call(self.port, "GET", "/recording")
        bodies = []
        while packed:
            end = _LENGTH_BYTES + int.from_bytes(packed[:_LENGTH_BYTES])
            bodies.append(packed[_LENGTH_BYTES:end])
            packed = packed[end:]
        return bodies


@contextmanager
def targets(count: int, folder: Path, *, pages: Sequence[bytes] = ()) -> Iterator[Targets]:
    """Run that many targets: in Go where there is one, else in Python.

    With ``pages``, which have the numbers of the documents as Prometheus text, only Go will do: raises
    ComponentMissing without it.
    """
    documents = folder / "documents"
    documents.write_bytes(b"".join(body + b"\0" for body in workload.documents()))
    try:
        go = golang.find_go()
    except ComponentMissing:
        if pages:
            raise
        made_with = f"Python {sys.version.split()[0]}, asyncio"
        command = [sys.executable, "-m", "benchmarks.python_targets", str(documents), str(count)]
        command.append(str(workload.STEP))
    else:
        made_with = f"net/http of {_version(go)}"
        golang.run(_GO_SOURCE, "build", "-o", str(folder / "targets"), ".")
        command = [str(folder / "targets"), f"-documents={documents}", f"-count={count}"]
        command.append(f"-step={workload.STEP}")
        if pages:
            (folder / "pages").write_bytes(b"".join(page + b"\0" for page in pages))
            command.append(f"-pages={folder / 'pages'}")
    with ports_of(command) as ports:
        yield Targets(made_with, ports)


@contextmanager
def receiver() -> Iterator[Receiver]:
    """Run a sink."""
    with ports_of([sys.executable, "-m", "benchmarks.sink"]) as ports:
        yield Receiver(ports[0])


@contextmanager
def ports_of(command: Sequence[str]) -> Iterator[tuple[int, ...]]:
    """Run a server that prints its ports when it is ready and ends with its standard input.

    Raises Failed when it ends before.
    """
    with subprocess.Popen(
        command, cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise Failed(f"{command[0]} ended before it listened; its words are above")
        try:
            yield tuple(int(port) for port in line.split())
        finally:
            process.stdin.close()


def _version(go: Path) -> str:
    said = subprocess.run([str(go), "version"], capture_output=True, text=True, check=True).stdout
    return said.removeprefix("go version ").split()[0]


def _call(port: int, method: str, path: str) -> bytes:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request(method, path)
        answer = connection.getresponse()
        body = answer.read()
    finally:
        connection.close()
    if answer.status >= http.client.BAD_REQUEST:
        raise Failed(f"{method} {path} on port {port}: HTTP {answer.status}")
    return body
