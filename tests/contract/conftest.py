"""What the stores under contract stand on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.contract import aws_door as doors

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.contract.aws_door import Door
    from tests.programs.aws import Aws


@pytest.fixture
def aws_door(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> Iterator[Door]:
    """A door to the session's AWS; this process and its children go through it."""
    with doors.aws_door(aws) as door:
        monkeypatch.setenv("AWS_ENDPOINT_URL", door.url)
        monkeypatch.setattr("boto3.session.Session", doors.session)
        monkeypatch.setattr(*doors.PATIENT)
        yield door
