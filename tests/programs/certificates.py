"""A certificate authority for one test, by the openssl command."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


class NoOpenssl(Exception):
    """The openssl command is not on this machine, and these tests need it: apt-get install openssl."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """The paths of a certificate and its key, in PEM."""

    cert: str
    key: str


@dataclass(frozen=True, slots=True)
class Authority:
    """Signs certificates into ``folder``; ``ca_file`` is what a client trusts."""

    folder: Path

    @property
    def ca_file(self) -> str:
        """The path of the authority's own certificate."""
        return str(self.folder / "ca.pem")

    def certificate(self, name: str, *, alternatives: str, days: int = 2) -> Certificate:
        """Sign one; ``alternatives`` like ``DNS:localhost,IP:127.0.0.1``; negative days: it has expired."""
        made = Certificate(str(self.folder / f"{name}.pem"), str(self.folder / f"{name}.key"))
        request, extra = self.folder / f"{name}.csr", self.folder / f"{name}.ext"
        extra.write_text(f"subjectAltName={alternatives}\nbasicConstraints=CA:FALSE\n")
        _openssl("req", *_KEY, "-keyout", made.key, "-out", str(request), "-subj", f"/CN={name}")
        signed_by = ("-CA", self.ca_file, "-CAkey", str(self.folder / "ca.key"), "-CAcreateserial")
        _openssl(
            "x509", "-req", "-in", str(request), "-out", made.cert, *signed_by,
            *_validity(days), "-extfile", str(extra),
        )  # fmt: skip
        return made


def _validity(days: int) -> tuple[str, ...]:
    """The flags for this many days from now; openssl 3.4 and later take dates, and no negative days."""
    if days < 0 and "-not_after" in _openssl("x509", "-help"):
        return ("-not_before", "20200101000000Z", "-not_after", "20200102000000Z")
    return ("-days", str(days))


def authority(folder: Path) -> Authority:
    """Make an authority in a folder; raises NoOpenssl."""
    made = Authority(folder)
    key = str(folder / "ca.key")
    _openssl(
        "req", "-x509", *_KEY, "-keyout", key, "-out", made.ca_file, "-days", "2", "-subj", "/CN=test CA"
    )
    return made


def self_signed(folder: Path) -> Certificate:
    """A certificate for localhost that nobody vouches for."""
    made = Certificate(str(folder / "self.pem"), str(folder / "self.key"))
    names = ("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1")
    _openssl("req", "-x509", *_KEY, "-keyout", made.key, "-out", made.cert, "-days", "2", *names)
    return made


def server_context(certificate: Certificate, *, client_ca: str = "", tls12: bool = False) -> ssl.SSLContext:
    """The server's side; with ``client_ca`` clients need a certificate; ``tls12`` speaks nothing newer."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.cert, certificate.key)
    if client_ca:
        context.load_verify_locations(client_ca)
        context.verify_mode = ssl.CERT_REQUIRED
    if tls12:
        context.maximum_version = ssl.TLSVersion.TLSv1_2
    return context


def _openssl(*arguments: str) -> str:
    """Run openssl and give what it printed; raises NoOpenssl."""
    if shutil.which("openssl") is None:
        raise NoOpenssl(NoOpenssl.__doc__)
    done = subprocess.run(["openssl", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr
