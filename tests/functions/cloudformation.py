"""The template as data, and the rights of a role as IAM would judge them."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from functools import cache
from typing import TYPE_CHECKING, Any

import yaml

from tests.components import REPOSITORY

if TYPE_CHECKING:
    from collections.abc import Iterator

TEMPLATE = REPOSITORY / "template.yaml"

ACCOUNT = {
    "AWS::Partition": "aws",
    "AWS::Region": "eu-west-1",
    "AWS::AccountId": "123456789012",
    "AWS::URLSuffix": "amazonaws.com",
    "Stage": "dev",
    "WorkspaceArn": "arn:aws:aps:eu-west-1:123456789012:workspace/ws-1",
    "SecretsKeyArn": "arn:aws:kms:eu-west-1:123456789012:key/k-1",
}


class _Tagged(yaml.SafeLoader):
    """Reads CloudFormation's short functions as their long form: ``!Ref X`` is ``{"Ref": "X"}``."""


def _long_form(loader: yaml.SafeLoader, name: str, node: yaml.Node) -> dict[str, Any]:
    key = name if name in {"Ref", "Condition"} else f"Fn::{name}"
    if isinstance(node, yaml.ScalarNode):
        text = loader.construct_scalar(node)
        return {key: text.split(".") if name == "GetAtt" else text}
    if isinstance(node, yaml.SequenceNode):
        return {key: loader.construct_sequence(node, deep=True)}
    assert isinstance(node, yaml.MappingNode)
    return {key: loader.construct_mapping(node, deep=True)}


_Tagged.add_multi_constructor("!", _long_form)


@cache
def template() -> Any:
    """The template, functions in their long form."""
    return yaml.load(TEMPLATE.read_text(), Loader=_Tagged)  # noqa: S506 - a SafeLoader


def properties(resource: str) -> Any:
    """The properties of a resource by its logical name."""
    return template()["Resources"][resource]["Properties"]


def of_type(kind: str) -> dict[str, Any]:
    """Logical name -> resource, of those of one type."""
    return {name: one for name, one in template()["Resources"].items() if one["Type"] == kind}


def default(parameter: str) -> Any:
    """A parameter's default."""
    return template()["Parameters"][parameter]["Default"]


def refused(parameter: str, value: str) -> bool:
    """Tell whether CloudFormation would refuse the value for its pattern."""
    return not re.fullmatch(template()["Parameters"][parameter]["AllowedPattern"], value)


def resolved(value: Any) -> str:
    """An ARN or text with the names of an account put in; attributes of resources become ``<Name>``."""
    match value:
        case {"Fn::Sub": str(text)}:
            return re.sub(r"\$\{([\w:.]+)\}", lambda name: _known(name[1]), text)
        case {"Fn::GetAtt": [name, "Arn"]} | {"Ref": name}:
            return _known(name)
        case _:
            assert isinstance(value, str), value
            return value


def _known(name: str) -> str:
    return ACCOUNT.get(name) or f"<{name.removesuffix('.Arn')}>"


def statements(role: str) -> Iterator[dict[str, Any]]:
    """The statements of a role's own policies, conditional ones as if their condition held."""
    for policy in properties(role)["Policies"]:
        for statement in policy["PolicyDocument"]["Statement"]:
            yield statement.get("Fn::If", [None, statement])[1]


def as_list(value: Any) -> list[Any]:
    """One or many, as a list."""
    return value if isinstance(value, list) else [value]


def verdict(role: str, action: str, resource: str) -> str:
    """What IAM says to an action on a resource: ``allowed``, ``denied``, or ``unsaid`` (refused too)."""
    found = {one["Effect"] for one in statements(role) if _applies(one, action, resource)}
    return "denied" if "Deny" in found else "allowed" if "Allow" in found else "unsaid"


def _applies(statement: dict[str, Any], action: str, resource: str) -> bool:
    if not any(fnmatchcase(action, pattern) for pattern in as_list(statement["Action"])):
        return False
    key = "Resource" if "Resource" in statement else "NotResource"
    hit = any(fnmatchcase(resource, resolved(one)) for one in as_list(statement[key]))
    return hit == (key == "Resource")
