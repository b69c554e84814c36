"""What a batch job pushes to the deployed function's URL is in Prometheus after the next cycle."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.deployed import scene
from tests.programs.loopback import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.deployed.scene import Backend
    from tests.deployed.stack import Stack

TOKEN = "not-a-real-token"


@pytest.fixture(scope="module")
def backend(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backend]:
    """Give a Prometheus."""
    with scene.backend(tmp_path_factory.mktemp("backend")) as running:
        yield running


def test_a_push_to_the_url_is_forwarded(stack: Stack, backend: Backend) -> None:
    """By bearer token, kept as a secret; without it nothing is taken, and what is deleted ends."""
    secret = f"/pushvar/{stack.stage}/secrets/push-acme"
    stack.aws.client("ssm").put_parameter(Name=secret, Value=TOKEN, Type="SecureString")
    who = {"customer_id": "acme", "authorization": {"credentials": f"ssm:{secret}"}}
    stack.configure(scene.document(backend, gateway={"credentials": [who]}))
    url, shown = stack.outputs["GatewayUrl"], {"Authorization": f"Bearer {TOKEN}"}
    path = "/metrics/job/nightly"

    def taken() -> bool:  # a gateway that was warm already takes up its new block within half a minute
        return stack.aws.ask_url(url, "PUT", path, b"rows_copied 42\n", shown).status == 200

    wait_until(taken, timeout_s=60, what="a push that is taken")
    assert stack.aws.ask_url(url, "PUT", path, b"rows_copied 41\n").status == 401
    stack.cycle()
    ((labels, value),) = backend.database.query("rows_copied")
    assert (labels["job"], labels["customer_id"], value) == ("nightly", "acme", 42.0)
    assert stack.aws.ask_url(url, "DELETE", path, headers=shown).status == 202
    stack.cycle()
    assert backend.database.query("rows_copied") == []
