"""A front door over a store in memory, with a clock that tests set."""

from __future__ import annotations

import base64
import itertools
import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from pushvar.app.type_tables import TypeTables
from pushvar.config.schema import Authorization, BasicAuth, Gateway, GatewayCredential
from pushvar.config.values import SecretRef
from pushvar.errors import ConfigError
from pushvar.jobs.api import Effects, PushApi
from pushvar.jobs.exchange import PushReply, PushRequest
from pushvar.state import open_state

if TYPE_CHECKING:
    from pushvar.jobs.effects import GroupStore
    from pushvar.model import GroupHead
    from pushvar.state.protocol import StateStore

NOW_MS = 1_795_173_629_844
X = b"x 1\n"


def basic(customer_id: str, user: str, **more: Any) -> GatewayCredential:
    """A user whose password is in the environment under the same name."""
    auth = BasicAuth(username=user, password=SecretRef("env", user))
    return GatewayCredential(customer_id=customer_id, basic_auth=auth, **more)


def bearer(customer_id: str, name: str, **more: Any) -> GatewayCredential:
    """A token that is in the environment under this name."""
    auth = Authorization(credentials=SecretRef("env", name))
    return GatewayCredential(customer_id=customer_id, authorization=auth, **more)


def signed(customer_id: str, principal: str, **more: Any) -> GatewayCredential:
    """An IAM principal."""
    return GatewayCredential(customer_id=customer_id, principal=principal, **more)


def user(name: str, password: str) -> str:
    """What a user's Authorization header says."""
    return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()


@dataclass
class Door:
    """The front door; ``later_ms`` is how much later than NOW_MS it is. Each look at the clock takes 1 ms."""

    settings: Gateway = field(default_factory=lambda: Gateway(anonymous="default"))
    secrets: dict[str, str] = field(default_factory=dict)
    later_ms: int = 0
    store: StateStore = field(default_factory=lambda: open_state("memory:"))
    behind: GroupStore | None = None

    def __post_init__(self) -> None:
        versions = itertools.count()
        self.effects = Effects(
            store=self.behind or self.store,
            settle=TypeTables(self.store, lambda: 0.0),
            secret=self.secret,
            now_ms=self.now_ms,
            new_version=lambda: f"v{next(versions)}",
        )
        self.api = PushApi(self.settings, self.effects)

    def now_ms(self) -> int:
        """The clock."""
        self.later_ms += 1
        return NOW_MS + self.later_ms

    def secret(self, reference: SecretRef) -> str:
        """One of the secrets."""
        if reference.name not in self.secrets:
            raise ConfigError("", f"{reference} is not set")
        return self.secrets[reference.name]

    def other(self, **changes: Any) -> Door:
        """A door with other settings to the same store."""
        return Door(Gateway(**changes), self.secrets, self.later_ms, self.store)

    def ask(
        self, method: str, target: str, body: bytes = b"", principal: str = "", /, **headers: str
    ) -> PushReply:
        """One request."""
        named = {name.replace("_", "-").lower(): value for name, value in headers.items()}
        return self.api.handle(PushRequest(method, target, named, body, principal))

    def put(self, path: str, body: bytes = X, /, **headers: str) -> int:
        """PUT a group; gives the status."""
        return self.ask("PUT", f"/metrics/job/{path}", body, **headers).status

    def post(self, path: str, body: bytes = X, /, **headers: str) -> int:
        """POST to a group; gives the status."""
        return self.ask("POST", f"/metrics/job/{path}", body, **headers).status

    def delete(self, path: str, /, **headers: str) -> int:
        """DELETE a group; gives the status."""
        return self.ask("DELETE", f"/metrics/job/{path}", **headers).status

    def refusal(self, path: str, body: bytes = X, /, **headers: str) -> tuple[int, str, str]:
        """Status, outcome and words of a PUT that is refused."""
        reply = self.ask("PUT", f"/metrics/job/{path}", body, **headers)
        return reply.status, reply.outcome, reply.body.decode()

    def lines(self, **headers: str) -> list[str]:
        """The samples of ``/metrics``, push times left out."""
        page = self.ask("GET", "/metrics", **headers).body.decode()
        return [line for line in page.splitlines() if not line.startswith(("#", "push_"))]

    def groups(self, **headers: str) -> list[dict[str, Any]]:
        """The groups of ``/api/v1/metrics``."""
        found: list[dict[str, Any]] = json.loads(self.ask("GET", "/api/v1/metrics", **headers).body)["data"]
        return found

    def heads(self, tenant: str = "default") -> dict[str, GroupHead]:
        """The stored heads by job, versions left out."""
        return {dict(head.grouping)["job"]: replace(head, version="") for head in self.store.groups(tenant)}
