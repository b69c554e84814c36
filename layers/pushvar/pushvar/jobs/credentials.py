"""Who a caller is: the customers that the credential shown is for, and how long their groups live.

A caller shows a user and password, a bearer token, or a signature, which the door has checked. All
credentials of that user, or all tokens, are compared, each in constant time. Secrets come when they are
needed; one that cannot be read shuts out those who would show it, and nobody else. No message holds a secret.
"""

from __future__ import annotations

import base64
import hmac
import re
from typing import TYPE_CHECKING, Final, NamedTuple

from pushvar.config.grammar import quoted
from pushvar.errors import ConfigError
from pushvar.jobs.refusals import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from pushvar.config.schema import BasicAuth, Gateway, GatewayCredential
    from pushvar.config.values import SecretRef

_SCHEMES: Final = {"basic": "Basic", "bearer": "Bearer"}
_ASSUMED = re.compile(r"(arn:[^:]*):sts::([^:]*):assumed-role/([^/]+)/.*", re.DOTALL)


class Customer(NamedTuple):
    """Whose groups they are, and how long one lives that its push gives no time."""

    customer_id: str
    ttl_ms: int


class _Shown(NamedTuple):
    """What a caller has to show: all of it, and for messages what of it is no secret."""

    scheme: str
    text: bytes
    user: bytes


class Callers:
    """Everybody who may push by one configuration."""

    def __init__(self, settings: Gateway, secret: Callable[[SecretRef], str]) -> None:
        self._secret = secret
        self._anonymous = settings.anonymous
        self._default_ttl_ms = settings.ttl.ms
        self._credentials = settings.credentials
        self._principals = [
            (_pattern(one.principal), self._customer(one)) for one in settings.credentials if one.principal
        ]
        kinds = {_scheme(one) for one in settings.credentials} - {""}
        self._challenge = ", ".join(
            f'{name} realm="pushvar"' for scheme, name in _SCHEMES.items() if not kinds or scheme in kinds
        )

    def of(self, headers: Mapping[str, str], principal: str) -> tuple[Customer, ...]:
        """The customers of a request's caller, at least one. Raises Refusal: 401, 403 or 503."""
        if principal:
            found = self.signed(principal)
        elif shown := headers.get("authorization", ""):
            found = self._showing(shown)
        else:
            found = self.nameless()
            if not found:
                raise self._unknown("a credential is required")
        return found

    def signed(self, principal: str) -> tuple[Customer, ...]:
        """The customers of an IAM principal: of itself, or of everybody. Raises Refusal."""
        names = _names(principal)
        found = [who for pattern, who in self._principals if any(pattern.fullmatch(name) for name in names)]
        customers = _each(found) or self.nameless()
        if not customers:
            detail = f"no credential has a principal that fits {quoted(principal)}"
            raise Refusal(403, "forbidden", "the caller may not push for any customer", detail=detail)
        return customers

    def nameless(self) -> tuple[Customer, ...]:
        """The customer of those who show nothing; none where they are refused."""
        return (Customer(self._anonymous, self._default_ttl_ms),) if self._anonymous else ()

    def everybody(self) -> tuple[Customer, ...]:
        """All customers that a credential names, and that of those who show nothing, which is the first."""
        return _each((*self.nameless(), *map(self._customer, self._credentials)))

    def _customer(self, credential: GatewayCredential) -> Customer:
        return Customer(credential.customer_id, credential.ttl.ms or self._default_ttl_ms)

    def _showing(self, header: str) -> tuple[Customer, ...]:
        """The customers of a caller who shows this Authorization header."""
        shown = _read(header)
        found: list[Customer] = []
        unread: ConfigError | None = None
        for credential in self._credentials if shown else ():
            assert shown is not None
            try:
                if self._is_shown(credential, shown):
                    found.append(self._customer(credential))
            except ConfigError as error:
                unread = error
        if not found and unread is not None:
            detail = f"a secret of gateway.credentials cannot be read: {unread}"
            raise Refusal(503, "unavailable", "the credential cannot be checked now", detail=detail)
        if not found:
            raise self._unknown("no such credential", f"no such credential: {_described(header, shown)}")
        return _each(found)

    def _is_shown(self, credential: GatewayCredential, shown: _Shown) -> bool:
        """Whether this is what the caller shows. Raises ConfigError when that cannot be told."""
        if _scheme(credential) != shown.scheme:
            return False
        if credential.basic_auth is not None:
            return self._is_user(credential.basic_auth, shown)
        assert credential.authorization is not None
        return hmac.compare_digest(self._read(credential.authorization.credentials), shown.text)

    def _is_user(self, basic: BasicAuth, shown: _Shown) -> bool:
        user = f"{basic.username}:".encode()
        if basic.password is None or not hmac.compare_digest(user, shown.text[: len(user)]):
            return False  # a name is no secret, and no reason to ask a store for somebody else's
        return hmac.compare_digest(user + self._read(basic.password), shown.text)

    def _read(self, reference: SecretRef) -> bytes:
        secret = self._secret(reference)
        if not secret:
            raise ConfigError("", f"{reference} is empty")
        return secret.encode()

    def _unknown(self, words: str, detail: str = "") -> Refusal:
        challenge = (("WWW-Authenticate", self._challenge),)
        return Refusal(401, "unauthorized", words, detail=detail, headers=challenge)


