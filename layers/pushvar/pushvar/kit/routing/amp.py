"""Amazon Managed Prometheus: the same tree with SNS as the only way out, and a stack that brings it there.

Source: Amazon Managed Service for Prometheus user guide, "Alert manager": receivers are SNS topics, sigv4
needs a region, and the definition stands as text under ``alertmanager_config``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pushvar.kit.routing import tree
from pushvar.kit.rule_files import yaml_text
from pushvar.kit.rules import names, set_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pushvar.kit.settings import KitSettings

_HEAD = (
    "Made by `pushvar kit routing amp`: the alert manager definition of a workspace. Put the ARNs of your",
    "SNS topics there; the workspace needs sns:Publish and sns:GetTopicAttributes on them.",
    "",
    "aws amp create-alert-manager-definition --workspace-id ws-... --data fileb://alertmanager.yml",
)
_STACK_HEAD = (
    "Made by `pushvar kit routing amp`: a workspace with alert manager definition and rules as a stack. (A",
    "workspace that is there already takes alertmanager.yml by `aws amp`: CloudFormation has the definition",
    "as a property of a workspace only.) It is larger than CloudFormation takes directly: `sam deploy` puts",
    "it into a bucket first.",
)
_SUBJECT = "{{ .CommonLabels.priority }} {{ .CommonLabels.alertname }}"
_TOPIC = "arn:aws:sns:eu-west-1:123456789012:pushvar-"


def amp_definition(teams: Sequence[str]) -> str:
    """The definition's file."""
    topics = {name: _TOPIC + name for name in tree.receivers(teams)}
    return yaml_text(_HEAD, {"alertmanager_config": _configuration(topics, "eu-west-1", teams)})


def _configuration(topics: dict[str, str], region: str, teams: Sequence[str]) -> str:
    receivers = [
        {
            "name": name,
            "sns_configs": [
                {
                    "topic_arn": topic,
                    "sigv4": {"region": region},
                    "subject": _SUBJECT,
                    "attributes": {"priority": "{{ .CommonLabels.priority }}"},
                }
            ],
        }
        for name, topic in topics.items()
    ]
    return yaml_text((), {**tree.as_tree(teams), "receivers": receivers})


def amp_template(settings: KitSettings, teams: Sequence[str]) -> str:
    """The stack: a workspace with its definition and a namespace for each set; topics are its parameters."""
    topics = {name: f"{_words(name)}Topic" for name in tree.receivers(teams)}
    parameters = {
        parameter: {"Type": "String", "Description": f"ARN of the SNS topic of the receiver {name}"}
        for name, parameter in topics.items()
    }
    given = {name: f"${{{parameter}}}" for name, parameter in topics.items()}
    text = yaml_text((), {"alertmanager_config": _configuration(given, "${AWS::Region}", teams)})
    workspace = {"Alias": "pushvar", "AlertManagerDefinition": {"Fn::Sub": text}}
    write = {"Fn::Sub": "${Workspace.PrometheusEndpoint}api/v1/remote_write"}
    document = {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": "A workspace of Amazon Managed Prometheus with pushvar's rules and routing.",
        "Parameters": parameters,
        "Resources": {
            "Workspace": {"Type": "AWS::APS::Workspace", "Properties": workspace},
            **{f"{_words(name)}Rules": _namespace(name, settings) for name in names()},
        },
        "Outputs": {"RemoteWriteUrl": {"Description": "For remote_write of pushvar.", "Value": write}},
    }
    return yaml_text(_STACK_HEAD, document)


def _namespace(name: str, settings: KitSettings) -> dict[str, Any]:
    properties = {
        "Workspace": {"Ref": "Workspace"},
        "Name": f"pushvar-{name}",
        "Data": set_of(name, settings).text,
    }
    return {"Type": "AWS::APS::RuleGroupsNamespace", "Properties": properties}


def _words(name: str) -> str:
    """``infra-oncall`` as CloudFormation names things: ``InfraOncall``."""
    return "".join(part.capitalize() for part in name.replace("_", "-").split("-"))
