"""One configuration, compiled: its targets ready to fetch, its rules.

An engine is built for each version of a configuration and used as a whole: a cycle never mixes two.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from pushvar import __version__
from pushvar.app.stamps import PUSHED, stamps_of
from pushvar.collect.fetch import Endpoint, endpoint
from pushvar.convert.converter import Converted, Converter, Limits
from pushvar.convert.family_types import unsettled
from pushvar.convert.input_format import InputFormat
from pushvar.convert.ledger import Ledger
from pushvar.convert.mapping import rules_of
from pushvar.convert.mapping.rules import RuleSet
from pushvar.convert.own_metrics import own_scrape, own_stamp
from pushvar.errors import ConfigError
from pushvar.labels.derivation import derivation
from pushvar.labels.sets import label_set
from pushvar.model import GROUP_KEY, Target
from pushvar.net.auth import auth_header, check_auth
from pushvar.net.policy import policy_of
from pushvar.net.proxy import proxies_of
from pushvar.net.tls import context_for, tls_settings

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from pushvar.config.schema import Config, ScrapeConfig
    from pushvar.config.values import SecretRef
    from pushvar.convert.family_types import Settle
    from pushvar.convert.plan import Stamp
    from pushvar.model import Family, GroupHead, Plan, Scrape
    from pushvar.net.secrets import Secrets

BODY_CEILING = 256 * 1024 * 1024
"""Bytes that are read at most where the configuration sets no limit: nothing is read without an end."""

_JSON = "application/json,*/*;q=0.1"
_TEXT = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
_ACCEPT = {"expvar": _JSON, "prometheus": _TEXT, "auto": _TEXT}


class Engine:
    """A configuration and targets of it, all or one shard's, ready for use.

    A ``converter`` may be shared by engines of one configuration: shapes and plans are compiled once.
    Without one, ``settle`` (``app.type_tables``) is where types that payloads declare are settled.
    """

    def __init__(
        self,
        config: Config,
        targets: Iterable[Target],
        secrets: Secrets,
        converter: Converter | None = None,
        settle: Settle = unsettled,
    ) -> None:
        self.config = config
        self._secrets = secrets
        self.converter = converter or Converter(settle=settle)
        self._jobs = {scrape.job_name: scrape for scrape in self.config.scrape_configs}
        self._rules: dict[str, RuleSet] = {name: rules_of(config, job) for name, job in self._jobs.items()}
        self._formats = {
            name: InputFormat(job.format, job.honor_timestamps) for name, job in self._jobs.items()
        }
        self._limits = {name: _limits(job) for name, job in self._jobs.items()}
        self._rules[PUSHED], self._limits[PUSHED] = RuleSet(PUSHED, ()), Limits()
        self._formats[PUSHED] = InputFormat("prometheus", honor_timestamps=False)
        self.targets = tuple(targets)
        self._targets_of: dict[str, list[Target]] = {name: [] for name in self._jobs}
        for target in self.targets:
            self._targets_of[target.job].append(target)
        self._stamp_of = stamps_of(config)
        self._stamps = {target.key: self.stamp(target) for target in self.targets}
        self._ledger = Ledger(config.tenancy.budgets, self._stamps.values())
        self._refused: set[str] = set()
        self._endpoints: dict[str, tuple[tuple[tuple[str, str], ...], list[Endpoint]]] = {}

    def stamp(self, target: Target) -> Stamp:
        """The labels that the target puts on every series."""
        return self._stamp_of(target)

    def group(self, head: GroupHead) -> tuple[Target, ConfigError | None]:
        """The target that a pushed group is, and what its labels have that this configuration forbids."""
        own, wrong = {**dict(head.grouping), "customer_id": head.tenant}, None
        try:
            own = derivation(self.config.tenancy).labels(own, own["job"])
        except ConfigError as error:
            wrong = error
        path = "".join(f"/{name}/{value}" for name, value in head.grouping if name != "job")
        url = f"{GROUP_KEY}{own['job']}{path}"
        return Target(GROUP_KEY + head.key, PUSHED, url, label_set(own.items())), wrong

    def check(self) -> None:
        """Raise ConfigError when a secret or a TLS file of any job is not there."""
        for job in self.config.scrape_configs:
            check_auth(job, self._secrets.resolve)
            if job.scheme == "https":
                context_for(tls_settings(job.tls_config))
            if (proxies := proxies_of(job)) is not None:
                proxies.check()

    def endpoints(self, jobs: Iterable[str]) -> list[Endpoint]:
        """The targets of these jobs, ready to fetch, with the secrets of this moment.

        A job whose secret went away fails by itself: its endpoints say so instead of being fetched. The
        secrets of a job that was refused are read again, whatever their age.
        """
        jobs = tuple(jobs)
        self._renew([self._jobs[job] for job in jobs if job in self._refused])
        return [one for job in jobs for one in self._endpoints_of(self._jobs[job])]

    def heard(self, scrapes: Iterable[Scrape]) -> None:
        """What became of the endpoints: a target that answered 401 or 403 may have new credentials by now."""
        denied = {scrape.plan.target.job for scrape in scrapes if scrape.reason == "auth"}
        self._refused |= denied & self._endpoints.keys()  # the others were not even asked

    def _renew(self, jobs: Sequence[ScrapeConfig]) -> None:
        """Look for new secrets, for each once, however many of the jobs share it."""
        self._refused.difference_update(job.job_name for job in jobs)
        self._secrets.renew(*{reference for job in jobs for reference in _secrets_of(job)})
        for job in jobs:
            if job.oauth2 is not None:
                with suppress(ConfigError):  # its endpoints will tell
                    headers, _ = self._endpoints[job.job_name]
                    self._secrets.renew_token(job.oauth2, dict(headers).get("Authorization", ""))

    @property
    def families(self) -> Mapping[str, Family]:
        """Every family seen so far, by name; it only grows."""
        return self.converter.families

    def convert(self, target: Target, body: bytes, content_type: str = "") -> Converted:
        """The step from body to values; raises FetchError."""
        job = target.job
        return self.converter.convert(
            self._stamp(target), body, self._rules[job], self._limits[job], self._formats[job], content_type
        )

    def failed(self, target: Target) -> Plan:
        """The plan of a target that gave nothing."""
        return self.converter.failed(self._stamp(target))

    def within(self, scrapes: list[Scrape]) -> list[Scrape]:
        """The scrapes of a cycle, cut to the budgets of their customers."""
        return self._ledger.within(scrapes)

    def apart(self, scrapes: list[Scrape], waiting: Collection[str]) -> list[Scrape]:
        """The scrapes that may go before the targets of these keys have come."""
        return self._ledger.apart(scrapes, waiting)

    def own_scrapes(self, instance: str, numbers: Mapping[str, float], time_ms: int) -> list[Scrape]:
        """What a shard has counted, as the scrape of one more target; none where nobody wants it."""
        if not self.config.global_.self_metrics:
            return []
        tenant = {"customer_id": self.config.tenancy.default_customer_id}
        stamp = own_stamp(instance, tenant, self.config.global_.external_labels)
        scrape = own_scrape(stamp, numbers, time_ms)
        self.converter.learn(scrape.plan.families)
        return [scrape]

    def _stamp(self, target: Target) -> Stamp:
        return self._stamps.get(target.key) or self.stamp(target)

    def _endpoints_of(self, job: ScrapeConfig) -> list[Endpoint]:
        try:
            headers = tuple(self._headers(job))
        except ConfigError as error:
            self._endpoints.pop(job.job_name, None)
            return [replace(one, unready=str(error)) for one in self._endpoints_with((), job)]
        known = self._endpoints.get(job.job_name)
        if known is None or known[0] != headers:
            known = self._endpoints[job.job_name] = (headers, self._endpoints_with(headers, job))
        return known[1]

    def _endpoints_with(self, headers: Iterable[tuple[str, str]], job: ScrapeConfig) -> list[Endpoint]:
        return [self.endpoint(target, headers) for target in self._targets_of[job.job_name]]

    def endpoint(self, target: Target, headers: Iterable[tuple[str, str]] | None = None) -> Endpoint:
        """One target ready to fetch."""
        job = self._jobs[target.job]
        return endpoint(
            target,
            tls=tls_settings(job.tls_config),
            headers=self._headers(job) if headers is None else headers,
            timeout_s=job.scrape_timeout.s,
            body_limit=job.body_size_limit or BODY_CEILING,
            policy=policy_of(self.config.global_.target_policy),
            proxies=proxies_of(job),
        )

    def _headers(self, job: ScrapeConfig) -> list[tuple[str, str]]:
        fixed: Mapping[str, str] = {
            "User-Agent": f"pushvar/{__version__}",
            "Accept": _ACCEPT[job.format],
            "Accept-Encoding": "gzip",
            "X-Prometheus-Scrape-Timeout-Seconds": f"{job.scrape_timeout.s:g}",
        }
        own = [(name, value) for name, header in job.http_headers for value in header.values]
        names = {name.lower() for name, _ in own}
        auth = auth_header(job, self._secrets.resolve, self._secrets.token)
        rest = [(name, value) for name, value in fixed.items() if name.lower() not in names]
        return [*rest, *own, *([("Authorization", auth)] if auth else [])]


def _secrets_of(job: ScrapeConfig) -> Iterator[SecretRef | None]:
    """The secrets that a job sends as they are."""
    if job.basic_auth is not None:
        yield job.basic_auth.password
    if job.authorization is not None:
        yield job.authorization.credentials


def _limits(job: ScrapeConfig) -> Limits:
    return Limits(
        samples=job.sample_limit,
        labels=job.label_limit,
        name_chars=job.label_name_length_limit,
        value_chars=job.label_value_length_limit,
    )
