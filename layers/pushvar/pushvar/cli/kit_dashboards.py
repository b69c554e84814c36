"""``pushvar kit dashboards``: Grafana dashboards as files, posted to Grafana, or checked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from pushvar.cli.kit_files import deliver, files_options, settings_from

if TYPE_CHECKING:
    from pushvar.kit.dashboards.links import Further

_FLAVOURS = ("provisioning", "import")

_EPILOG = """\b
Examples:
  pushvar kit dashboards --output monitoring/dashboards            all, in both flavours, and a README
  pushvar kit dashboards --output monitoring/dashboards --check    in a pipeline
  pushvar kit dashboards go-runtime --flavour import > go-runtime.json     for Grafana's import page
  pushvar kit dashboards --config pushvar.yml --output dashboards          for your intervals and tiers
  PUSHVAR_GRAFANA_TOKEN=... pushvar kit dashboards --push https://grafana.example.org \\
                            --folder Pushvar --create-folder --verify
  pushvar kit dashboards --lint my-dashboard.json                  by the rules that ours keep; --fix mends

\b
PUSHVAR_GRAFANA_TOKEN holds the token of a service account with the role Editor, or says where it is kept
(file:PATH, ssm:/PATH, secretsmanager:NAME#KEY). A dashboard that is there already, by its
uid, is replaced, and moved to the folder that is named. Posting was tested against a server that answers
as Grafana's API is documented, not against Grafana.
Exit codes: 1 --check found a difference or --lint a fault, 2 wrong usage, 4 Grafana did not take it."""


@click.command("dashboards", epilog=_EPILOG)
@click.argument("names", nargs=-1, metavar="[NAME]...")
@files_options
@click.option(
    "--flavour", type=click.Choice(_FLAVOURS),
    help="provisioning: for files and the API; import: asks for its data source. [default: all files]",
)  # fmt: skip
@click.option("--datasource-uid", metavar="UID", default="", help="Ask this one, instead of a choice.")
@click.option(
    "--link", "links", multiple=True, metavar="TITLE=URL",
    help="A link of panels of instances, to logs or traces; the README has patterns.",
)  # fmt: skip
@click.option("--push", metavar="URL", help="Post them to this Grafana.")
@click.option("--folder", metavar="TITLE", help="The folder there. [default: the root folder]")
@click.option("--create-folder", is_flag=True, help="Make the folder if it is not there.")
@click.option("--verify", is_flag=True, help="Read each back, and see that it lies in the folder.")
@click.option("--lint", is_flag=True, help="NAMEs are files: check them by our rules.")
@click.option("--fix", is_flag=True, help="With --lint: mend in the files what needs no thought.")
@click.option("--json", "as_json", is_flag=True, help="With --push and --lint: one JSON object.")
def command(  # noqa: PLR0913 - click hands over each option by its name
    *,
    names: tuple[str, ...],
    config: str | None,
    output: str | None,
    check: bool,
    flavour: str | None,
    datasource_uid: str,
    links: tuple[str, ...],
    push: str | None,
    folder: str | None,
    create_folder: bool,
    verify: bool,
    lint: bool,
    fix: bool,
    as_json: bool,
) -> int:
    """Make the dashboards: go-runtime, tenants, forwarder, batch-jobs, coverage.

    Without NAMEs all of them.
    """
    from pushvar.kit.dashboards.files import Wanted, dashboard_files, dashboards, flavoured

    if lint:
        from pushvar.cli.kit_dashboards_lint import lint_files
        from pushvar.kit.dashboards.lint import Reading

        reading = Reading(settings_from(config), importing=flavour == "import")
        return lint_files(names, reading, fix=fix, as_json=as_json)
    if fix:
        raise click.UsageError("--fix mends what --lint finds")
    _known(names)
    wanted = Wanted(settings_from(config), datasource_uid, tuple(map(_link, links)))
    if push is not None:
        if output is not None or check or flavour == "import":
            raise click.UsageError("--push posts the provisioning flavour; it does not go with files")
        from pushvar.cli.kit_dashboards_push import Destination, push_dashboards

        into = Destination(push, folder, create=create_folder, verify=verify)
        return push_dashboards(dashboards(wanted, names), into, as_json=as_json)
    if folder is not None or create_folder or verify or as_json:
        raise click.UsageError("--folder, --create-folder, --verify and --json go with --push URL")
    if not names and flavour is None:
        return deliver(dashboard_files(wanted), output, check=check)
    return deliver(flavoured(wanted, names, flavour or _FLAVOURS[0]), output, check=check)


def _known(names: tuple[str, ...]) -> None:
    from pushvar.kit.dashboards import names as there

    for name in names:
        if name not in there():
            raise click.UsageError(f"there is no dashboard {name}; there are: {', '.join(there())}")


def _link(text: str) -> Further:
    from pushvar.kit.dashboards.links import Further

    title, equals, url = text.partition("=")
    if not title or not equals or not url.startswith(("/", "http://", "https://")):
        raise click.UsageError(f"--link {text}: write TITLE=URL, where URL begins with / or https://")
    return Further(title, url)
