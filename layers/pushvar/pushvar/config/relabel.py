"""A relabelling step as it stands in a configuration: its keys, their grammars, which go together.

Source: Prometheus' documentation, "relabel_config"; model/relabel/relabel.go (Validate).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated

from msgspec import Meta

from pushvar.catalogue import LABEL_NAME
from pushvar.config.grammar import quoted, refused
from pushvar.config.problems import Finding
from pushvar.config.values import Block

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from pushvar.config.problems import Path

SourceLabel = Annotated[str, Meta(extra={"grammar": "source_label"})]
Regex = Annotated[str, Meta(extra={"grammar": "regex"})]
Action = Annotated[str, Meta(extra={"grammar": "relabel_action"})]
Modulus = Annotated[int, Meta(ge=0)]
MatchLabel = Annotated[str, Meta(extra={"grammar": "external_label_name"})]

Match = tuple[tuple[MatchLabel, Regex], ...]
"""Our own: which targets a backend is sent. Each label of a target, external ones among them, must match."""


class RelabelConfig(Block, frozen=True, kw_only=True):
    """One step of relabel_configs, metric_relabel_configs or write_relabel_configs."""

    source_labels: tuple[SourceLabel, ...] = ()
    separator: str = ";"
    target_label: str = ""
    regex: Regex = "(.*)"
    modulus: Modulus = 0
    replacement: str = "$1"
    action: Action = "replace"


ACTIONS = {
    "replace": "source_labels separator regex target_label replacement",
    "keep": "source_labels separator regex",
    "drop": "source_labels separator regex",
    "hashmod": "source_labels separator target_label modulus",
    "labelmap": "regex replacement",
    "labeldrop": "regex",
    "labelkeep": "regex",
    "lowercase": "source_labels separator target_label",
    "uppercase": "source_labels separator target_label",
    "keepequal": "source_labels target_label",
    "dropequal": "source_labels target_label",
}
"""Action -> the keys that it reads."""

_REFUSED = {
    "labeldrop": "source_labels separator target_label modulus replacement",
    "labelkeep": "source_labels separator target_label modulus replacement",
    "keepequal": "separator regex modulus replacement",
    "dropequal": "separator regex modulus replacement",
    "lowercase": "replacement",
    "uppercase": "replacement",
}
"""Action -> the keys that Prometheus refuses beside it; it overlooks what else an action does not read."""

_TEMPLATE_NAME = re.compile(r"(?:[a-zA-Z_]|\$\{\w+\}|\$\w)(?:\w|\$\{\w+\}|\$\w)*", re.ASCII)
_DEFAULT = RelabelConfig()


def source_label(value: str) -> str:
    """The name of a label to read: any legal one, ``__name__`` and ``__address__`` among them."""
    if not LABEL_NAME.fullmatch(value):
        raise refused(f"{quoted(value)} is not a label name")
    return value


def regex(value: str) -> str:
    """A regular expression of RE2, Prometheus' dialect. It is matched against the whole text."""
    import re2

    options = re2.Options()
    options.log_errors = False
    try:
        re2.compile(f"^(?s:{value})$", options)
    except (re2.error, UnicodeEncodeError) as error:
        reason = error.args[0]
        reason = reason.decode(errors="replace") if isinstance(reason, bytes) else str(error)
        raise refused(
            f"{quoted(value)} is not a regular expression: {reason}",
            "the dialect is RE2: no look-around, no back references",
        ) from None
    return value


def relabel_action(value: str) -> str:
    """What a step does; upper and lower case are the same."""
    action = value.lower()
    if action not in ACTIONS:
        raise refused(f"{quoted(value)} is not an action", f"the actions are {', '.join(ACTIONS)}")
    return action


GRAMMARS: dict[str, Callable[[str], str]] = {
    function.__name__: function for function in (source_label, regex, relabel_action)
}
"""Name in the schema -> function."""


def relabel_findings(steps: Iterable[RelabelConfig], path: Path) -> Iterator[Finding]:
    """What is wrong with steps that stand as a list at ``path``: keys that miss or do not go together."""
    for index, step in enumerate(steps):
        own: Path = (*path, index)
        if step.action not in ACTIONS:  # told already where it stands
            continue
        yield from _not_read(step, own)
        if "target_label" in ACTIONS[step.action].split():
            yield from _target_label(step, own)
        if step.action == "labelmap" and not _TEMPLATE_NAME.fullmatch(step.replacement):
            yield Finding(
                (*own, "replacement"),
                f"{quoted(step.replacement)} makes no label name",
                "write $1 or prefix_$1",
            )
        if step.action == "hashmod" and not step.modulus:
            yield Finding((*own, "modulus"), "required", "hashmod needs a number above 0")


def _not_read(step: RelabelConfig, path: Path) -> Iterator[Finding]:
    hint = f"{step.action} takes {' and '.join(ACTIONS[step.action].split())} only; remove it"
    for key in _REFUSED.get(step.action, "").split():
        if getattr(step, key) != getattr(_DEFAULT, key):
            yield Finding((*path, key), f"not used by {step.action}", hint, ((*path, "action"),))


def _target_label(step: RelabelConfig, path: Path) -> Iterator[Finding]:
    own: Path = (*path, "target_label")
    if not step.target_label:
        yield Finding(own, "required", f"{step.action} needs the name of a label", ((*path, "action"),))
        return
    legal = _TEMPLATE_NAME if step.action == "replace" else LABEL_NAME
    if not legal.fullmatch(step.target_label):
        hint = "letters, digits and _, the first no digit" + (", and $1" if legal is _TEMPLATE_NAME else "")
        yield Finding(own, f"{quoted(step.target_label)} is not a label name", hint)
