"""Who changed which parameter of a tree, and when, as AWS remembers it.

Source: the API reference of AWS Systems Manager (DescribeParameters, GetParameterHistory).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from pushvar.config.branches import in_order
from pushvar.errors import ConfigError
from pushvar.net.aws import aws_client, in_plain_words

if TYPE_CHECKING:
    from datetime import datetime

_PAGE = 50


class Written(NamedTuple):
    """One writing of a parameter, by its name relative to the tree."""

    name: str
    version: int
    at: datetime
    user: str


def last_changes(prefix: str, client: Any = None) -> list[Written]:
    """The last writing of every parameter below ``prefix``. Raises ConfigError when AWS refuses."""
    ssm = client or aws_client("ssm")
    wanted = [{"Key": "Path", "Option": "Recursive", "Values": [prefix]}]
    found: dict[str, Written] = {}
    with in_plain_words(f"ssm:{prefix}", _refused):
        pages = ssm.get_paginator("describe_parameters")
        for page in pages.paginate(ParameterFilters=wanted, PaginationConfig={"PageSize": _PAGE}):
            for one in page["Parameters"]:
                name = str(one["Name"]).removeprefix(f"{prefix}/")
                found[name] = _written(name, one)
    return [found[name] for name in in_order(found)]


def history(prefix: str, name: str, client: Any = None) -> list[Written]:
    """Every writing of one parameter that AWS remembers (100), the last first."""
    ssm = client or aws_client("ssm")
    with in_plain_words(f"ssm:{prefix}/{name}", _refused):
        pages = ssm.get_paginator("get_parameter_history")
        found = pages.paginate(
            Name=f"{prefix}/{name}", WithDecryption=False, PaginationConfig={"PageSize": _PAGE}
        )
        writings = [_written(name, one) for page in found for one in page["Parameters"]]
    return sorted(writings, key=lambda one: -one.version)


def _written(name: str, parameter: dict[str, Any]) -> Written:
    user = str(parameter.get("LastModifiedUser", ""))
    return Written(name, int(parameter.get("Version", 0)), parameter["LastModifiedDate"], user)


def _refused(message: str, hint: str) -> ConfigError:
    return ConfigError("", message, hint=hint)
