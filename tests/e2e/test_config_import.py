"""What was imported scrapes what a real Prometheus scrapes, by its own account."""

from __future__ import annotations

import json
import re
import shutil
import time
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import pytest
from pushvar.collect.registry import open_registry
from pushvar.collect.targets import build_targets

from tests import components
from tests.golden.prometheus_yml import FOLDER, NAMES
from tests.programs import loopback
from tests.programs.commands import run_pushvar
from tests.programs.process import serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

WITHIN_S = 40.0  # Prometheus hands out new targets every five seconds, and twice
NOT_IN_DEBIAN = re.compile(r"^ +(consul|ec2)_sd_configs: .*\n", re.MULTILINE)
TENANT = {"customer_id", "service_domain", "sla_tier"}

Found = set[tuple[str, frozenset[tuple[str, str]]]]


@contextmanager
def prometheus_of(config: Path) -> Iterator[str]:
    """Run Prometheus with a configuration; give its URL."""
    command = [
        str(components.find("prometheus")),
        f"--config.file={config}",
        f"--storage.tsdb.path={config.parent / 'data'}",
    ]
    with serving(
        lambda ports: [*command, f"--web.listen-address=127.0.0.1:{ports[0]}"],
        config.parent / "prometheus.log",
        ready_path="/-/ready",
    ) as (_running, port):
        yield f"http://127.0.0.1:{port}"


def scraped(url: str, jobs: set[str]) -> Found:
    """Give URL and final labels of each target of these jobs, as Prometheus has them."""
    answer = json.loads(loopback.get(f"{url}/api/v1/targets?state=active").body)
    targets = [one for one in answer["data"]["activeTargets"] if one["scrapePool"] in jobs]
    return {(one["scrapeUrl"], frozenset(one["labels"].items())) for one in targets}


def ours(config: Path) -> tuple[Found, set[str]]:
    """Give the same of pushvar, without the tenant labels, and the names of its jobs."""
    snapshot = open_registry(str(config)).load()
    built = build_targets(snapshot.config, snapshot.groups)
    assert not (snapshot.problems)
    assert not (built.refused)
    found = {
        (one.url, frozenset(pair for pair in one.labels if pair[0] not in TENANT)) for one in built.targets
    }
    return found, {job.job_name for job in snapshot.config.scrape_configs}


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Give each file a folder, with an interval so long that nothing is scraped, and the imported one."""
    found = {}
    for name in NAMES:
        folder = tmp_path_factory.mktemp(name)
        shutil.copytree(FOLDER / "targets", folder / "targets")
        text = (FOLDER / f"{name}.yml").read_text("utf-8")
        text = re.sub(r"(scrape_interval:) \w+", r"\1 1d", text)
        (folder / "prometheus.yml").write_text(text)
        (folder / "theirs.yml").write_text(NOT_IN_DEBIAN.sub("", text))
        done = run_pushvar("config", "import", "prometheus.yml", "-o", "pushvar.yml", folder=folder)
        assert done.returncode in (0, 1), done.stderr
        found[name] = folder
    return found


@pytest.fixture(scope="module")
def accounts(folders: dict[str, Path]) -> dict[str, tuple[Found, Found]]:
    """Run a Prometheus for each file, side by side, until all have their targets or the time is over."""
    accounts: dict[str, tuple[Found, Found]] = {}
    with ExitStack() as stack:
        urls = {
            name: stack.enter_context(prometheus_of(folder / "theirs.yml"))
            for name, folder in folders.items()
        }
        until = time.monotonic() + WITHIN_S
        while len(accounts) < len(urls) or any(one != other for one, other in accounts.values()):
            for name, url in urls.items():
                own, jobs = ours(folders[name] / "pushvar.yml")
                accounts[name] = (scraped(url, jobs), own)
            if time.monotonic() > until:
                break
            time.sleep(0.5)
    return accounts


@pytest.mark.parametrize("name", NAMES)
def test_the_same_targets(name: str, accounts: dict[str, tuple[Found, Found]]) -> None:
    """Scrape URL and labels of each target of the jobs that were kept are Prometheus' own."""
    theirs, own = accounts[name]
    assert own == theirs
    assert own


@pytest.mark.parametrize("name", NAMES)
def test_what_was_imported_is_valid(name: str, folders: dict[str, Path]) -> None:
    """``config validate`` takes it; the names of jobs that were left out are in no label."""
    done = run_pushvar("config", "validate", folders[name] / "pushvar.yml", "--json")
    found = json.loads(done.stdout)
    assert (done.returncode, found["valid"], found["problems"]) == (0, True, [])
