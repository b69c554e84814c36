"""Which group a path means."""

from __future__ import annotations

import pytest
from pushvar.jobs.grouping import group_key, is_push, labels_of, place_of, segments
from pushvar.jobs.refusals import Refusal

BAD, ILLEGAL = "invalid base64 encoding", "illegal base64 data at input byte"


def read(path: str) -> dict[str, str] | None:
    """The labels of a path; None when it is no group's."""
    parts = segments(path)
    return labels_of(parts, path) if is_push(parts) else None


@pytest.mark.parametrize(
    ("path", "labels"),
    [
        ("/metrics/job/a", {"job": "a"}),
        ("/metrics/job/a/", {"job": "a"}),
        ("/metrics/job/a/b/c", {"job": "a", "b": "c"}),
        ("/metrics/job/a/b/", {"job": "a", "b": ""}),
        ("/metrics/job/a/b//c/d", {"job": "a", "b": "", "c": "d"}),
        ("/metrics/job/a/b/1/b/2", {"job": "a", "b": "2"}),
        ("/metrics/job/a/job/b", {"job": "a"}),
        ("/metrics/job/a%2Fb/c/%2F", {"job": "a/b", "c": "/"}),
        ("/metrics/job/a+b%20c", {"job": "a+b c"}),
        ("/metrics/job/%C3%BC/b/%0A", {"job": "ü", "b": "\n"}),
        ("/metrics/job/a/b/..", {"job": "a", "b": ".."}),
        ("/metrics/job@base64/YS9i", {"job": "a/b"}),
        ("/metrics/job%40base64/YQ%3D%3D/b@base64/Pz8_", {"job": "a", "b": "???"}),
        ("/metrics/job/a/b@base64/=", {"job": "a", "b": ""}),
        ("/metrics/job/a/b@base64/", {"job": "a", "b": ""}),
        ("/metrics/job/a/b@base64/YQ=", {"job": "a", "b": "a"}),
        ("/metrics/job/a/b@base64/Y%0D%0AR", {"job": "a", "b": "a"}),
        ("/metrics/job@base64/=", {"job": ""}),
        ("/metrics/job//b/c", {"job": "", "b": "c"}),
        ("/metrics/job", None),
        ("/metrics/job/", None),
        ("/metrics/job@base64/", None),
        ("/metrics/jobs/a", None),
        ("/metrics", None),
        ("//metrics/job/a", None),
        ("", None),
    ],
)
def test_labels_of_a_path(path: str, labels: dict[str, str] | None) -> None:
    """Split first, then unescaped; a value may be empty, and the last of a name counts."""
    assert read(path) == labels


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/metrics/job/a/b", 'odd number of components in label string "/b"'),
        ("/metrics/job/a/b%2Fc", 'odd number of components in label string "/b%2Fc"'),
        ("/metrics/job/a//", 'improper label name ""'),
        ("/metrics/job/a/__b/c", 'improper label name "__b"'),
        ("/metrics/job/a/b-c/d", 'improper label name "b-c"'),
        ("/metrics/job/a/b@base64@base64/YQ", 'improper label name "b@base64"'),
        ("/metrics/job/a/b@base64/Y", f'{BAD} for label b="Y": {ILLEGAL} 0'),
        ("/metrics/job/a/b@base64/YQab=c", f'{BAD} for label b="YQab=c": {ILLEGAL} 4'),
        ("/metrics/job/a/b@base64/Pz8+", f'{BAD} for label b="Pz8+": {ILLEGAL} 3'),
        ("/metrics/job@base64/YWJjZ+", f'{BAD} in job name "abc": {ILLEGAL} 5'),
        ("/metrics/job@base64/YWJjZ", f'{BAD} in job name "abc": {ILLEGAL} 4'),
        ("/metrics/job@base64/_w", 'invalid base64 encoding in job name "": what it says is not UTF-8'),
        ("/metrics/job/%zz", 'the path has a % that escapes nothing: "/metrics/job/%zz"'),
        ("/metrics/job/%ff", 'the path is not UTF-8: "/metrics/job/%ff"'),
    ],
)
def test_a_path_that_is_refused(path: str, words: str) -> None:
    """In the words of the Pushgateway, where it has some."""
    with pytest.raises(Refusal) as caught:
        read(path)
    assert (caught.value.status, caught.value.words) == (400, words)


def test_a_place() -> None:
    """The labels sorted, the customer aside; the key is the customer's too, and always the same."""
    place = place_of("acme", {"job": "a", "b": "", "customer_id": "acme"})
    assert place.grouping == (("b", ""), ("job", "a"))
    assert place.shape == ("b", "job")
    assert place.key == group_key("acme", place.grouping) == "bd5bc53a3f38d6a2d196"
    assert place.key != place_of("acme2", {"job": "a", "b": ""}).key


@pytest.mark.parametrize(
    ("labels", "status", "words"),
    [
        ({"job": ""}, 400, "job name is required"),
        ({"job": "a", "customer_id": "b"}, 403, "the customer_id of the path is not that of the credential"),
        ({"job": "a", "customer_id": ""}, 403, "the customer_id of the path is not that of the credential"),
        ({"job": "a", "sla_tier": "gold"}, 400, "sla_tier is no label of a group: pushvar derives it"),
        ({"job": "a", "tenant_id": "b"}, 400, "tenant_id is no label of a group: pushvar derives it"),
        ({"job": "a" * 20_000}, 400, "labels of a group: 20021 bytes; use at most 16384"),
    ],
)
def test_a_group_that_may_not_be(labels: dict[str, str], status: int, words: str) -> None:
    """Without a job, of another customer, or with what pushvar says itself."""
    with pytest.raises(Refusal) as caught:
        place_of("acme", labels)
    assert caught.value.status == status
    assert caught.value.words.startswith(words)
