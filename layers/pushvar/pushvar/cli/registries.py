"""The options that name a registry, and what a command that writes may name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from pushvar.errors import ConfigError

if TYPE_CHECKING:
    from pushvar.collect.registry.parameters import ParameterTree

VARIABLE = "PUSHVAR_REGISTRY"
"""The environment variable that stands in for ``--registry``."""

_SCHEME = "ssm:"

registry_option = click.option(
    "--registry", "-r", "reference", required=True, envvar=VARIABLE, show_envvar=True, metavar="REF",
    help="Where the configuration is: ssm:/pushvar/<stage> (to list, also a file).",
)  # fmt: skip


def parameter_tree(reference: str, option: str, otherwise: str) -> ParameterTree:
    """The tree that a reference names; raises ConfigError, with the hint ``otherwise``, for anything else."""
    from pushvar.collect.registry.parameters import ParameterTree

    if not reference.startswith(_SCHEME):
        raise ConfigError(option, f"{reference} is not in Parameter Store", hint=otherwise)
    return ParameterTree(reference.removeprefix(_SCHEME))
