"""The command ``pushvar``: finds the command's file, runs it, turns errors into messages and exit codes."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from pushvar import __version__
from pushvar.cli.exit_codes import DELIVERY_FAILED, FINE, OUR_FAULT, TARGETS_FAILED, USAGE
from pushvar.errors import ComponentMissing, ConfigError, FetchError, PushError, PushvarError, StateError

try:
    import click
except ModuleNotFoundError:
    sys.exit("the command line needs click and rich: pip install 'pushvar[cli]'")

from pushvar.cli.late import LateGroup

if TYPE_CHECKING:
    from collections.abc import Sequence

_EXIT_CODES: tuple[tuple[type[PushvarError], int], ...] = (
    (ConfigError, USAGE),
    (ComponentMissing, USAGE),
    (StateError, USAGE),
    (FetchError, TARGETS_FAILED),
    (PushError, DELIVERY_FAILED),
)

_COMMANDS = (
    "run",
    "show",
    "mapping",
    "config",
    "targets",
    "gateway",
    "job",
    "check",
    "audit",
    "triage",
    "kit",
    "cost",
    "demo",
    "receive",
    "version",
)

_HELP = """\
Go expvar in, Prometheus remote write out.

\b
pushvar demo                              see it work: a real Go program, a local page
pushvar show http://host:6060/debug/vars  what would be sent, without sending it
pushvar run --config pushvar.yml          fetch, convert, push; --once for cron
pushvar config push pushvar.yml --to ssm:/pushvar/dev    the configuration of a deployment on AWS
pushvar job run --job nightly -- ./backup.sh             how a batch job went
pushvar gateway                           take what batch jobs push, as a Pushgateway does
pushvar check http://host:8080/metrics    the gate: may this service be shipped?
pushvar audit --config pushvar.yml        which targets lack metrics, and whose they are
pushvar triage --config pushvar.yml ADDR  why there is no data of a target, and what to do
pushvar kit dashboards --push URL         dashboards; also rules, routing, dictionary, snippet
pushvar cost --targets 1000               what a deployment on AWS costs a month"""

_EPILOG = """\b
Exit codes: 0 fine, 1 findings, 2 wrong usage or configuration,
3 some targets failed, 4 delivery failed, 5 a fault of pushvar itself."""


@click.command(
    cls=LateGroup,
    files={name: name for name in _COMMANDS},
    help=_HELP,
    epilog=_EPILOG,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__, prog_name="pushvar")
def pushvar() -> None:
    """All commands."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command and exit with its code; nobody is shown a traceback unless PUSHVAR_DEBUG is set."""
    try:
        code = pushvar.main(args=arguments, prog_name="pushvar", standalone_mode=False)
        sys.exit(code if isinstance(code, int) else FINE)
    except click.ClickException as error:
        error.show()
        sys.exit(USAGE)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # `| head` is no error
        sys.exit(FINE)
    except PushvarError as error:
        _say(error)
        sys.exit(next((code for kind, code in _EXIT_CODES if isinstance(error, kind)), OUR_FAULT))
    except Exception as error:
        if os.environ.get("PUSHVAR_DEBUG"):
            raise
        click.secho(f"pushvar: {type(error).__name__}: {error}", err=True, fg="red")
        click.echo("this is a fault of pushvar; PUSHVAR_DEBUG=1 shows where", err=True)
        sys.exit(OUR_FAULT)


def _say(error: PushvarError) -> None:
    for line in str(error).splitlines():
        click.secho(f"pushvar: {line}", err=True, fg="red")
