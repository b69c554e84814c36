"""AWS as far as moto plays it: Parameter Store, SQS, DynamoDB, S3 and the like in one local server.

What it does not check, our own tests do: the 4 KB limit of a parameter, throttling, IAM.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.programs import loopback
from tests.programs.process import serving

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

REGION = "eu-west-1"


@dataclass(frozen=True, slots=True)
class Aws:
    """A running moto server; ``environment`` is what a program needs to use it as its AWS."""

    url: str

    @property
    def environment(self) -> Mapping[str, str]:
        """Endpoint, region, and credentials that open nothing else."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_CONFIG_FILE": "/nonexistent",  # a developer's own profile must not reach a test
            "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent",
            "AWS_EC2_METADATA_DISABLED": "true",
            "NO_PROXY": "127.0.0.1",
        }

    def client(self, service: str) -> Any:
        """Give a boto3 client of the test's own."""
        import boto3

        return boto3.session.Session().client(
            service,
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id="testing",
            aws_secret_access_key="testing",
        )

    def forget_everything(self) -> None:
        """Make the server as empty as at its start."""
        assert loopback.request("POST", f"{self.url}/moto-api/reset").status == 200


@contextmanager
def aws(folder: Path) -> Iterator[Aws]:
    """Run a moto server."""
    with serving(
        lambda ports: [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(ports[0])],
        folder / "moto.log",
        ready_path="/moto-api/",
    ) as (_program, port):
        yield Aws(f"http://127.0.0.1:{port}")
