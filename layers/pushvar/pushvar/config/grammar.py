"""The grammars of single texts: durations, sizes, labels, customers, file patterns, secret references.

Each function takes the text as it stands in the document and gives its value, or raises a
``ConfigError`` without a path: who reads the document adds path and place. No function puts a
secret into its message. What goes over HTTP has its grammars in ``config.web``.

Sources: Prometheus' documentation ("Configuration": duration, size, label name),
prometheus/common model/time.go, prometheus discovery/file.
"""

from __future__ import annotations

import json
import re

from pushvar.catalogue import LABEL_NAME
from pushvar.config.values import Duration, SecretRef
from pushvar.errors import ConfigError

_SHOWN_CHARS = 60
_MAX_INT64 = 2**63 - 1
_NS_PER_MS = 1_000_000

_DURATION = re.compile(
    r"(?:(\d+)y)?(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?(?:(\d+)ms)?", re.ASCII
)
_DURATION_MS = (365 * 86_400_000, 7 * 86_400_000, 86_400_000, 3_600_000, 60_000, 1_000, 1)
_SIZE_PART = re.compile(r"(\d+\.?\d*|\.\d+)([KMGTPE]i?B|B)", re.ASCII)
_SIZE_POWERS = (
    "BKMGTPE"  # 1024 to the power of the index, for KB and KiB alike (alecthomas/units, Base2Bytes)
)
_CUSTOMER_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", re.ASCII)
_SD_PATTERN = re.compile(r"[^*]*(\*[^/]*)?\.(json|yml|yaml|JSON|YML|YAML)")
_SECRETS = {
    "env": (re.compile(r"[A-Za-z_][A-Za-z0-9_]*"), "", ""),
    "file": (re.compile(r"[^\0]+"), "", ""),
    "ssm": (
        re.compile(r"(/[A-Za-z0-9_.-]+)+"),
        "not the full name of a parameter",
        "write ssm:/pushvar/prod/secrets/NAME",
    ),
    "secretsmanager": (
        re.compile(r"[A-Za-z0-9/_+=.@:-]+(#[^\0#]+)?"),
        "not the name of a secret",
        "write secretsmanager:NAME (or its ARN), and #KEY for one value of a JSON object",
    ),
}
"""Where a secret may be -> its names there; problem and hint where any text shows that it is meant."""

_EXPANSION = re.compile(r"\$\{?\w")

CONTROL_LABELS = {
    "__address__": "targets",
    "__scheme__": "scheme",
    "__metrics_path__": "metrics_path",
    "__scrape_interval__": "scrape_interval",
    "__scrape_timeout__": "scrape_timeout",
}
"""Labels that steer a scrape in Prometheus -> the key that does it here. ``__param_<name>`` is one too."""


def quoted(text: str) -> str:
    """The text as a message shows it: in quotes, escaped, cut when long."""
    shown = text if len(text) <= _SHOWN_CHARS else text[:_SHOWN_CHARS] + "..."
    return json.dumps(shown, ensure_ascii=False)


def refused(problem: str, hint: str = "") -> ConfigError:
    """An error that waits for its path and place."""
    return ConfigError("", problem, hint=hint)


def text(value: str) -> str:
    """Any text that is not blank."""
    if not value.strip():
        raise refused("is empty", "write a name")
    return value


def path(value: str) -> str:
    """A path of a file; empty means none."""
    if "\0" in value:
        raise refused(f"{quoted(value)} is not a path")
    return value


def duration(value: str) -> Duration:
    """Prometheus' duration: ``1h30m``, ``100ms``, ``0``; a year has 365 days."""
    found = _DURATION.fullmatch(value)
    if value == "0":
        return Duration(0)
    if not value or found is None:
        hint = (
            f"a duration has a unit: {value}s"
            if value.isascii() and value.isdigit()
            else "write 15s or 1m30s"
        )
        raise refused(f"{quoted(value)} is not a duration", hint)
    if len(value) <= _SHOWN_CHARS:
        total_ms = sum(int(n) * unit_ms for n, unit_ms in zip(found.groups("0"), _DURATION_MS, strict=True))
        if total_ms * _NS_PER_MS <= _MAX_INT64:
            return Duration(total_ms)
    raise refused(f"{quoted(value)} is too long a time", "the longest is 292y")


