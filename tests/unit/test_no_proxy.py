"""For whom a proxy is used: a table of no_proxy, and the variables of the environment."""

from __future__ import annotations

import pytest
from pushvar.config.schema import ScrapeConfig
from pushvar.errors import ConfigError
from pushvar.net.proxy import no_proxy, proxies_of

CASES = [
    # no_proxy, host, port, excepted
    ("", "a.test", 80, False),
    (",, ,", "a.test", 80, False),
    ("", "localhost", 80, True),
    ("x", "127.0.0.9", 80, True),
    ("x", "::1", 80, True),
    ("*", "a.test", 80, True),
    ("a.test,*", "10.0.0.1", 80, True),
    ("a.test", "a.test", 80, True),
    (" A.Test ", "a.tesT", 80, True),
    ("a.test", "b.a.test", 80, True),
    ("a.test", "ba.test", 80, False),
    ("a.test", "a.test.b", 80, False),
    (".a.test", "b.a.test", 80, True),
    (".a.test", "a.test", 80, False),
    ("*.a.test", "b.a.test", 80, True),
    ("*.a.test", "a.test", 80, False),
    ("a.test:8080", "a.test", 8080, True),
    ("a.test:8080", "b.a.test", 8080, True),
    ("a.test:8080", "a.test", 80, False),
    ("a.test:", "a.test", 80, True),
    (":80", "a.test", 80, False),
    ("10.0.0.1", "10.0.0.1", 80, True),
    ("10.0.0.1", "10.0.0.11", 80, False),
    ("10.0.0.1:80", "10.0.0.1", 80, True),
    ("10.0.0.1:80", "10.0.0.1", 81, False),
    ("10.0.0.0/8", "10.9.8.7", 80, True),
    ("10.1.2.3/8", "10.9.8.7", 80, True),
    ("10.0.0.0/8", "11.0.0.1", 80, False),
    ("10.0.0.0/8", "a.test", 80, False),
    ("10.0.0.0/255.0.0.0", "10.0.0.1", 80, False),
    ("10.0.0.0/99", "10.0.0.1", 80, False),
    ("10.0.0.0/8", "::ffff:10.0.0.1", 80, True),
    ("0.1", "10.0.0.1", 80, False),
    ("fd00::/8", "fd12::1", 80, True),
    ("fd00::/8", "10.0.0.1", 80, False),
    ("fd12::1", "fd12:0::1", 80, True),
    ("[fd12::1]:80", "fd12::1", 80, True),
    ("[fd12::1]:80", "fd12::1", 81, False),
    ("[fd12::1]", "fd12::1", 80, False),
    ("b.test, 10.0.0.0/8 ,a.test:81", "a.test", 81, True),
]


@pytest.mark.parametrize(("text", "host", "port", "excepted"), CASES)
def test_no_proxy(text: str, host: str, port: int, excepted: bool) -> None:  # noqa: FBT001 - a column
    """An entry excepts what Go's httpproxy excepts by it."""
    assert no_proxy(text).holds(host, port) is excepted


def job(**keys: object) -> ScrapeConfig:
    """A job with these keys."""
    return ScrapeConfig(job_name="j", **keys)  # type: ignore[arg-type]


def test_none_by_default() -> None:
    """The environment is not looked at unless it is asked for."""
    assert proxies_of(job(), {"HTTP_PROXY": "http://p:1"}) is None
    assert proxies_of(job(proxy_from_environment=True), {}) is None


def test_everything_takes_the_named_proxy() -> None:
    """Without no_proxy even this machine is reached by the proxy, as in Prometheus."""
    found = proxies_of(job(proxy_url="http://[fd12::1]/"))
    assert found is not None
    for url in ("http://localhost/", "https://a.test/", "http://127.0.0.1:9/"):
        assert str(found.of(url)) == "[fd12::1]:80"


def test_the_environment() -> None:
    """Each scheme has its variable, upper case before lower case, http:// where it has no scheme."""
    environ = {
        "HTTP_PROXY": "p:1",
        "http_proxy": "q:1",
        "https_proxy": "http://s:2",
        "no_proxy": "a.test:443",
    }
    found = proxies_of(job(proxy_from_environment=True), environ)
    assert found is not None
    found.check()
    urls = ("http://b.test/", "https://b.test/", "http://a.test/", "https://a.test/", "http://localhost/")
    assert [str(found.of(url)) for url in urls] == ["p:1", "s:2", "p:1", "None", "None"]


@pytest.mark.parametrize("value", ["https://p:1", "socks5://p:1", "http://user:hunter2@p:1", "http://p:1/x"])
def test_an_unusable_environment(value: str) -> None:
    """A proxy that cannot be spoken to is an error for whom it is meant, and no key of it is shown."""
    found = proxies_of(job(proxy_from_environment=True), {"HTTPS_PROXY": value, "NO_PROXY": "a.test"})
    assert found is not None
    with pytest.raises(ConfigError, match="HTTPS_PROXY of the environment") as refused:
        found.check()
    assert "hunter2" not in str(refused.value)
    assert found.of("http://b.test/") is None
    assert found.of("https://a.test/") is None
