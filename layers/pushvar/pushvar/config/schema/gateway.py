"""The front door for batch jobs: who may push, and how long a group lives."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from pushvar.config.schema.http import Authorization, BasicAuth
from pushvar.config.schema.words import MIB, Count, CustomerId, Limit, PositiveSpan, SizeBytes, Span
from pushvar.config.values import Block, Duration

Principal = Annotated[str, Meta(extra={"grammar": "principal"})]
Anonymous = Annotated[str, Meta(extra={"grammar": "anonymous"})]


class GatewayCredential(Block, frozen=True, kw_only=True):
    """One of three ways to show who pushes, and for which customer that is.

    ``principal`` is the ARN of an IAM principal, in which ``*`` stands for any characters; it counts where
    the door has checked the signature. ``ttl`` is that of the customer's groups, 0 that of the gateway.
    """

    customer_id: CustomerId
    basic_auth: BasicAuth | None = None
    authorization: Authorization | None = None
    principal: Principal = ""
    ttl: Span = Duration()


class Gateway(Block, frozen=True, kw_only=True):
    """Our own block: groups of batch jobs. Limits are those of one push, ``group_limit`` that of a customer.

    ``anonymous`` is the customer_id of pushes without a credential, empty when they are refused. A group
    lives for ``ttl`` unless its push says otherwise, never longer than ``max_ttl``; it is sent on every
    ``interval``, 0 being that of ``global``.
    """

    anonymous: Anonymous = ""
    credentials: tuple[GatewayCredential, ...] = ()
    ttl: PositiveSpan = Duration(86_400_000)
    max_ttl: PositiveSpan = Duration(12 * 7 * 86_400_000)
    interval: Span = Duration()
    group_limit: Count = 20_000
    body_size_limit: SizeBytes = 4 * MIB
    sample_limit: Limit = 20_000
    label_limit: Limit = 64
    label_name_length_limit: Limit = 256
    label_value_length_limit: Limit = 4_096

    @property
    def is_open(self) -> bool:
        """Whether anybody may push."""
        return bool(self.anonymous or self.credentials)