def customer_of(customers: Sequence[Customer], *wanted: str) -> Customer:
    """The one that is wanted, where one is, else the first. Raises Refusal when it is not the caller's."""
    if not customers:
        raise Refusal(403, "forbidden", "the gateway has no customer: nobody may push")
    named = [name for name in wanted if name]
    if not named:
        return customers[0]
    for customer in customers:
        if all(name == customer.customer_id for name in named):
            return customer
    detail = f"asked for customer {quoted(named[-1])}, the credential is for {customers[0].customer_id}"
    raise Refusal(403, "forbidden", "the credential is not for this customer", detail=detail)


def _scheme(credential: GatewayCredential) -> str:
    if credential.basic_auth is not None:
        return "basic"
    return "bearer" if credential.authorization is not None else ""


def _read(header: str) -> _Shown | None:
    """What an Authorization header shows; None for a scheme that no credential has."""
    scheme, _, rest = header.strip().partition(" ")
    scheme, rest = scheme.lower(), rest.strip()
    if scheme == "bearer":
        return _Shown(scheme, rest.encode(errors="replace"), b"")
    if scheme != "basic":
        return None
    try:
        text = base64.b64decode(rest, validate=True)
    except ValueError:
        return None
    return _Shown(scheme, text, text.partition(b":")[0])


def _described(header: str, shown: _Shown | None) -> str:
    """What of a header may be logged: whoever leaves out the scheme sends nothing but the secret."""
    if shown is not None:
        user = quoted(shown.user.decode(errors="replace"))
        return f"{shown.scheme} of {user}" if shown.user else shown.scheme
    scheme, space, _ = header.strip().partition(" ")
    return f"of scheme {quoted(scheme)}" if space else "no scheme"


def _pattern(principal: str) -> re.Pattern[str]:
    return re.compile(".*".join(map(re.escape, principal.split("*"))), re.DOTALL)


def _names(principal: str) -> tuple[str, ...]:
    """The ARNs by which a principal may be meant: who has assumed a role is the role too."""
    assumed = _ASSUMED.fullmatch(principal)
    if assumed is None:
        return (principal,)
    partition, account, role = assumed.groups()
    return (principal, f"{partition}:iam::{account}:role/{role}")


def _each(customers: Iterable[Customer]) -> tuple[Customer, ...]:
    """Each customer once, as it comes first."""
    found: dict[str, Customer] = {}
    for customer in customers:
        found.setdefault(customer.customer_id, customer)
    return tuple(found.values())
