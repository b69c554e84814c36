"""Groups of batch jobs, from the push to a real Prometheus: alive as long as they live, gone at their end."""

from __future__ import annotations

import json
import re
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from tests.programs import databases, loopback
from tests.programs.commands import PUSHVAR, pushvar_environment
from tests.programs.loopback import wait_until
from tests.programs.process import running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.programs.databases import Database

LOOKBACK_S = 6
"""Prometheus forgets a sample so soon here, where it takes five minutes otherwise."""

BODY = b'# TYPE rows gauge\nrows{kind="a"} 42\n# TYPE runs_total counter\nruns_total 3\n'


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """Give a Prometheus with a short memory."""
    flag = f"--query.lookback-delta={LOOKBACK_S}s"
    with databases.prometheus(tmp_path_factory.mktemp("short-prometheus"), flag) as database:
        yield database


@dataclass(frozen=True, slots=True)
class Door:
    """A running gateway and a running forwarder that share a state file."""

    url: str
    database: Database

    def push(self, path: str, body: bytes = BODY, *, method: str = "PUT", **headers: str) -> int:
        """Push to a path below /metrics; gives the status."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return loopback.request(method, f"{self.url}/metrics/{path}", body=body, headers=named).status

    def shown(self, job: str, name: str = "rows") -> list[tuple[dict[str, str], float]]:
        """What an instant query finds now."""
        return self.database.query(f'{name}{{job="{job}"}}')


def document(database: Database, folder: Path) -> dict[str, Any]:
    """Groups alone, sent on every second, of two customers."""
    for name in ("one", "two"):
        (folder / name).write_text(f"password-{name}")
    return {
        "global": {"scrape_interval": "1s", "self_metrics": False},
        "remote_write": [{"name": "p", "url": database.write_url}],
        "gateway": {
            "anonymous": "cust-0",
            "credentials": [
                {"customer_id": f"cust-{name}", "basic_auth": {"username": name, "password_file": name}}
                for name in ("one", "two")
            ],
        },
        "tenancy": {"rules": [{"match": {"customer_id": "cust-one"}, "labels": {"sla_tier": "gold"}}]},
    }


@contextmanager
def door(database: Database, folder: Path) -> Iterator[Door]:
    """Run both commands."""
    config, state = folder / "pushvar.yml", f"sqlite:{folder}/state.db"
    config.write_text(json.dumps(document(database, folder)))
    common = ["--config", str(config), "--state", state]
    gateway = [str(PUSHVAR), "gateway", *common, "--listen", "127.0.0.1:0"]
    forward, log = [str(PUSHVAR), "run", *common], folder / "gateway.log"
    with (
        running(gateway, log, pushvar_environment()),
        running(forward, folder / "run.log", pushvar_environment()),
    ):
        wait_until(lambda: "http://" in log.read_text(), timeout_s=30, what="the gateway listens")
        found = re.search(r"http://127\.0\.0\.1:[0-9]+", log.read_text())
        assert found is not None
        yield Door(found[0], database)


@pytest.fixture(scope="module")
def here(prometheus: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    """Give the two commands."""
    with door(prometheus, tmp_path_factory.mktemp("groups")) as one:
        yield one


def test_a_group_lives_until_its_time_is_over(here: Door) -> None:
    """Pushed once, it is there for longer than Prometheus remembers; at its end it is gone at once."""
    began_s = time.monotonic()
    assert here.push("job/lives/instance/i-1", X_Pushvar_TTL="16s") == 200
    wait_until(lambda: bool(here.shown("lives")), timeout_s=20, what="the group")
    ((labels, value),) = here.shown("lives")
    assert value == 42
    assert labels == {
        "__name__": "rows", "job": "lives", "instance": "i-1", "kind": "a",
        "customer_id": "cust-0", "service_domain": "lives", "sla_tier": "bronze",
    }  # fmt: skip
    ((_, pushed),) = here.shown("lives", "push_time_seconds")
    assert abs(pushed - time.time()) < 60
    while time.monotonic() - began_s < 13:
        assert [one for _, one in here.shown("lives")] == [42]
        time.sleep(0.2)
    wait_until(lambda: here.shown("lives") == [], timeout_s=10, what="its end")
    ended_s = time.monotonic() - began_s
    assert ended_s > 15
    ((_, samples),) = here.database.samples('rows{job="lives"}')
    assert time.time() - samples[-1][0] / 1000 < LOOKBACK_S, "it was marked, not forgotten"
    times = [time_ms for time_ms, _ in samples]
    assert times == sorted(set(times))
    assert len(times) >= 8


def test_delete_ends_a_group_and_spares_the_others(here: Door) -> None:
    """DELETE ends one group at once; one of the same job goes on."""
    assert here.push("job/gone/instance/a") == 200
    assert here.push("job/gone/instance/b") == 200
    wait_until(lambda: len(here.shown("gone")) == 2, timeout_s=20, what="both groups")
    assert here.push("job/gone/instance/a", b"", method="DELETE") == 202
    wait_until(lambda: len(here.shown("gone")) == 1, timeout_s=LOOKBACK_S - 1, what="the end of one")
    time.sleep(LOOKBACK_S)
    assert [labels["instance"] for labels, _ in here.shown("gone")] == ["b"]


def test_what_is_pushed_next_takes_its_place(here: Door) -> None:
    """A PUT without a series ends that series, a POST leaves it; values are those of the last push."""
    assert here.push("job/next") == 200
    wait_until(lambda: bool(here.shown("next", "runs_total")), timeout_s=20, what="the group")
    assert here.push("job/next", b'# TYPE rows gauge\nrows{kind="a"} 43\n', method="POST") == 200
    wait_until(lambda: [one for _, one in here.shown("next")] == [43], timeout_s=20, what="the new value")
    assert [one for _, one in here.shown("next", "runs_total")] == [3]
    assert here.push("job/next", b'# TYPE rows gauge\nrows{kind="a"} 44\n') == 200
    wait_until(
        lambda: here.shown("next", "runs_total") == [], timeout_s=LOOKBACK_S - 1, what="the other's end"
    )
    assert [one for _, one in here.shown("next")] == [44]


def test_each_customer_has_its_own(here: Door) -> None:
    """The credential says whose group it is; a body that claims another's name changes nothing."""
    body = b'rows{customer_id="cust-two",sla_tier="gold",instance="x"} 1\n'
    for user in ("one", "two"):
        basic = {"one": "b25lOnBhc3N3b3JkLW9uZQ==", "two": "dHdvOnBhc3N3b3JkLXR3bw=="}[user]
        assert here.push("job/whose", body, Authorization=f"Basic {basic}") == 200
    assert here.push("job/whose", body, Authorization="Basic b25lOndyb25n") == 401
    wait_until(lambda: len(here.shown("whose")) == 2, timeout_s=20, what="both")
    found = {labels["customer_id"]: labels for labels, _ in here.shown("whose")}
    assert set(found) == {"cust-one", "cust-two"}
    assert {one["sla_tier"] for one in found.values()} == {"gold", "bronze"}
    assert found["cust-two"]["sla_tier"] == "bronze"
    assert {one["exported_customer_id"] for one in found.values()} == {"cust-two"}
    assert {one["instance"] for one in found.values()} == {"x"}
