"""ministack, made more like AWS where this deployment needs it, and asked by everyone for leave.

Run by ministack's own interpreter, with a file to note permissions in; it imports nothing of the tests.
Functions have the session of their role, signatures are checked, and each call is judged by the role's
policies (AUTH=true). What ministack 1.5.33 does not do and AWS does:

- A read of parameters by path is judged by the path that is asked for; ministack judges it on ``*``.
- A batch of a queue's messages needs the right on one message; ministack knows a right on batches.
- ``MaximumConcurrency`` may come from a parameter of the template, which is a text by then.
- SAM's transform knows the values of the template's parameters: what depends on them is published anew.
- An alarm may be on an expression of several metrics; here it stands with the first of them. None rings here.
- Calls of this machine count as calls over TLS; the state bucket takes no others.
- The schedule's context attributes are filled in when it fires.

Every permission that a role was asked for is a line of the file: role, action, resource, whether it was
given.
"""

from __future__ import annotations

import importlib
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

SCHEDULED_TIME = "<aws.scheduler.scheduled-time>"

app: Any = importlib.import_module("ministack.app")
actions: Any = importlib.import_module("ministack.core.iam_actions")
evaluator: Any = importlib.import_module("ministack.core.iam_evaluator")
provisioners: Any = importlib.import_module("ministack.services.cloudformation.provisioners")
engine: Any = importlib.import_module("ministack.services.cloudformation.engine")
changesets: Any = importlib.import_module("ministack.services.cloudformation.changesets")
handlers: Any = importlib.import_module("ministack.services.cloudformation.handlers")
sam: Any = importlib.import_module("samtranslator.translator.transform")
events: Any = importlib.import_module("ministack.services.eventbridge")
functions: Any = importlib.import_module("ministack.services.lambda_svc")

_action_of = actions.extract_iam_action
_resource_of = actions.extract_resource_arn
_enforce = evaluator.enforce
_condition_key = evaluator._resolve_condition_key
_concurrency = functions._sqs_esm_concurrency
_apply_transforms = engine._apply_transforms
_transform = sam.transform
_alarm = provisioners._cw_metric_alarm_record
_invoke_target = events._invoke_target


def action_of(service: str, *request: Any) -> str | None:
    """Name the action that a request needs leave for; None when it needs none."""
    found: str | None = _action_of(service, *request)
    return found.removesuffix("Batch") if service == "sqs" and found else found


def resource_of(service: str, method: str, path: str, headers: Any, body: bytes, *more: Any) -> str:
    """Name the resource of a request; of a read by path, the path."""
    found: str = _resource_of(service, method, path, headers, body, *more)
    if service == "ssm" and found == "*" and "GetParametersByPath" in headers.get("x-amz-target", ""):
        region, account = more[-2:]
        return f"arn:aws:ssm:{region}:{account}:parameter{json.loads(body)['Path']}"
    return found


def condition_key(key: str, context: Any) -> Any:
    """Give what a condition of a policy asks about a call."""
    return "true" if key.lower() == "aws:securetransport" else _condition_key(key, context)


class Asked:
    """Judges like ministack, and notes what roles asked for."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def enforce(self, key: str, action: str, service: str, region: str, *more: Any, **named: Any) -> Any:
        """Judge one call; None is leave."""
        denied = _enforce(key, action, service, region, *more, **named)
        caller = evaluator.resolve_credential(key)
        role = getattr(caller, "principal_arn", "").split("assumed-role/")[-1].partition("/")[0]
        if getattr(caller, "principal_type", "") == "AssumedRole":
            resource = named.get("resource_arn", more[0] if more else "*")
            line = {"role": role, "action": action, "resource": resource, "given": denied is None}
            with self.file.open("a") as file:
                file.write(json.dumps(line) + "\n")
        return denied


def concurrency(mapping: dict[str, Any], *more: Any) -> Any:
    """Say how many batches of a queue may be in hand, with the number as a number."""
    scaling = mapping.get("ScalingConfig") or {}
    if isinstance(scaling.get("MaximumConcurrency"), str):
        scaling["MaximumConcurrency"] = int(scaling["MaximumConcurrency"])
    return _concurrency(mapping, *more)


def transformed(template: dict[str, Any], given: Any = None, before: Any = None) -> Any:
    """Give what a template becomes by its transforms, with the values given, or those from before."""
    values = engine._transform_parameters(template, given, before)
    sam.transform = lambda text, _none, policies: _transform(text, values, policies)
    return _apply_transforms(template, given, before)


def alarm(name: str, properties: dict[str, Any]) -> Any:
    """Make an alarm of a template."""
    queries = properties.get("Metrics")
    if not queries:
        return _alarm(name, properties)
    first = next(query["MetricStat"]["Metric"] for query in queries if "MetricStat" in query)
    plain = {key: value for key, value in properties.items() if key != "Metrics"}
    return _alarm(name, {**plain, **first})


def invoke_target(target: dict[str, Any], event: dict[str, Any], *more: Any) -> Any:
    """Fire at a target, with the scheduled time in its input."""
    time = datetime.fromtimestamp(int(event.get("Time", 0)), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    text = target.get("Input", "")
    filled = {**target, "Input": text.replace(SCHEDULED_TIME, time)} if SCHEDULED_TIME in text else target
    return _invoke_target(filled, event, *more)


def main() -> None:
    """Serve; the file comes from the command line, everything else from ministack's variables."""
    asked = Asked(Path(sys.argv.pop()))
    actions.extract_iam_action = action_of
    actions.extract_resource_arn = resource_of
    evaluator._resolve_condition_key = condition_key
    evaluator.enforce = asked.enforce
    functions._sqs_esm_concurrency = concurrency
    changesets._apply_transforms = handlers._apply_transforms = transformed
    provisioners._cw_metric_alarm_record = alarm
    events._invoke_target = invoke_target
    app.main()


if __name__ == "__main__":
    main()
