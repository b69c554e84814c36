"""``pushvar triage``: why is there no data of a target, a backend, a deployment?"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from pushvar.cli import exit_codes
from pushvar.cli.registries import VARIABLE

if TYPE_CHECKING:
    from pushvar.kit.triage.verdict import Verdict

_SCHEMA = 1
_OTHERS = 2

_EPILOG = """\b
Examples:
  pushvar triage http://10.0.1.5:8080/debug/vars                  a URL, nothing else known
  pushvar triage 10.0.1.5:8080 --config pushvar.yml               an address, instance or job of it
  pushvar triage 10.0.1.5:8080 -r ssm:/pushvar/prod --prometheus http://10.0.1.9:9090
  pushvar triage --backend main --config pushvar.yml              a backend
  pushvar triage --stack pushvar-prod                             the deployment on AWS
  pushvar triage pay --config pushvar.yml --json

\b
The fetch is made from this machine: run it where pushvar runs. A backend is asked with a valid remote
write request that has no series (a Pushgateway by a look at its /metrics): nothing is stored anywhere.

\b
Exit codes: 0 nothing wrong was found, 1 a cause was found, 2 wrong usage or configuration."""


@click.command("triage", epilog=_EPILOG)
@click.argument("target", required=False)
@click.option(
    "--config", "-c", "--registry", "-r", "reference", envvar=VARIABLE, show_envvar=True, metavar="REF",
    help="The configuration it belongs to: a file, or ssm:/pushvar/<stage>.",
)  # fmt: skip
@click.option("--job", metavar="NAME", help="As a target of this job.")
@click.option("--backend", metavar="NAME", help="Look at this backend of the configuration alone.")
@click.option("--stack", metavar="NAME", help="Look at the deployment on AWS of this stack.")
@click.option(
    "--state", metavar="sqlite:FILE", help="Where pushvar keeps its state. [default: as pushvar run has it]"
)
@click.option(
    "--prometheus", envvar="PUSHVAR_PROMETHEUS_URL", show_envvar=True, metavar="URL",
    help="A query API that has the target's past.",
)  # fmt: skip
@click.option(
    "--fetches", type=click.IntRange(0, 100), default=5, show_default=True, metavar="N",
    help="Made to measure its pace, where no --prometheus has its past.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of the tree.")
def command(**given: Any) -> int:
    """Find out why there is no data of TARGET, and what to do next.

    TARGET is a URL; with --config also the address, instance or job of a registered target.
    """
    if [given["target"], given["backend"], given["stack"]].count(None) != _OTHERS:
        raise click.UsageError("name one thing: a TARGET, --backend NAME or --stack NAME")
    if given["backend"] is not None and given["reference"] is None:
        raise click.UsageError("--backend needs --config: which configuration has it?")
    verdict = _verdict(given)
    if given["as_json"]:
        from pushvar.kit.triage.verdict import as_object

        click.echo(json.dumps({"schema": _SCHEMA, **as_object(verdict)}, indent=2))
    else:
        from pushvar.cli.triage_report import show_verdict

        show_verdict(verdict)
    return exit_codes.FINE if verdict.found is None else exit_codes.FINDINGS


def _verdict(given: dict[str, Any]) -> Verdict:
    from pushvar.app.triaged import Triage
    from pushvar.app.world import default_state, real_world, state_name
    from pushvar.cli.show import snapshot_of
    from pushvar.kit.triage.tree import backend_verdict, triage

    world, reference = real_world(), given["reference"]
    if given["stack"] is not None:
        from pushvar.app.triage_past import shards_of
        from pushvar.app.triage_stack import look_at_stack
        from pushvar.kit.triage.deployment import stack_verdict

        stack, place = look_at_stack(given["stack"])
        return stack_verdict(stack, shards_of(place) if place else None, world.now_ms())
    state = given["state"] or (default_state(world, state_name(reference)) if reference else "")
    snapshot = snapshot_of(reference, None if reference else given["job"])
    found = Triage(
        snapshot, world, alone=reference is None, state=state,
        prometheus=given["prometheus"] or "", fetches=given["fetches"],
    )  # fmt: skip
    if given["backend"] is not None:
        return backend_verdict(given["backend"], *found.of_backend(given["backend"]), world.now_ms())
    return triage(found.of_target(given["target"], given["job"]))
