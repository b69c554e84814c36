"""The template as CloudFormation gets it: SAM's part done, conditions and parameters resolved."""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from tests.components import REPOSITORY, sam
from tests.functions.cloudformation import TEMPLATE, template

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

NOTHING = {"Ref": "AWS::NoValue"}

_GIVEN = "${"


@dataclass(frozen=True)
class Stack:
    """A transformed template with the parameters that it was deployed with."""

    body: Mapping[str, Any]
    given: Mapping[str, str]

    @cached_property
    def parameters(self) -> dict[str, str]:
        """Each parameter's value, a default where none was given."""
        defaults = {name: str(one["Default"]) for name, one in self.body["Parameters"].items()}
        return {**defaults, **self.given}

    @cached_property
    def resources(self) -> dict[str, Any]:
        """Logical name -> resource with its functions evaluated, of those whose condition holds."""
        return {name: self.value(one) for name, one in self.body["Resources"].items() if self._is_there(one)}

    @cached_property
    def outputs(self) -> dict[str, Any]:
        """Name -> output, of those whose condition holds."""
        return {name: self.value(one) for name, one in self.body["Outputs"].items() if self._is_there(one)}

    def of_type(self, kind: str) -> dict[str, Any]:
        """Logical name -> resource, of those of one type."""
        return {name: one for name, one in self.resources.items() if one["Type"] == kind}

    def holds(self, condition: str) -> bool:
        """Whether a condition is true."""
        return bool(self.value(self.body["Conditions"][condition]))

    def value(self, said: Any) -> Any:
        """Evaluate what can be known before there are resources; the rest stays as it is."""
        if isinstance(said, list):
            return [one for one in map(self.value, said) if one != NOTHING]
        if not isinstance(said, dict):
            return said
        if len(said) == 1:
            (function, about), *_ = said.items()
            if function == "Fn::If":
                return self.value(about[1] if self.holds(about[0]) else about[2])
            if known := getattr(self, f"_{function.removeprefix('Fn::').lower()}", None):
                return known(about if function in {"Ref", "Condition"} else self.value(about))
        found = {name: self.value(one) for name, one in said.items()}
        return {name: one for name, one in found.items() if one != NOTHING}

    def _is_there(self, one: Mapping[str, Any]) -> bool:
        return "Condition" not in one or self.holds(one["Condition"])

    def _ref(self, name: str) -> Any:
        return self.parameters.get(name, {"Ref": name})

    def _equals(self, both: list[Any]) -> bool:
        return str(both[0]) == str(both[1])

    def _not(self, one: list[Any]) -> bool:
        return not one[0]

    def _and(self, all_of: list[Any]) -> bool:
        return all(all_of)

    def _findinmap(self, path: list[str]) -> Any:
        return self.body["Mappings"][path[0]][path[1]][path[2]]

    def _select(self, chosen: list[Any]) -> Any:
        return chosen[1][int(chosen[0])]

    def _split(self, parts: list[str]) -> list[str]:
        return parts[1].split(parts[0])

    def _sub(self, about: Any) -> Any:
        text, more = (about, {}) if isinstance(about, str) else about
        known = {**self.parameters, **{name: one for name, one in more.items() if isinstance(one, str)}}
        done = re.sub(r"\$\{(\w+)\}", lambda name: known.get(name[1], name[0]), text)
        return {"Fn::Sub": done} if _GIVEN in done else done


def transformed(*sets: Mapping[str, str], uploads: Mapping[str, str] | None = None) -> list[Stack]:
    """The template for each set of parameters; ``uploads`` are other builds of functions or the layer."""
    asked = {"template": str(TEMPLATE), "sets": sets, "uploads": uploads or {}}
    done = subprocess.run(
        [sam.find_sam().with_name("python"), REPOSITORY / "tests" / "functions" / "sam_transform.py"],
        input=json.dumps(asked), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return [Stack(body, given) for body, given in zip(json.loads(done.stdout), sets, strict=True)]


def references(said: Any) -> Iterator[str]:
    """The logical names that a value refers to, by Ref, GetAtt, Sub or DependsOn."""
    if isinstance(said, list):
        for one in said:
            yield from references(one)
    elif isinstance(said, dict):
        for name, about in said.items():
            yield from _named(name, about)


def _named(name: str, about: Any) -> Sequence[str] | Iterator[str]:
    match name, about:
        case "Ref", str():
            return [about]
        case "Fn::GetAtt", [str(), *_]:
            return [about[0]]
        case "Fn::GetAtt", str():
            return [about.partition(".")[0]]
        case "Fn::Sub", str():
            return re.findall(r"\$\{([\w:]+)", about)
        case "DependsOn", _:
            return about if isinstance(about, list) else [about]
        case _:
            return references(about)


def parameters() -> dict[str, Any]:
    """The template's parameters as it declares them."""
    declared: dict[str, Any] = template()["Parameters"]
    return declared
