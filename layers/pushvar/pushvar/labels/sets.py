"""Label sets put together: sorted, unique, never empty, and whose label wins."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pushvar.labels.tenancy import GUARDED

if TYPE_CHECKING:
    from collections.abc import Container, Iterable

    from pushvar.model import Labels


def sort_key(pair: tuple[str, str]) -> bytes:
    """Labels are ordered by the bytes of their names: upper case stands before ``__name__``."""
    return pair[0].encode()


def label_set(pairs: Iterable[tuple[str, str]]) -> Labels:
    """A sorted label set of these pairs: the last of a name wins, empty values are absent ones."""
    latest = dict(pairs)
    return tuple(sorted(((name, value) for name, value in latest.items() if value), key=sort_key))


def settle(
    payload: Labels, target: Container[str], *, honor: bool = False, guarded: Container[str] = GUARDED
) -> tuple[Labels, int]:
    """Rename what a payload may not say, and count it.

    ``target`` holds the label names of the target. A payload's label of such a name becomes
    ``exported_<name>`` (Prometheus' rule, repeated until the name is free); so does one of a
    ``guarded`` name that the target does not have. With ``honor`` the payload keeps the names that are not.
    """
    taken = {name for name, _ in payload}
    settled: list[tuple[str, str]] = []
    conflicts = 0
    for name, value in payload:
        free = name
        while free in guarded or (free in target and not honor):
            free = f"exported_{free}"
        if free != name:
            conflicts += 1
            while free in taken or free in target:
                free = f"exported_{free}"
            taken.add(free)
        settled.append((free, value))
    return tuple(settled), conflicts
