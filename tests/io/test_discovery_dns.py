"""dns_sd_configs against a real DNS server: records, their labels, and failures that change nothing."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from pushvar.collect.discovery import Means
from pushvar.collect.registry.file import FileRegistry

from tests.programs.name_server import name_server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pushvar.collect.registry.protocol import Snapshot

    from tests.programs.name_server import NameServer

MAIL = "mail.example.com."
SRV = ("_m._tcp.example.com.", "SRV")


@dataclass
class Scene:
    """A name server and a configuration that asks it."""

    names: NameServer
    folder: Path
    now_s: float = 0.0

    def open(self, **block: Any) -> FileRegistry:
        """A registry whose one job has this block."""
        path = self.folder / "pushvar.yml"
        path.write_text(json.dumps({"scrape_configs": [{"job_name": "a", "dns_sd_configs": [block]}]}))
        means = Means(timeout_s=1.0, nameservers=(("127.0.0.1", self.names.port),))
        return FileRegistry(str(path), means=means, monotonic=lambda: self.now_s)


def found(snapshot: Snapshot) -> list[tuple[str, dict[str, str]]]:
    """Every address with its labels."""
    return [(address, dict(group.labels)) for group in snapshot.groups for address in group.addresses]


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    """A name server without records."""
    with name_server() as names:
        yield Scene(names, tmp_path)


def test_srv_records_are_targets(scene: Scene) -> None:
    """Each record is a target at its own port; the labels keep the record as it stands."""
    scene.names.records[SRV] = ["0 0 8080 a.example.com.", "0 0 9090 b.example.com."]
    snapshot = scene.open(names=["_m._tcp.example.com"]).load()
    assert snapshot.problems == ()
    assert found(snapshot) == [
        (
            f"{host}.example.com:{port}",
            {
                "__meta_dns_name": "_m._tcp.example.com",
                "__meta_dns_srv_record_port": port,
                "__meta_dns_srv_record_target": f"{host}.example.com.",
            },
        )
        for host, port in (("a", "8080"), ("b", "9090"))
    ]


@pytest.mark.parametrize(
    ("kind", "texts", "addresses", "labels"),
    [
        ("A", ["10.0.0.2", "10.0.0.1"], ["10.0.0.1:80", "10.0.0.2:80"], {}),
        ("AAAA", ["fd00::1"], ["[fd00::1]:80"], {}),
        ("MX", [f"10 {MAIL}"], ["mail.example.com:80"], {"__meta_dns_mx_record_target": MAIL}),
    ],
)  # fmt: skip
def test_other_records_take_the_port_of_the_block(
    scene: Scene, kind: str, texts: list[str], addresses: list[str], labels: dict[str, str]
) -> None:
    """Addresses of either family and mail exchangers are targets at the port that is given."""
    scene.names.records["x.example.com.", kind] = texts
    snapshot = scene.open(names=["x.example.com."], type=kind, port=80).load()
    expected = {"__meta_dns_name": "x.example.com.", **labels}
    assert found(snapshot) == [(address, expected) for address in addresses]


def test_many_records_come_over_tcp(scene: Scene) -> None:
    """An answer too long for a datagram is asked for again over TCP."""
    scene.names.records["x.", "A"] = [f"10.0.{n // 250}.{n % 250}" for n in range(500)]
    assert len(found(scene.open(names=["x."], type="A", port=1).load())) == 500
    assert scene.names.over_tcp == [("x.", "A")]


def test_each_name_fails_alone(scene: Scene) -> None:
    """A name that cannot be looked up keeps its targets and is a problem; another name goes on changing."""
    scene.names.records |= {("a.", "A"): ["10.0.0.1"], ("b.", "A"): ["10.0.0.2"]}
    registry = scene.open(names=["a.", "b."], type="A", port=1)
    registry.load()
    scene.names.failing = {"a."}
    scene.names.records["b.", "A"] = ["10.0.0.3"]
    scene.now_s = 29.9
    assert [address for address, _ in found(registry.load())] == ["10.0.0.1:1", "10.0.0.2:1"]
    scene.now_s = 30
    snapshot = registry.load()
    assert [address for address, _ in found(snapshot)] == ["10.0.0.1:1", "10.0.0.3:1"]
    (problem,) = snapshot.problems
    assert str(problem).startswith("dns:a.:A:1: the DNS gave no answer: ")
    assert str(problem).endswith("; the targets that it gave last stay")


def test_a_name_that_is_gone_has_no_targets(scene: Scene) -> None:
    """That a name does not exist, or has no such records, is an answer: its targets end."""
    scene.names.records |= {("a.", "A"): ["10.0.0.1"], ("b.", "A"): ["10.0.0.2"]}
    registry = scene.open(names=["a.", "b."], type="A", port=1)
    registry.load()
    scene.names.records = {("b.", "AAAA"): ["::1"]}
    scene.now_s = 30
    snapshot = registry.load()
    assert (found(snapshot), snapshot.problems) == ([], ())


def test_a_silent_server_is_a_problem(scene: Scene) -> None:
    """A question without an answer ends in time; nothing was heard of the name yet."""
    scene.names.silent = {"a."}
    snapshot = scene.open(names=["a."], type="A", port=1).load()
    assert "the DNS gave no answer" in str(snapshot.problems[0])
    assert snapshot.unheard == ("dns:a.:A:1[",)
