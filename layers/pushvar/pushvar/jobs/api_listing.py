"""``/api/v1``: a customer's groups and the gateway's settings as JSON, in the form of a Pushgateway's API."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from msgspec.json import encode

from pushvar import __version__
from pushvar.jobs.listing import Labelled
from pushvar.jobs.packing import push_times, unpack_timed
from pushvar.model import MetricType
from pushvar.wire.exposition.golang import float_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pushvar.config.schema import Gateway
    from pushvar.model import Group, Labels
    from pushvar.wire.exposition import FamilySamples, PrintedSample

CONTENT_TYPE: Final = "application/json"

_TYPES: Final = {MetricType.UNKNOWN: "UNTYPED", MetricType.INFO: "GAUGE"}
_BOUNDS: Final = {MetricType.HISTOGRAM: ("le", "buckets"), MetricType.SUMMARY: ("quantile", "quantiles")}
_LIMITS: Final = (
    "ttl", "max_ttl", "interval", "group_limit", "body_size_limit", "sample_limit", "label_limit",
    "label_name_length_limit", "label_value_length_limit",
)  # fmt: skip


def metrics(groups: Iterable[Group]) -> bytes:
    """All groups, each with its labels, its families and whether its last push was taken."""
    return _success([_group(group) for group in groups])


def status(settings: Gateway, start_ms: int) -> bytes:
    """What runs, since when, and by which limits. No credential is among them."""
    flags = {f"gateway.{name}": str(getattr(settings, name)) for name in _LIMITS}
    build = {"version": __version__}
    return _success({"build_information": build, "flags": flags, "start_time": _time(start_ms)})


def number_text(value: float) -> str:
    """A number as Go prints it: shortest, with an exponent from 1e6 on."""
    return "-0" if value == 0 and str(value).startswith("-") else float_text(value)


def _success(data: object) -> bytes:
    return encode({"status": "success", "data": data})


def _group(group: Group) -> dict[str, Any]:
    head = group.head
    timed = [*unpack_timed(group.body)]
    pushed, failed = push_times(head)
    timed += [(pushed, head.pushed_ms), (failed, max(head.pushed_ms, head.failed_ms))]
    labelled = Labelled(head.grouping)
    families = {one.family.name: _family(one, time_ms, labelled) for one, time_ms in timed}
    said = {"labels": dict(head.grouping), "last_push_successful": head.failed_ms <= head.pushed_ms}
    return {**families, **said}


def _family(group: FamilySamples, time_ms: int, labelled: Labelled) -> dict[str, Any]:
    family = group.family
    help_text = {"help": family.help} if family.help else {}
    kind = _TYPES.get(family.type, family.type.value.upper())
    if family.type in _BOUNDS:
        shown = _distributions(group, labelled)
    else:
        shown = [_shown(labelled[one.labels], value=number_text(one.value)) for one in group.samples]
    return {"time_stamp": _time(time_ms), "type": kind, **help_text, "metrics": shown}


def _distributions(group: FamilySamples, labelled: Labelled) -> list[dict[str, Any]]:
    """Histograms or summaries, each of which is one metric here."""
    name = group.family.name
    label, bounded = _BOUNDS[group.family.type]
    found: dict[Labels, dict[str, Any]] = {}
    for sample in group.samples:
        bound, rest = _parted(sample, label)
        one = found.setdefault(rest, {bounded: {}, "count": "0", "sum": "0"})
        if sample.name == f"{name}_sum":
            one["sum"] = number_text(sample.value)
        elif sample.name == f"{name}_count":
            one["count"] = _count(sample.value)
        elif bounded == "buckets":
            one[bounded][bound] = _count(sample.value)
        else:
            one[bounded][bound] = number_text(sample.value)
    return [_shown(labelled[labels], **one) for labels, one in found.items()]


def _parted(sample: PrintedSample, label: str) -> tuple[str, Labels]:
    """The bound of a sample, and its other labels."""
    labels = dict(sample.labels)
    bound = labels.pop(label, "")
    return bound, tuple(labels.items())


def _shown(labels: Labels, **said: object) -> dict[str, Any]:
    return {"labels": dict(labels), **said}


def _count(value: float) -> str:
    return str(int(value)) if value.is_integer() else number_text(value)


@lru_cache(maxsize=1_024)
def _time(time_ms: int) -> str:
    """RFC 3339, in UTC."""
    return (
        datetime.fromtimestamp(time_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    )
