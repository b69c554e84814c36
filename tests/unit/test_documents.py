"""Documents come back as they were put, hold no target twice and no secret, and say when they are too new."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest
from pushvar.collect.documents import (
    config_document,
    read_config,
    read_slice,
    read_snapshot,
    slice_document,
    snapshot_document,
)
from pushvar.collect.registry import open_registry
from pushvar.config.load import load
from pushvar.errors import StateError
from pushvar.model import Target

if TYPE_CHECKING:
    from collections.abc import Callable

JOB = "scrape_configs: [{job_name: pay, static_configs: [{targets: ['10.0.0.1'], labels: {env: prod}}]}]\n"
SAMPLE = Path(__file__).parents[2] / "examples" / "pushvar.yml"
TARGET = Target("00ff", "pay", "http://10.0.0.1:80/debug/vars", (("instance", "ü/\n\x00"), ("job", "pay")))


def test_a_configuration_comes_back() -> None:
    """Everything but the targets, in equal values; with other targets it is the same document."""
    config = load(SAMPLE.read_text(), source="sample")
    body = config_document(config)
    back = read_config(body)
    assert back.remote_write == config.remote_write
    assert [job.job_name for job in back.scrape_configs] == [job.job_name for job in config.scrape_configs]
    assert all(job.static_configs == () for job in back.scrape_configs)
    assert config_document(back) == body


def test_a_slice_comes_back() -> None:
    """Targets with any text in their labels; an empty shard has a document too."""
    assert read_slice(slice_document((TARGET, replace(TARGET, key="01")))) == (
        TARGET,
        replace(TARGET, key="01"),
    )
    assert read_slice(slice_document(())) == ()


def test_a_snapshot_comes_back(tmp_path: Path) -> None:
    """The groups hold the targets; version and configuration are as they were."""
    (tmp_path / "pushvar.yml").write_text(JOB)
    snapshot = open_registry(str(tmp_path / "pushvar.yml")).load()
    back = read_snapshot(snapshot_document(snapshot))
    assert (back.version, back.groups) == (snapshot.version, snapshot.groups)
    assert back.groups[0].addresses == ("10.0.0.1:80",)


def test_secrets_stay_references() -> None:
    """What is stored names a secret and never holds it."""
    text = JOB + "remote_write: [{url: 'http://b/', basic_auth: {password: 'env:PAY_PASSWORD'}}]"
    assert b'{"scheme":"env","name":"PAY_PASSWORD"}' in config_document(load(text, source="test"))


@pytest.mark.parametrize("read", [read_config, read_slice, read_snapshot])
@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "cannot be read"),
        (b"{}", "cannot be read"),
        (b'{"schema": 1, "config": 7, "targets": 7}', "cannot be read"),
        (b'{"schema": 2, "anything": []}', "has schema 2, this pushvar reads 1"),
    ],
)
def test_a_document_of_another_version(read: Callable[[bytes], object], body: bytes, said: str) -> None:
    """A deployment half done is told apart from damage, and says what to do."""
    with pytest.raises(StateError) as raised:
        read(body)
    assert said in str(raised.value)
    assert "deploy plan and forward of one version" in str(raised.value)


def test_a_key_that_an_older_version_does_not_know() -> None:
    """A newer configuration is refused rather than half understood."""
    body = msgspec.json.decode(config_document(load(JOB, source="test")))
    body["config"]["from_the_future"] = 1
    with pytest.raises(StateError, match="from_the_future"):
        read_config(msgspec.json.encode(body))
