"""Durations on the command line, in Prometheus' grammar."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from pushvar.config.values import Duration


class DurationType(click.ParamType[float]):
    """``15s``, ``1m30s``, ``500ms``: seconds as a float."""

    name = "duration"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Parse, or fail with the place."""
        from pushvar.config.grammar import duration

        if isinstance(value, float):
            return value
        try:
            parsed: Duration = duration(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)
        if not parsed:
            self.fail(f"{value!r} is no time; write 15s or 1m30s", param, ctx)
        return parsed.s


DURATION = DurationType()
