"""Our own metrics, as Prometheus' own tool judges them."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from pushvar.catalogue import SELF_METRICS
from pushvar.convert.own_metrics import own_scrape, own_stamp, series_key
from pushvar.wire.exposition import FamilySamples, PrintedSample, text

if TYPE_CHECKING:
    from pathlib import Path


def test_promtool_finds_nothing_to_say(promtool: Path) -> None:
    """Names, types, units and help of all rows are as Prometheus' rules for metrics want them."""
    numbers = {
        series_key(row.family.name, **dict.fromkeys(row.labels, "a")): 1.0
        for row in SELF_METRICS
        if row.family.name != "pushvar_build_info"
    }
    shape = own_scrape(own_stamp("0", {"customer_id": "a"}), numbers, 1_795_173_629_844).plan.shape
    document = text.encode(
        FamilySamples(shape.families[row.family], (PrintedSample(row.name, row.labels, 1.0),))
        for row in shape.rows
    )
    done = subprocess.run(
        [str(promtool), "check", "metrics", "--extended"], input=document, capture_output=True, check=False
    )
    assert (done.returncode, done.stderr.decode()) == (0, "")
    assert b"pushvar_build_info" in done.stdout
