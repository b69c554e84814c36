"""What a path says of its number without any rule: name, type, labels.

Tailscale's ``counter_``, ``gauge_`` and ``labelmap_<label>_`` prefixes, keys that carry a label set
(``name{a="b"}``), keys of ``runtime/metrics``, and Prometheus' suffixes.

Sources: tailscale/tailscale ``tsweb/varz/varz.go``; prometheus/client_golang
``prometheus/internal/go_runtime_metrics.go``; golang/go ``src/runtime/metrics/description.go``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pushvar.labels.names import metric_name
from pushvar.labels.sets import label_set
from pushvar.model import MetricType

if TYPE_CHECKING:
    from pushvar.convert.structure import Path
    from pushvar.model import Labels

_COUNTER_SUFFIXES = ("_total", "_count", "_sum")
_PREFIXES = {"counter_": MetricType.COUNTER, "gauge_": MetricType.GAUGE}
_LABELMAP = re.compile(r"labelmap_(?!_)([a-zA-Z][a-zA-Z0-9]*)_(.+)", re.DOTALL)
_LABELLED = re.compile(r"([^{}]+)\{(.+)\}", re.DOTALL)
_PAIR = re.compile(r'\s*(?!__)([a-zA-Z_][a-zA-Z0-9_]*)\s*=\s*"((?:[^"\\]|\\.)*)"\s*(,|$)', re.DOTALL)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_RUNTIME = re.compile(r"/([a-z0-9-]+(?:/[a-z0-9-]+)+):([a-z0-9*/-]+)")
_CUMULATIVE = re.compile(
    r"/(cgo/go-to-c-calls:.*|cpu/classes/.*|gc/cycles/.*|gc/heap/(tiny/)?(allocs|frees):.*"
    r"|gc/(cleanups|finalizers)/(executed|queued):.*|godebug/non-default-behavior/.*"
    r"|sched/goroutines-created:.*|sync/mutex/wait/total:.*)"
)
"""Those of ``runtime/metrics`` that only grow; its other numbers are gauges."""


@dataclass(frozen=True, slots=True)
class Convention:
    """What a number is called; an empty name says that nothing nameable is there."""

    name: str
    type: MetricType
    labels: Labels = ()


def convention(path: Path) -> Convention:
    """Name, type and labels of the number at a path."""
    found = _runtime(path[-1])
    if found is not None:
        return found
    last, own = _label_set_of(path[-1])
    texts: list[str] = []
    pairs = list(own)
    kind: MetricType | None = None
    label = ""
    for key in (*path[:-1], last):
        if label:
            pairs.append((label, key.encode("utf-8", "replace").decode()))
            label = ""
            continue
        text, found_kind, label = _stripped(key)
        kind = found_kind or kind
        texts.append(text)
    if label:  # a labelmap_ key that is no map
        texts[-1] = path[-1]
    name = metric_name("_".join(texts))
    labels = label_set(pairs)
    by_suffix = MetricType.COUNTER if name.endswith(_COUNTER_SUFFIXES) else MetricType.UNKNOWN
    kind = kind or by_suffix
    if name and kind == MetricType.COUNTER and not name.endswith("_total"):
        name += "_total"
    return Convention(name, kind, labels)


def _stripped(key: str) -> tuple[str, MetricType | None, str]:
    """A key without its prefixes, the type they say, and the label that the next key is a value of."""
    kind = None
    for prefix, said in _PREFIXES.items():
        if key.startswith(prefix) and len(key) > len(prefix):
            key, kind = key.removeprefix(prefix), said
    labelled = _LABELMAP.fullmatch(key)
    if labelled:
        rest, inner, _ = _stripped(labelled[2])
        return rest, inner or kind, labelled[1]
    return key, kind, ""


def _label_set_of(key: str) -> tuple[str, Labels]:
    """The name in front of a label set in a key, and the set; the key itself where it carries none."""
    outer = _LABELLED.fullmatch(key)
    if outer is None:
        return key, ()
    text, pairs, at = outer[2], {}, 0
    while at < len(text):
        pair = _PAIR.match(text, at)
        if pair is None or pair[1] in pairs:
            return key, ()
        value = _ESCAPE.sub(lambda escape: "\n" if escape[1] == "n" else escape[1], pair[2])
        pairs[pair[1]] = value.encode("utf-8", "replace").decode()
        at = pair.end()
    return outer[1], label_set(pairs.items())


def _runtime(key: str) -> Convention | None:
    """``/gc/heap/allocs:bytes`` as client_golang names it."""
    found = _RUNTIME.fullmatch(key)
    if found is None:
        return None
    name = found[1].replace("/", "_").replace("-", "_")
    unit = found[2].replace("/", "_per_").replace("-", "_").replace("*", "_")
    if _CUMULATIVE.fullmatch(key):
        return Convention(f"go_{name}_{unit}_total", MetricType.COUNTER)
    return Convention(f"go_{name}_{unit}", MetricType.GAUGE)
