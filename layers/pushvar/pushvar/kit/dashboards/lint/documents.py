"""Rules on the dashboard as a whole, and its annotations."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from pushvar.kit.dashboards.lint.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pushvar.kit.dashboards.lint.findings import Reading

_UID = re.compile(r"[A-Za-z0-9_-]{1,40}")
_SCHEMAS = range(39, 43)
_WHERE = "dashboard"


def no_id(dashboard: dict[str, Any], _: Reading) -> Iterator[Finding]:
    """An id belongs to one Grafana: elsewhere it is another dashboard's."""
    if dashboard.get("id") is not None:
        yield Finding(_WHERE, "id", f"has the id {dashboard['id']!r} of some Grafana", "write null")


def stable_uid(dashboard: dict[str, Any], _: Reading) -> Iterator[Finding]:
    """Links lead to the uid, and a new version replaces the old one by it."""
    uid = dashboard.get("uid")
    if not isinstance(uid, str) or not _UID.fullmatch(uid):
        yield Finding(_WHERE, "uid", f"has the uid {uid!r}", "choose 1 to 40 letters, digits, - or _")


def schema_version(dashboard: dict[str, Any], _: Reading) -> Iterator[Finding]:
    """An old schema is migrated at every load, and what that makes is not what was tested."""
    version = dashboard.get("schemaVersion")
    if version not in _SCHEMAS:
        yield Finding(_WHERE, "schema-version", f"has schemaVersion {version!r}",
                      f"save it in a current Grafana: {_SCHEMAS.start} to {_SCHEMAS.stop - 1}")  # fmt: skip


def inputs(dashboard: dict[str, Any], reading: Reading) -> Iterator[Finding]:
    """A placeholder is filled in by the import page alone."""
    if reading.importing and "__inputs" not in dashboard:
        yield Finding(_WHERE, "inputs", "has no __inputs", "export it for sharing externally")
    if not reading.importing and ("__inputs" in dashboard or "__requires" in dashboard):
        yield Finding(_WHERE, "inputs", "has __inputs, which nobody fills in here",
                      "use a data source variable; or lint it with --flavour import")  # fmt: skip


def uneditable(dashboard: dict[str, Any], _: Reading) -> Iterator[Finding]:
    """What somebody changes in Grafana is gone with the next version."""
    if dashboard.get("editable") is not False:
        yield Finding(_WHERE, "uneditable", "may be edited in place", 'write "editable": false')


def browser_time(dashboard: dict[str, Any], _: Reading) -> Iterator[Finding]:
    """Whoever looks sees the clock on the wall."""
    if dashboard.get("timezone") not in ("browser", ""):
        yield Finding(_WHERE, "timezone", f"shows the time of {dashboard.get('timezone')!r}",
                      'write "timezone": "browser"')  # fmt: skip


RULES = (no_id, stable_uid, schema_version, inputs, uneditable, browser_time)
