"""Series in minutes, told to promtool: which alerts fire when. One process judges many scenes.

Values are written as promtool has them: ``5x9`` is ten times 5, ``0+6x9`` grows by 6, ``_x9`` are nine
samples that are missing and ``stale`` is a marker that ends the series.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pushvar.kit.rules import set_of
from pushvar.kit.settings import KitSettings

from tests.programs.commands import promtool

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

HOUR, DAY = 60, 1440  # minutes
LONG = 150

SERVICE = 'customer_id="acme", service_domain="pay", sla_tier="gold", job="pay", team="payment"'
"""Whose the series of most scenes are."""
ONE, TWO = f'{SERVICE}, instance="a:1"', f'{SERVICE}, instance="b:1"'
SHARD = 'customer_id="default", job="pushvar", instance="shard-0"'
LANE = f'{SHARD}, backend="main"'

ALWAYS = {"Silent", "DeadMansSwitch"}
"""What fires in scenes that have nothing of pushvar itself; scenes about them say so."""


@dataclass(frozen=True, slots=True)
class Scene:
    """``fires`` has, by minute, exactly the alerts that fire then, without ALWAYS and without their prefix.

    ``values`` has, by minute, expressions and what each gives, to five places.
    """

    title: str
    series: Mapping[str, str]
    fires: Mapping[int, set[str]] = field(default_factory=dict)
    values: Mapping[int, Mapping[str, float]] = field(default_factory=dict)
    always: bool = False

    @property
    def long(self) -> bool:
        """Whether it takes hours, and is judged every five minutes."""
        return max((*self.fires, *self.values)) > LONG

    def as_test(self, step: str) -> dict[str, Any]:
        """In promtool's words."""
        unless = (
            "" if self.always else f', alertname!~"{"|".join(f"Pushvar{one}" for one in sorted(ALWAYS))}"'
        )
        shown = f'count by (alertname) (ALERTS{{alertstate="firing"{unless}}} > 0) * 0 + 1'
        queries = [
            {
                "expr": shown,
                "eval_time": f"{minute}m",
                "exp_samples": [
                    {"labels": f'{{alertname="Pushvar{one}"}}', "value": 1} for one in sorted(fired)
                ],
            }
            for minute, fired in self.fires.items()
        ]
        for minute, wanted in self.values.items():
            queries += [
                {
                    "expr": f"round(100000 * max({expr}))",
                    "eval_time": f"{minute}m",
                    "exp_samples": [{"labels": "{}", "value": round(100_000 * value)}],
                }
                for expr, value in wanted.items()
            ]
        series = [{"series": name, "values": text} for name, text in self.series.items()]
        return {"name": self.title, "interval": step, "input_series": series, "promql_expr_test": queries}


def judge(
    folder: Path,
    sets: Sequence[str],
    scenes: Sequence[Scene],
    settings: KitSettings | None = None,
    *,
    every: str = "1m",
    step: str = "1m",
) -> None:
    """Fail unless everything is as the scenes say, and say what promtool said.

    ``every`` is how often rules are evaluated, ``step`` the time from one sample to the next.
    """
    for name in sets:
        (folder / f"{name}.yml").write_text(set_of(name, settings or KitSettings()).text, "utf-8")
    document = {
        "rule_files": [f"{name}.yml" for name in sets],
        "evaluation_interval": every,
        "tests": [one.as_test(step) for one in scenes],
    }
    (folder / "test.json").write_text(json.dumps(document), "utf-8")  # which is YAML too
    done = promtool("test", "rules", folder / "test.json", timeout_s=300)
    assert done.returncode == 0, done.stdout + done.stderr
