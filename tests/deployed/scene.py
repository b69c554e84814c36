"""What stands around a stack: targets that it can reach, and a Prometheus that can be stopped."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.programs import databases, orders
from tests.programs.own_address import reachable
from tests.programs.process import await_ready, running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.programs.databases import Database
    from tests.programs.process import Running

TENANT = {"customer_id": "acme", "service_domain": "shop", "sla_tier": "gold"}


@dataclass(slots=True)
class Backend:
    """A Prometheus with its data on disk: it can be stopped and comes back with what it had."""

    database: Database
    folder: Path
    _cleanup: ExitStack = field(default_factory=ExitStack)

    def stop(self) -> None:
        """End it as an operator would."""
        self.database.program.end(grace_s=20.0)

    def start_again(self) -> None:
        """Run it once more, at the same address."""
        command = self.database.program.process.args
        assert isinstance(command, list)
        again = running(command, self.folder / "prometheus.log")
        program: Running = self._cleanup.enter_context(again)
        failure = await_ready(program, f"{self.database.url}/-/ready")
        assert not failure, f"{failure}\n{program.log_tail()}"

    def close(self) -> None:
        """End what was started again."""
        self._cleanup.close()

    def up(self, **labels: str) -> list[tuple[int, float]]:
        """Give the samples of ``up`` with these labels, oldest first, as (time_ms, value)."""
        wanted = ",".join(f'{name}="{value}"' for name, value in labels.items())
        found = self.database.samples(f"up{{{wanted}}}")
        assert len(found) <= 1, found
        return found[0][1] if found else []


@contextmanager
def backend(folder: Path) -> Iterator[Backend]:
    """Run one."""
    with databases.prometheus(folder) as database:
        one = Backend(database, folder)
        try:
            yield one
        finally:
            one.close()


@contextmanager
def target(program: Path, folder: Path) -> Iterator[tuple[str, Running]]:
    """Run the Go example where functions reach it: its address, and its program to kill."""
    with orders.orders(program, folder) as server, reachable(server.address) as address:
        yield address, server.program


def job(name: str, *targets: str, **more: Any) -> dict[str, Any]:
    """A scrape configuration with the labels of the tenant."""
    return {"job_name": name, "static_configs": [{"targets": list(targets), "labels": dict(TENANT)}], **more}


def document(backend: Backend, *jobs: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A configuration of these jobs, with one backend."""
    write = {"name": "main", "url": backend.database.write_url}
    return {"scrape_configs": list(jobs), "remote_write": [write], **more}
