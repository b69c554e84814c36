"""Values on the command line: durations in Prometheus' grammar, ports, labels."""

from __future__ import annotations

import click


class DurationType(click.ParamType[float]):
    """``15s``, ``1m30s``, ``500ms``: seconds as a float."""

    name = "duration"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Parse, or fail with what to write instead."""
        from pushvar.config.grammar import duration
        from pushvar.errors import ConfigError

        if isinstance(value, float):
            return value
        try:
            parsed = duration(str(value))
        except ConfigError as error:
            self.fail(str(error), param, ctx)
        if not parsed:
            self.fail(f"{value!r} is no time; write 15s or 1m30s", param, ctx)
        return parsed.s


DURATION = DurationType()


class PaceType(DurationType):
    """A duration of at least a second: no target is scraped oftener."""

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Parse, or fail with what to write instead."""
        pace_s = super().convert(value, param, ctx)
        if pace_s < 1:
            self.fail("no target is fetched oftener than every second; write 1s or more", param, ctx)
        return pace_s


class LabelType(click.ParamType[tuple[str, str]]):
    """``name=value``; the configuration's own check says whether they are legal."""

    name = "label"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, str]:
        """Split, or fail with what to write instead."""
        if isinstance(value, tuple):
            return value
        name, equals, text = str(value).partition("=")
        if not name or not equals:
            self.fail(f"{value!r} is no label; write name=value", param, ctx)
        return name, text


PACE = PaceType()
LABEL = LabelType()
PORT = click.IntRange(0, 65_535)
