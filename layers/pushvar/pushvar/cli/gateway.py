"""``pushvar gateway``: the Pushgateway's API on this machine."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from pushvar.cli import exit_codes
from pushvar.cli.gateway_address import Address, AddressType
from pushvar.cli.registries import VARIABLE
from pushvar.errors import ComponentMissing, ConfigError

if TYPE_CHECKING:
    import socket

    from pushvar.app.gateway import GatewayDoor
    from pushvar.app.stop import Stop
    from pushvar.cli.gateway_application import Telling

_EPILOG = """\b
Examples:
  pushvar gateway       to try it: anybody on this machine may push, for the customer default
  pushvar gateway --config pushvar.yml --listen :9091
                        for others; who may push stands in the block gateway

\b
Whatever pushes to a Pushgateway needs another URL, nothing else:
  echo "rows 42" | curl --data-binary @- http://127.0.0.1:9091/metrics/job/nightly

\b
It keeps what was pushed; "pushvar run" with the same configuration and state sends it to the backends.
It speaks plain HTTP: put a proxy that does TLS before it where others might listen in.
SIGTERM and SIGINT end it within 10 s, when the requests under way are answered."""


@click.command("gateway", epilog=_EPILOG)
@click.option("--config", "-c", metavar="FILE", help="The configuration, in a file.")
@click.option(
    "--registry", "-r", metavar="REF",
    help=f"The configuration elsewhere: ssm:/pushvar/<stage>. [env: {VARIABLE}]",
)  # fmt: skip
@click.option(
    "--listen", type=AddressType(), default="127.0.0.1:9091", show_default=True, metavar="HOST:PORT",
    help="Where to listen; :9091 is every address of this machine.",
)  # fmt: skip
@click.option(
    "--state", metavar="REF", help="Where groups are kept. [default: where pushvar run keeps state]"
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object for each request.")
def command(
    *, config: str | None, registry: str | None, listen: Address, state: str | None, as_json: bool
) -> int:
    """Take what batch jobs push, as a Pushgateway does."""
    from pushvar.app.gateway import local_gateway
    from pushvar.app.stop import Stop
    from pushvar.app.world import real_world
    from pushvar.cli.gateway_application import Telling
    from pushvar.cli.parting import exit_at_once

    if config is not None and registry is not None:
        raise click.UsageError("--config and --registry exclude each other")
    stop = Stop()
    stop.listen()
    world = real_world(stop.sleep, stop.until_s)
    if config is None and registry is None:
        registry = world.environment.get(VARIABLE)
    telling = Telling(as_json=as_json, now_ms=world.now_ms)
    address = listen.resolved()
    door = local_gateway(config, registry, state, world)
    try:
        _check(address, door, configured=bool(config or registry))
        with address.listening() as listening:
            _serve(door, listening, telling, stop)
    finally:
        door.close()
        stop.close()
    exit_at_once(exit_codes.FINE)
    return exit_codes.FINE


def _check(address: Address, door: GatewayDoor, *, configured: bool) -> None:
    """Nobody opens a door to the network by accident: only a configuration says that anybody may push."""
    said = not door.anonymous_only or (configured and door.settings.anonymous)
    if not said and not address.local:
        raise ConfigError(
            "--listen",
            f"other machines reach {address}, and no credential is configured",
            hint="add gateway.credentials or gateway.anonymous to the configuration, or listen on 127.0.0.1",
        )


def _serve(door: GatewayDoor, listening: socket.socket, telling: Telling, stop: Stop) -> None:
    try:
        from pushvar.cli.gateway_server import Limits, Server
    except ModuleNotFoundError as error:
        raise ComponentMissing("the gateway needs waitress", hint="pip install 'pushvar[cli]'") from error
    from pushvar.cli.gateway_application import Application

    server = Server(Application(door, telling), listening, Limits())
    host, port = listening.getsockname()[:2]
    reached = "127.0.0.1" if host in {"0.0.0.0", "::"} else host  # noqa: S104 - what a socket says, not a wish
    telling.listening(f"http://{Address(reached, port)}", credentials=not door.anonymous_only)

    def ended() -> bool:
        telling.problems(door.problems)
        return stop.asked()

    server.serve(ended)
    sys.stdout.flush()
