"""The front door's configuration: the newest that may be used, also after a restart."""

from __future__ import annotations

import json
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from pushvar.app.gateway import RELOAD_S, GatewayDoor, gateway_of, local_gateway
from pushvar.app.world import World
from pushvar.config.schema import Gateway
from pushvar.errors import ConfigError, StateError
from pushvar.jobs.exchange import PushRequest
from pushvar.state import open_state

if TYPE_CHECKING:
    from pathlib import Path

    from tests.programs.aws import Aws

NOW_MS = 1_795_176_000_000
OPEN = {"anonymous": "default"}


class Clock:
    """A world whose time the test moves."""

    def __init__(self, **environment: str) -> None:
        self.now_s = 100.0
        self.world = World(
            environment, lambda path: path, lambda: NOW_MS + int(self.now_s * 1000),
            lambda: self.now_s, lambda _: None, lambda: 0.5,
        )  # fmt: skip


def status(door: GatewayDoor) -> int:
    """What a push without a credential is answered."""
    return door.handle(PushRequest("PUT", "/metrics/job/a", {}, b"rows 1\n")).status


def write(file: Path, gateway: Any) -> None:
    """A configuration of groups alone; text is written as it is."""
    file.write_text(gateway if isinstance(gateway, str) else json.dumps({"gateway": gateway}))


def test_a_file_that_changes(tmp_path: Path) -> None:
    """A new block is used within half a minute; a broken file is told, and the last good one works on."""
    file, clock = tmp_path / "pushvar.yml", Clock()
    write(file, OPEN)
    door = local_gateway(str(file), None, f"sqlite:{tmp_path}/s.db", clock.world)
    assert (status(door), door.anonymous_only) == (200, True)
    write(file, "gateway: {anonymos: x}")
    assert (status(door), door.problems) == (200, ())
    clock.now_s += RELOAD_S
    assert status(door) == 200
    assert "did you mean anonymous?" in " ".join(map(str, door.problems))
    bearer = {"customer_id": "acme", "authorization": {"credentials": "env:T"}}
    write(file, {"credentials": [bearer]})
    clock.now_s += RELOAD_S
    assert (status(door), door.problems, door.anonymous_only) == (401, (), False)
    door.close()


def test_a_broken_file_after_a_restart(tmp_path: Path) -> None:
    """The state store remembers the last good configuration; without one the start is refused."""
    file, clock, state = tmp_path / "pushvar.yml", Clock(), f"sqlite:{tmp_path}/s.db"
    write(file, "gateway: [")
    with pytest.raises(ConfigError, match="not valid YAML"):
        local_gateway(str(file), None, state, clock.world)
    write(file, OPEN)
    local_gateway(str(file), None, state, clock.world).close()
    write(file, "gateway: [")
    door = local_gateway(str(file), None, state, clock.world)
    assert status(door) == 200
    assert "not valid YAML" in str(door.problems[0])
    door.close()


def test_a_store_that_fails_while_the_configuration_is_looked_at() -> None:
    """Costs the request nothing: the block in use works on, and is looked at again later."""
    clock, broken = Clock(), [False]

    def settings() -> tuple[Gateway, tuple[ConfigError, ...]]:
        if broken[0]:
            raise StateError("the table is away")
        return Gateway(anonymous="default"), ()

    store = open_state("memory:")
    door = GatewayDoor(settings, store, clock.world)
    broken[0] = True
    clock.now_s += RELOAD_S
    assert status(door) == 200, "the block that was good works on"
    broken[0] = False
    clock.now_s += RELOAD_S
    assert (status(door), door.problems) == (200, ())
    door.close()


def test_what_nobody_forwards_is_forgotten(tmp_path: Path) -> None:
    """A day after their time, groups that no shard has ended are removed; those that live stay."""
    clock, state = Clock(), f"sqlite:{tmp_path}/s.db"
    door = local_gateway(None, None, state, clock.world)
    with closing(open_state(state)) as store:
        for job, ttl in (("short", "1h"), ("gone", "1h"), ("long", "30d")):
            path, headers = f"/metrics/job/{job}", {"x-pushvar-ttl": ttl}
            assert door.handle(PushRequest("PUT", path, headers, b"rows 1\n")).status == 200
        assert door.handle(PushRequest("DELETE", "/metrics/job/gone", {})).status == 202
        clock.now_s += 24 * 3600
        assert door.handle(PushRequest("GET", "/metrics", {})).status == 200
        assert len(store.groups("default")) == 3, "their shard may be late"
        clock.now_s += 2 * 3600
        assert door.handle(PushRequest("GET", "/metrics", {})).status == 200
        assert [dict(head.grouping)["job"] for head in store.groups("default")] == ["long"]
    door.close()


def test_a_parameter(aws: Aws, tmp_path: Path) -> None:
    """On AWS one parameter is read, and its last good value outlives a cold start."""
    location, ssm = "/pushvar/door", aws.client("ssm")
    clock = Clock(PUSHVAR_REGISTRY=f"ssm:{location}", PUSHVAR_STATE=f"sqlite:{tmp_path}/s.db")
    name = f"{location}/config/gateway"
    door = gateway_of(clock.world)
    assert status(door) == 401
    ssm.put_parameter(Name=name, Value="{anonymous: default}", Type="String")
    clock.now_s += RELOAD_S
    assert status(door) == 200
    ssm.put_parameter(Name=name, Value="{anonymous: a b}", Type="String", Overwrite=True)
    cold = gateway_of(clock.world)
    assert status(cold) == 200
    assert f"{name}:1:13: gateway.anonymous" in str(cold.problems[0])
    door.close()
    cold.close()
