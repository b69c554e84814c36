"""Series that end, seen in a real Prometheus: an instant query right afterwards finds nothing of them."""

from __future__ import annotations

import json
import signal
from typing import TYPE_CHECKING

import pytest

from tests.programs.commands import PUSHVAR, pushvar_environment
from tests.programs.loopback import wait_until
from tests.programs.plain_sender import Pages, pages
from tests.programs.process import running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.programs.databases import Database


class Target:
    """A page with two series; it can lose one, or fail altogether."""

    def __init__(self) -> None:
        self.lines = {"kept": 1, "lost": 1}
        self.well = True

    def page(self, _step: int) -> str:
        """What is served now."""
        return "".join(f"{name} {value}\n" for name, value in self.lines.items()) if self.well else "<html>"


@pytest.fixture
def target() -> Target:
    """Give a target's state."""
    return Target()


@pytest.fixture
def served(target: Target) -> Iterator[Pages]:
    """Serve it."""
    with pages(target.page) as one:
        yield one


def write(config: Path, job: str, address: str, database: Database, *, more: str = "") -> None:
    """One job with the target, unless it has none, and one that stays."""
    jobs = [{"job_name": f"{job}-stays", "metrics_path": "/metrics", "static_configs": [{"targets": [more]}]}]
    if address:
        jobs.append({"job_name": job, "metrics_path": "/metrics", "static_configs": [{"targets": [address]}]})
    document = {
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "self_metrics": False},
        "scrape_configs": jobs,
        "remote_write": [{"name": "p", "url": database.write_url}],
    }
    config.write_text(json.dumps(document))


@pytest.mark.parametrize("cause", ["vanished", "failed", "removed"])
def test_what_ends_is_gone_at_once(
    cause: str, target: Target, served: Pages, prometheus: Database, tmp_path: Path
) -> None:
    """A series that vanishes, a fetch that fails, a target that a reload takes away; others stay."""
    job, config = f"stale-{cause}", tmp_path / "pushvar.yml"
    write(config, job, served.address, prometheus, more=served.address)

    def shown(name: str, of: str = job) -> list[float]:
        return [value for _, value in prometheus.query(f'{name}{{job="{of}"}}')]

    command = [str(PUSHVAR), "run", "--config", str(config), "--state", str(tmp_path / "state.db")]
    with running(command, tmp_path / "pushvar.log", pushvar_environment()) as sender:
        wait_until(lambda: shown("lost") == [1] and shown("up") == [1], timeout_s=20, what="both series")
        if cause == "vanished":
            del target.lines["lost"]
        elif cause == "failed":
            target.well = False
        else:
            write(config, job, "", prometheus, more=served.address)
        wait_until(lambda: shown("lost") == [], timeout_s=10, what="the end of the series")
        expected = {"vanished": ([1], [1]), "failed": ([], [0]), "removed": ([], [])}
        assert (shown("kept"), shown("up")) == expected[cause]
        if cause == "removed":
            assert prometheus.query(f'{{job="{job}"}}') == []
            assert shown("kept", f"{job}-stays") == [1]
        ((_, before),) = prometheus.samples(f'lost{{job="{job}"}}')
        assert {value for _, value in before} == {1}
        sender.process.send_signal(signal.SIGTERM)
        assert sender.process.wait(timeout=10) == 0


def test_a_target_that_comes_back(
    target: Target, served: Pages, prometheus: Database, tmp_path: Path
) -> None:
    """After a failure and its markers, the same series go on."""
    job, config = "stale-returns", tmp_path / "pushvar.yml"
    write(config, job, served.address, prometheus, more=served.address)

    def shown(name: str) -> list[float]:
        return [value for _, value in prometheus.query(f'{name}{{job="{job}"}}')]

    command = [str(PUSHVAR), "run", "--config", str(config), "--state", str(tmp_path / "state.db")]
    with running(command, tmp_path / "pushvar.log", pushvar_environment()):
        wait_until(lambda: shown("lost") == [1], timeout_s=20, what="the series")
        target.well = False
        wait_until(lambda: shown("lost") == [], timeout_s=10, what="its end")
        assert shown("up") == [0]
        target.well = True
        wait_until(lambda: shown("lost") == [1], timeout_s=10, what="its return")
        assert shown("up") == [1]
