"""Whom numbers belong to."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from pushvar.config.relabel import Match
from pushvar.config.schema.words import (
    CustomerId,
    ExternalLabelName,
    Fraction,
    LabelTemplate,
    Limit,
    PositiveSpan,
    Text,
)
from pushvar.config.values import Block, Duration

DerivedName = Annotated[str, Meta(extra={"grammar": "derived_label_name"})]
TemplatedName = Annotated[str, Meta(extra={"grammar": "templated_label_name"})]


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


class TenantRule(Block, frozen=True, kw_only=True):
    """Labels for targets that do not say them, and whose labels all match; without ``match`` for all."""

    match: Match = ()
    labels: tuple[tuple[DerivedName, Text], ...] = ()


class Budgets(Block, frozen=True, kw_only=True):
    """How many series tenants may have before some are shed; 0 is no budget.

    ``target_series`` are those of one target, ``label_values`` the values of one label in one target,
    ``customer_series`` those of one customer in one shard, unless ``customers`` has another number for it.
    """

    target_series: Limit = 0
    customer_series: Limit = 0
    label_values: Limit = 0
    customers: tuple[tuple[CustomerId, Limit], ...] = ()


class Tenancy(Block, frozen=True, kw_only=True):
    """Our own block: whom series belong to. ``strict`` refuses targets without a customer_id.

    ``rules`` say what the registry leaves out; ``labels`` are templates of further labels.
    Series with a label of ``denied_labels`` are shed.
    """

    default_customer_id: CustomerId = "default"
    strict: bool = False
    rules: tuple[TenantRule, ...] = ()
    labels: tuple[tuple[TemplatedName, LabelTemplate], ...] = ()
    budgets: Budgets = Budgets()
    denied_labels: tuple[ExternalLabelName, ...] = ()
    tiers: tuple[tuple[Text, Tier], ...] = DEFAULT_TIERS
