"""What reports say: what was mended, left out, not run, given up; each reason with its meaning."""

from __future__ import annotations

LINE_FAULTS: dict[str, str] = {
    "bad_line": "a line that is no sample was left out",
    "bad_name": "a line without a legal metric name was left out",
    "bad_labels": "a line with labels that cannot be read was left out",
    "duplicate_label": "a line that has a label twice was left out",
    "reserved_label": "a line with a label that begins with __ was left out",
    "too_many_labels": "a line with hundreds of labels was left out",
    "not_utf8": "a line that is not UTF-8 was left out",
    "bad_value": "a line whose value is no number was left out",
    "bad_timestamp": "a line whose timestamp cannot be used was left out",
    "long_line": "a line of more than 64 KiB was left out",
    "bad_metadata": "a HELP, TYPE or UNIT line without a legal name was left out",
    "bad_type": "a TYPE line with an unknown type was left out",
    "bad_unit": "a unit that its metric's name does not end in was left out",
    "repeated_metadata": "a second, different HELP or TYPE of a name was left out",
    "too_many_families": "HELP, TYPE or UNIT of one name too many was left out",
    "too_many_lines": "everything from this line on was left out: too many samples or faults",
    "after_eof": "a line after # EOF was left out",
    "no_eof": "the document does not end with # EOF: it may be cut off",
}
"""Why a line of exposition text was left out -> what that means."""

REPAIRS: dict[str, str] = {
    **LINE_FAULTS,
    "type_conflict": "a type that differs from the first one that this name was given, which stays",
    "non_finite": "a number that is NaN or infinite",
    "empty_value": "a variable without a value (a Func that JSON cannot say) was read as null",
    "go_escape": "a key quoted the Go way",
    "bare_text": "a variable that prints bare text was read as null",
    "invalid_utf8": "bytes that are not UTF-8 were replaced",
}
"""Kind of repair -> what it means; none of them costs more than the value it stands at."""

SKIPPED: dict[str, str] = {
    "held": "another writer holds this shard",
    "repeated": "this cycle was run before",
    "late": "the message came too late: the past cannot be scraped",
    "state": "the state store failed",
    "resharded": "an older plan gave it out: the targets are in other shards by now",
}
"""Why a shard's cycle was not run: the ``skipped`` of a report, in words."""

LEFT_OUT: dict[str, str] = {
    "unmatched": "no rule names it, and the job says unmatched: drop",
    "without_rule": "a text, a bool or a list that only a rule can name",
    "no_name": "its path has no character that a metric's name may have",
    "dropped": "a rule says action: drop",
    "null": "a variable without a value",
    "wrong_shape": "a rule matched it and could not use it",
    "duplicate": "another value has the same name and labels",
    "type_conflict": "another value of the same document gave its name another type",
    "reserved": "it has the name of a health series",
    "untimely": "its timestamp lies outside 1970..2109",
    "withheld": "a number that could not be said this time: a torn histogram, a text that is no number",
    "other": "another reason; pushvar show --explain has it",
}
"""Class of a leaf that gives no series -> why. What is as it should be (unused memstats) has no class."""

RELABELLED: dict[str, str] = {
    "dropped": "a step of metric_relabel_configs dropped it",
    "illegal": "metric_relabel_configs left no legal name or label",
    "duplicate": "metric_relabel_configs made it equal to another series",
    "type_conflict": "metric_relabel_configs gave it the name of a family of another type",
    "guarded": "metric_relabel_configs tried to change whose series it is; it was sent with its own labels",
}
"""What metric relabelling did to a series, other than rename it."""

SHED: dict[str, str] = {
    "budget_target": "its target has more series than tenancy.budgets.target_series",
    "budget_customer": "its customer has more series in this shard than tenancy.budgets gives it",
    "budget_label": "a label of it has more values than tenancy.budgets.label_values",
    "denied_label": "it has a label of tenancy.denied_labels",
}
"""Why a budget left a series out, for as long as the reason lasts."""

DROPPED: dict[str, str] = {
    "too_old": "waited past sample_age_limit (for a Pushgateway: an hour)",
    "resharded": "waited for longer than samples are kept while the number of shards was to change",
    "spool_full": "no room was left in the spool",
    "spool_failed": "the state store could not keep them",
    "refused": "the backend refuses these series (400)",
    "conflict": "the backend has other samples for these times (409)",
    "too_large": "a single series is too large for the backend (413)",
    "unauthorized": "the backend refuses the credentials (401 or 403)",
    "rejected": "the backend refuses the request (another 4xx)",
    "limited": "over a limit of the backend: 429 in three cycles without progress",
    "unsupported": "the backend does not speak this protocol (415)",
    "superseded": "a newer state of the group was pushed",
    "unrouted": "the target has not the labels that say whose request it goes in",
    "duplicate": "another series has its labels: write_relabel_configs gave them, or two jobs pushed it",
    "illegal": "write_relabel_configs gave it a name or labels that nobody may send",
    "fault": "pushvar's own fault",
}
"""Why samples were dropped: each is gone for good and counted under this reason."""
