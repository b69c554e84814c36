"""Whom numbers belong to."""

from __future__ import annotations

from pushvar.config.schema.words import CustomerId, Fraction, PositiveSpan, Text
from pushvar.config.values import Block, Duration


class Tier(Block, frozen=True, kw_only=True):
    """What a service level promises: the 95th percentile of latency and the share of good answers."""

    latency_p95: PositiveSpan
    availability: Fraction


DEFAULT_TIERS = (
    ("bronze", Tier(latency_p95=Duration(1_000), availability=0.995)),
    ("gold", Tier(latency_p95=Duration(100), availability=0.9999)),
    ("silver", Tier(latency_p95=Duration(300), availability=0.999)),
)
"""A tier of the document replaces the one of its name; the others stay."""


class Tenancy(Block, frozen=True, kw_only=True):
    """Our own block: whom series belong to. ``strict`` refuses targets without a customer_id."""

    default_customer_id: CustomerId = "default"
    strict: bool = False
    tiers: tuple[tuple[Text, Tier], ...] = DEFAULT_TIERS
