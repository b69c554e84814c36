"""The groups that a gateway holds, out of the JSON of its ``/api/v1/metrics``: one line for each."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pushvar.catalogue import BATCH_PREFIX
from pushvar.errors import PushError

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class HeldGroup:
    """A group: its labels, and what it says of its job, None where it says nothing. Times are Unix seconds.

    ``pushed_s`` is the last push that was taken, ``refused`` whether the last one was not.
    """

    labels: tuple[tuple[str, str], ...]
    pushed_s: float | None
    refused: bool
    success_s: float | None
    running: bool | None
    exit_code: int | None

    @property
    def job(self) -> str:
        """The job's name."""
        return dict(self.labels).get("job", "")

    @property
    def others(self) -> tuple[tuple[str, str], ...]:
        """Its labels but for the job."""
        return tuple(pair for pair in self.labels if pair[0] != "job")


def held_groups(document: str) -> list[HeldGroup]:
    """All groups of an answer, by job and labels. Raises PushError for what is no such answer."""
    try:
        groups = [_group(one) for one in json.loads(document)["data"]]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        hint = "is the URL that of a gateway or Pushgateway?"
        raise PushError("the answer is no list of groups", hint=hint) from None
    return sorted(groups, key=lambda group: (group.job, group.others))


def _group(found: Mapping[str, Any]) -> HeldGroup:
    labels = tuple(sorted((str(name), str(value)) for name, value in found["labels"].items()))
    running, code = _value(found, f"{BATCH_PREFIX}running"), _value(found, f"{BATCH_PREFIX}last_exit_code")
    return HeldGroup(
        labels,
        _value(found, "push_time_seconds") or None,
        found.get("last_push_successful") is False,
        _value(found, f"{BATCH_PREFIX}last_success_timestamp_seconds"),
        None if running is None else bool(running),
        None if code is None else int(code),
    )


def _value(group: Mapping[str, Any], name: str) -> float | None:
    """The value of a family with one series."""
    metrics = group.get(name, {}).get("metrics", ())
    return float(metrics[0]["value"]) if len(metrics) == 1 else None
