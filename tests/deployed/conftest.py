"""One AWS and one stack in it for all tests of the folder; its schedule sleeps, the tests wake it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.deployed.stack import deploy, hastened
from tests.programs.local_aws import local_aws as run_local_aws

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.deployed.stack import Stack
    from tests.programs.builds import Build
    from tests.programs.local_aws import LocalAws


@pytest.fixture(scope="session")
def local_aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    """Give an AWS that takes a deployment."""
    with run_local_aws(tmp_path_factory.mktemp("local-aws")) as running:
        yield running


@pytest.fixture(scope="session")
def stack(local_aws: LocalAws, local_build: Build, tmp_path_factory: pytest.TempPathFactory) -> Stack:
    """Give the stack, its gateway open and its schedule off; its times are short, see ``hastened``."""
    template = hastened(local_build.folder / "template.yaml")
    try:
        folder = tmp_path_factory.mktemp("stack")
        return deploy(
            local_aws, template, folder, "MaximumConcurrency=5", "Gateway=open", "ScheduleState=DISABLED"
        )
    finally:
        template.unlink()  # the build is everybody's
