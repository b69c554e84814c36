"""Where targets may be: a policy of networks and ports, and ways around it that do not work."""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING, Any

import pytest
from pushvar.app.engine import Engine
from pushvar.collect.fetch import Endpoint, Fetcher
from pushvar.collect.targets import build_target
from pushvar.config.load import load
from pushvar.config.schema import TargetPolicy
from pushvar.net.address import is_allowed
from pushvar.net.policy import policy_of
from pushvar.net.secrets import Secrets

from tests.programs.raw_server import raw_server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pushvar.errors import FetchError
    from pushvar.model import Fetched


BLOCKED = "blocked: 127.0.0.1 is 127.0.0.1: target_policy"


@pytest.fixture
def fetcher() -> Iterator[Fetcher]:
    """A fetcher of this machine."""
    made = Fetcher(lambda: 0, lambda: 0.0)
    yield made
    made.close()


def fetch(fetcher: Fetcher, address: str, **policy: Any) -> str:
    """``ok``, or the failure class and the reason, of one fetch under a policy."""
    document = {
        "global": {"target_policy": policy},
        "scrape_configs": [{"job_name": "a", "scrape_timeout": "5s"}],
    }
    config = load(json.dumps(document), source="t")
    target = build_target(config, config.scrape_configs[0], address, {})
    engine = Engine(config, [target], Secrets({}, str, lambda: 0.0))
    said: list[str] = []

    def done(_one: Endpoint, _fetched: Fetched, error: FetchError | None) -> None:
        said.append("ok" if error is None else f"{error.reason}: {error}")

    fetcher.fetch_all(engine.endpoints(["a"]), done)
    return said[0]


def answers(monkeypatch: pytest.MonkeyPatch, host: str, *addresses: str) -> list[str]:
    """Let the resolver answer for ``host`` with another address each time; gives what is still to come."""
    left, real = [*addresses], socket.getaddrinfo

    def look_up(name: str, port: int, *rest: Any, **more: Any) -> Any:
        return real(left.pop(0) if name == host else name, port, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return left


@pytest.mark.parametrize(
    ("policy", "said"),
    [
        ({}, "ok"),
        ({"allow": ["127.0.0.0/8"]}, "ok"),
        ({"allow": ["10.0.0.0/8", "127.0.0.1"], "ports": ["1-65535"]}, "ok"),
        ({"deny": ["10.0.0.0/8", "::1"]}, "ok"),
        ({"allow": ["10.0.0.0/8"]}, f"{BLOCKED} does not allow its network"),
        ({"allow": ["127.0.0.0/8"], "deny": ["127.0.0.0/24"]}, f"{BLOCKED} denies 127.0.0.0/24"),
        ({"ports": ["1-2"]}, f"{BLOCKED} does not allow port "),
    ],
)  # fmt: skip
def test_a_policy_of_networks_and_ports(fetcher: Fetcher, policy: dict[str, Any], said: str) -> None:
    """What is outside is refused before it is connected to, with the reason."""
    with raw_server() as server:
        assert fetch(fetcher, f"127.0.0.1:{server.port}", **policy).startswith(said)
        assert bool(server.heads) is (said == "ok")


@pytest.mark.parametrize("host", ["2130706433", "0x7f000001", "0177.0.0.1", "127.1", "[::ffff:127.0.0.1]"])
def test_other_spellings_do_not_help(fetcher: Fetcher, host: str) -> None:
    """A denied address is denied in any spelling that the system reads."""
    assert "denies 127.0.0.0/8" in fetch(fetcher, f"{host}:9", deny=["127.0.0.0/8"])


def test_a_new_policy_reuses_no_connection(fetcher: Fetcher) -> None:
    """An open connection does not outlive the policy under which it was made."""
    with raw_server() as server:
        assert fetch(fetcher, f"127.0.0.1:{server.port}") == "ok"
        assert "denies" in fetch(fetcher, f"127.0.0.1:{server.port}", deny=["127.0.0.0/8"])


def test_a_name_that_changes_its_mind(fetcher: Fetcher, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was checked is what is connected to: a second answer of the resolver is never asked for."""
    with raw_server() as server:
        left = answers(monkeypatch, "rebinding.test", "127.0.0.1", "169.254.169.254")
        assert fetch(fetcher, f"rebinding.test:{server.port}") == "ok"
        assert left == ["169.254.169.254"]
        assert fetch(fetcher, f"rebinding.test:{server.port}") == "ok"  # the same connection
    assert "169.254.169.254, which no target may be" in fetch(fetcher, f"rebinding.test:{server.port}")


@pytest.mark.parametrize(
    "host", ["metadata.google.internal", "metadata", "instance-data.ec2.internal", "metadata.azure.internal"]
)
def test_metadata_by_name(fetcher: Fetcher, monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    """A name of a metadata service is an address like any other, and refused as such."""
    answers(monkeypatch, host, "169.254.169.254")
    assert fetch(fetcher, f"{host}:80") == f"blocked: {host} is 169.254.169.254, which no target may be"


def test_a_redirect_to_metadata_is_not_followed(fetcher: Fetcher) -> None:
    """A target cannot send us anywhere: the redirect is the failure."""
    location = "http://169.254.169.254/latest/meta-data/"
    answer = f"HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n".encode()

    def redirect(connection: Any) -> None:
        while connection.request():
            connection.socket.sendall(answer)

    with raw_server(redirect) as server:
        assert fetch(fetcher, f"127.0.0.1:{server.port}") == f"redirect: HTTP 302 to {location}"


@pytest.mark.parametrize(
    "address", ["fe80::1%eth0", "fe80::1%1", "fd00:ec2::254%eth0", "::ffff:169.254.169.254%1"]
)
def test_zones_do_not_hide_an_address(address: str) -> None:
    """The zone of an IPv6 address says nothing about what it is."""
    assert not is_allowed(address)


@pytest.mark.parametrize("host", ["[64:ff9b::a00:1]", "[2002:a00:1::1]", "[::ffff:10.0.0.1]"])
def test_addresses_inside_addresses(fetcher: Fetcher, host: str) -> None:
    """A policy sees through NAT64, 6to4 and mapped addresses: the IPv4 address inside counts as well."""
    assert "target_policy denies 10.0.0.0/8" in fetch(fetcher, f"{host}:9", deny=["10.0.0.0/8"])


def test_no_policy_is_none() -> None:
    """A block that says nothing costs nothing."""
    assert policy_of(TargetPolicy()) is None
