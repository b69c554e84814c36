"""The price table of ``pushvar cost``, read, checked and applied; the prices stand in ``prices.yml``."""

from __future__ import annotations

from importlib.resources import files
from typing import Annotated, Any, TypeVar

import msgspec
import yaml
from msgspec import Meta

from pushvar.errors import ConfigError

SCHEMA = 1

_NotNegative = Annotated[float, Meta(ge=0)]


class Tier(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A price for ``per`` units, up to so many units a month in all; the last tier has no end."""

    price: _NotNegative
    upto: Annotated[float, Meta(gt=0)] | None = None


class Price(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one item costs by the month; ``free`` units of it cost nothing while there is a free tier."""

    unit: str
    per: Annotated[float, Meta(gt=0)]
    tiers: Annotated[tuple[Tier, ...], Meta(min_length=1)]
    free: _NotNegative = 0
    note: str = ""

    def of(self, quantity: float, *, free_tier: bool) -> float:
        """The price of that many units in one month."""
        left, begun, total = max(0.0, quantity - (self.free if free_tier else 0)), 0.0, 0.0
        for tier in self.tiers:
            room = left if tier.upto is None else min(left, tier.upto - begun)
            total += room / self.per * tier.price
            left, begun = left - room, tier.upto or begun
        return total


class Prices(msgspec.Struct, frozen=True):
    """A whole table: when it was made and from what, and a price for each item by its name."""

    date: str
    currency: str
    source: str
    items: dict[str, Price]


class _Table(msgspec.Struct, forbid_unknown_fields=True):
    """The table as it is written: its items are read one by one, so that errors name them."""

    schema: int
    date: str
    currency: str
    source: str
    items: dict[str, Any]


_Kind = TypeVar("_Kind", _Table, Price)


def standard_text() -> str:
    """The text of the table that comes with pushvar, to be copied and changed."""
    return files("pushvar").joinpath("kit", "prices.yml").read_text("utf-8")


def read_prices(text: str | bytes, *, source: str, needed: frozenset[str]) -> Prices:
    """The table in a YAML text; ``source`` names it in errors, ``needed`` are the items it must have.

    Raises ConfigError that says which key is wrong.
    """
    try:
        written = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise _wrong(source, " ".join(str(error).split())) from None
    table = _read(source, written, _Table)
    if table.schema != SCHEMA:
        raise _wrong(source, f"schema {table.schema}, this pushvar reads {SCHEMA}")
    if missing := sorted(needed - table.items.keys()):
        raise _wrong(f"{source}: items", f"no price for {', '.join(missing)}")
    if unknown := sorted(table.items.keys() - needed):
        raise _wrong(f"{source}: items", f"nothing is counted as {', '.join(unknown)}")
    items = {name: _read(f"{source}: items.{name}", one, Price) for name, one in table.items.items()}
    for name, price in items.items():
        _check_tiers(f"{source}: items.{name}.tiers", price.tiers)
    return Prices(table.date, table.currency, table.source, items)


def _read(where: str, written: object, kind: type[_Kind]) -> _Kind:
    try:
        return msgspec.convert(written, kind)
    except msgspec.ValidationError as error:
        raise _wrong(where, str(error)) from None


def _check_tiers(where: str, tiers: tuple[Tier, ...]) -> None:
    """Raise ConfigError unless each tier begins where the one before ends, and the last has no end."""
    ends = [tier.upto for tier in tiers[:-1]]
    known = [end for end in ends if end is not None]
    if tiers[-1].upto is not None or len(known) < len(ends) or known != sorted(set(known)):
        raise _wrong(where, "each but the last has an upto, and they rise")


def _wrong(source: str, problem: str) -> ConfigError:
    return ConfigError(source, problem, hint="pushvar cost --print-prices shows a table to begin with")
