"""What pushvar says of itself: counted cycle by cycle, kept in the shard's head, sent as one more target.

All of it is a mapping from keys to numbers; a key is a series of ``catalogue.SELF_METRICS`` as Prometheus
writes it (``pushvar_scrapes_total{reason="ok"}``). What the rows call counters only grows, the rest is a
state of the last cycle.
"""

from pushvar.convert.own_metrics.deliveries import count_deliveries, delivery_gauges
from pushvar.convert.own_metrics.keys import by_label, read_key, series_key, total
from pushvar.convert.own_metrics.scrapes import count_scrapes, dead_rules
from pushvar.convert.own_metrics.series import own_scrape, own_stamp
from pushvar.convert.own_metrics.tally import accumulate, count_cycle, gauge_cycle, reload_gauges

__all__ = [
    "accumulate",
    "by_label",
    "count_cycle",
    "count_deliveries",
    "count_scrapes",
    "dead_rules",
    "delivery_gauges",
    "gauge_cycle",
    "own_scrape",
    "own_stamp",
    "read_key",
    "reload_gauges",
    "series_key",
    "total",
]
