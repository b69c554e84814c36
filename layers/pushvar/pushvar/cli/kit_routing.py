"""``pushvar kit routing``: who is woken by what, for Alertmanager, Amazon Managed Prometheus and Grafana."""

from __future__ import annotations

import click

from pushvar.cli import exit_codes
from pushvar.cli.kit_files import deliver, files_options, settings_from

_FLAVOURS = ("alertmanager", "amp", "grafana")

_EPILOG = """\b
Examples:
  pushvar kit routing alertmanager > alertmanager.yml
  pushvar kit routing alertmanager --team payment --team orders > alertmanager.yml
  pushvar kit routing --output monitoring              alertmanager/, amp/, grafana/
  pushvar kit routing --output monitoring --check      in a pipeline
  sam deploy --template-file monitoring/amp/template.yaml --stack-name pushvar-alerts --guided

\b
Receivers are placeholders: put your channels and addresses there. No file holds a secret, each names the
file, the variable or the topic that has it.

Exit code 1: --check found a file that differs, or none."""


@click.command("routing", epilog=_EPILOG)
@click.argument("flavour", type=click.Choice(_FLAVOURS), required=False)
@files_options
@click.option(
    "--team", "teams", multiple=True, metavar="NAME",
    help="A team with a receiver of its own, for business alerts with this label.",
)  # fmt: skip
def command(
    flavour: str | None,
    config: str | None,
    output: str | None,
    check: bool,  # noqa: FBT001 - a click flag
    teams: tuple[str, ...],
) -> int:
    """Write the routing of alerts by tier, priority and team, with what mutes what.

    P0 goes to the pager at once, infra to its on-call, runtime to those who keep Go programs running,
    business to the team. Without a flavour all of them.
    """
    from pushvar.kit.routing import routing_files

    files = routing_files(settings_from(config), teams)
    if flavour is not None:
        files = {path: text for path, text in files.items() if path.startswith(f"{flavour}/")}
        if output is None and not check:
            click.echo("".join(list(files.values())[:1]), nl=False)
            return exit_codes.FINE
    return deliver(files, output, check=check)