def positive_duration(value: str) -> Duration:
    """A duration above 0."""
    if span := duration(value):
        return span
    raise refused(f"{quoted(value)} is not above 0", "write a duration such as 30s")


def size(value: str) -> int:
    """A size in bytes as Prometheus writes it: ``8MB`` and ``8MiB`` are the same 8 x 1024 x 1024."""
    if value == "0":
        return 0
    parts = _SIZE_PART.findall(value) if len(value) <= _SHOWN_CHARS else []
    if not parts or "".join(number + unit for number, unit in parts) != value:
        hint = (
            "a size has a unit: B, KB, MB, GB"
            if value.isascii() and value.isdigit()
            else "write 512KB or 8MB"
        )
        raise refused(f"{quoted(value)} is not a size", hint)
    total = sum(float(number) * 1024 ** _SIZE_POWERS.index(unit[0]) for number, unit in parts)
    if total >= _MAX_INT64:
        raise refused(f"{quoted(value)} is too large", "the largest is 7EB")
    return int(total)


def secret(value: str) -> SecretRef:
    """A reference to a secret. Never shows the text, which may be the secret itself."""
    scheme, _, name = value.partition(":")
    form, problem, hint = _SECRETS.get(scheme, (None, "", ""))
    if form is not None and form.fullmatch(name):
        return SecretRef(scheme, name)
    if problem:
        raise refused(problem, hint)
    raise refused(
        "a secret may not stand in a configuration",
        "write where it is found: env:NAME, file:PATH, ssm:/PATH or secretsmanager:NAME",
    )


def legal_label_name(name: str) -> str:
    """The nearest legal label name: every other character becomes an underscore."""
    legal = re.sub(r"[^a-zA-Z0-9_]", "_", name)
    return f"_{legal}" if legal[:1].isdigit() else legal


def label_name(value: str) -> str:
    """The name of a target label. ``__*`` names are read (and dropped later) unless they steer a scrape."""
    if value in CONTROL_LABELS or value.startswith("__param_"):
        instead = CONTROL_LABELS.get(value, "params")
        raise refused("not supported as a label", f"give {instead} in the scrape config")
    if not LABEL_NAME.fullmatch(value):
        raise _no_label_name(value)
    return value


def external_label_name(value: str) -> str:
    """The name of an external label: legal, and not one of the reserved ``__*``."""
    if value.startswith("__") or not LABEL_NAME.fullmatch(value):
        raise _no_label_name(value)
    return value


def _no_label_name(value: str) -> ConfigError:
    nearest = legal_label_name(value.lstrip("_"))
    return refused(f"{quoted(value)} is not a label name", f"write {nearest}" if nearest else "")


def file_label_name(value: str) -> str:
    """The name of a label in a file_sd file, made legal (``app.kubernetes.io/name`` and its kind)."""
    if not value:
        raise refused("a label has no name")
    return legal_label_name(value)


def external_label_value(value: str) -> str:
    """The value of an external label. Prometheus would put environment variables into it; we do not."""
    if _EXPANSION.search(value):
        raise refused("environment variables are not expanded", "write the value itself")
    return value


def customer_id(value: str) -> str:
    """A customer's name: the characters that every backend takes in a tenant."""
    if not _CUSTOMER_ID.fullmatch(value):
        hint = "letters, digits, '_', '.' and '-', at most 64, the first a letter or digit"
        raise refused(f"{quoted(value)} is not a customer_id", hint)
    return value


def sd_pattern(value: str) -> str:
    """Files of a file_sd config: ``*`` only in the last segment, .json, .yml or .yaml."""
    if "\0" in value or not _SD_PATTERN.fullmatch(value):
        hint = "it ends in .json, .yml or .yaml; * may stand only after the last /"
        raise refused(f"{quoted(value)} is not a file pattern", hint)
    return value


GRAMMARS = {
    function.__name__: function
    for function in (
        text, path, duration, positive_duration, size, secret, label_name, external_label_name,
        file_label_name, external_label_value, customer_id, sd_pattern,
    )
}  # fmt: skip
"""Name in the schema -> function."""
