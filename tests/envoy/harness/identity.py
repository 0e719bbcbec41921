"""Credentials for one run of the tests, and the Envoy configuration that verifies them.

issuer = Issuer("https://issuer.example")
authority = Authority("corp")
proxy = envoy(policy, edit_listener=verifying(jwt_authn([issuer])))
rpc.call(proxy.url, "echo", headers=bearer(issuer.token(sub="ci@corp.example")))

Nothing outlives the run: keys are new in every run, and files are in one of pytest's folders.
"""

import hashlib
import ipaddress
import json
import secrets
import ssl
import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from .bootstrap import any_of

MINUTE = 60
ALGORITHMS = {
    "RS256": lambda: rsa.generate_private_key(public_exponent=65537, key_size=2048),
    "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
}
METADATA = "envoy.filters.http.jwt_authn"
PAYLOAD = "jwt_payload"


# Tokens.


class Issuer:
    """Signs tokens. Two issuers of the same name have different keys, so each can forge for the other."""

    def __init__(self, name: str, algorithm: str = "RS256", audience: str = "mcp") -> None:
        self.name, self.algorithm, self.audience = name, algorithm, audience
        self._key = ALGORITHMS[algorithm]()

    def token(self, **claims: object) -> str:
        """Sign claims in addition to those that every token has; a claim that is None is left out."""
        now = int(time.time())
        usual = {"iss": self.name, "aud": self.audience, "iat": now, "exp": now + 10 * MINUTE}
        payload = {name: value for name, value in {**usual, **claims}.items() if value is not None}
        return jwt.encode(payload, self._key, self.algorithm, headers={"kid": self.algorithm})

    def expired(self, **claims: object) -> str:
        """Sign claims that were true an hour ago; Envoy allows clocks a minute's difference."""
        return self.token(exp=int(time.time()) - 60 * MINUTE, **claims)

    def jwks(self) -> str:
        """Write the public key."""
        public = jwt.get_algorithm_by_name(self.algorithm).to_jwk(self._key.public_key(), as_dict=True)
        return json.dumps({"keys": [{**public, "kid": self.algorithm, "alg": self.algorithm, "use": "sig"}]})


def unsigned(**claims: object) -> str:
    """Write a token that claims to need no signature."""
    return jwt.encode(claims, None, "none")


def bearer(secret: str) -> dict:
    return {"authorization": f"Bearer {secret}"}


def jwt_authn(
    issuers: list, missing_ok: bool = False, failed_ok: bool = False, payloads: list | None = None
) -> dict:
    """Build the filter that verifies tokens of any of the issuers; with `missing_ok` a token is optional.

    `failed_ok` also lets requests with a bad token through, without a payload. `payloads` names each issuer's
    payload.
    """
    providers, requirements = {}, []
    for number, issuer in enumerate(issuers):
        providers[f"issuer_{number}"] = {
            "issuer": issuer.name,
            "audiences": [issuer.audience],
            "local_jwks": {"inline_string": issuer.jwks()},
            "payload_in_metadata": payloads[number] if payloads else PAYLOAD,
            "forward": True,
        }
        requirements.append({"provider_name": f"issuer_{number}"})
    if missing_ok:
        requirements.append({"allow_missing": {}})
    if failed_ok:
        requirements.append({"allow_missing_or_failed": {}})
    requires = requirements[0] if len(requirements) == 1 else {"requires_any": {"requirements": requirements}}
    rules = [{"match": {"prefix": "/"}, "requires": requires}]
    config = any_of(
        "extensions.filters.http.jwt_authn.v3.JwtAuthentication", providers=providers, rules=rules
    )
    return {"name": METADATA, "typed_config": config}


# Certificates.


class Authority:
    """Signs certificates."""

    def __init__(self, name: str) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        constraint = x509.BasicConstraints(ca=True, path_length=0)
        self._certificate = self._signed(self._name, self._key, [(constraint, True)])

    def _signed(self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, extensions: list, age: int = 0):
        now = datetime.now(timezone.utc) - timedelta(days=age)
        builder = x509.CertificateBuilder().subject_name(subject).issuer_name(self._name)
        builder = builder.public_key(key.public_key()).serial_number(x509.random_serial_number())
        builder = builder.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical)
        return builder.sign(self._key, hashes.SHA256())

    @property
    def pem(self) -> str:
        return pem(self._certificate)

    def issue(
        self, subject: dict | None = None, uris: list = (), dns: list = (), ips: list = (), age: int = 0
    ) -> "Certificate":
        """Sign a certificate. `subject` has X.500 names by their OID's name; `age` is in days."""
        key = ec.generate_private_key(ec.SECP256R1())
        parts = [x509.NameAttribute(getattr(NameOID, oid), value) for oid, value in (subject or {}).items()]
        names = [x509.UniformResourceIdentifier(uri) for uri in uris] + [x509.DNSName(name) for name in dns]
        names += [x509.IPAddress(ipaddress.ip_address(ip)) for ip in ips]
        extensions = [(x509.SubjectAlternativeName(names), False)] if names else []
        return Certificate(pem(self._signed(x509.Name(parts), key, extensions, age)), key_pem(key))


class Certificate:
    """A certificate and its key, in PEM."""

    def __init__(self, certificate: str, key: str) -> None:
        self.certificate, self.key = certificate, key

    def save(self, folder: Path) -> Path:
        """Write both into one file, as Python's `ssl` requires."""
        path = folder / f"{secrets.token_hex(4)}.pem"
        path.write_text(self.certificate + self.key)
        return path


def pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def key_pem(key: ec.EllipticCurvePrivateKey) -> str:
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return key.private_bytes(*form).decode()


def client_tls(server: Authority, own: Path | None = None) -> ssl.SSLContext:
    """Make a client's side of TLS: it trusts the server's authority and has a certificate, or none."""
    context = ssl.create_default_context(cadata=server.pem)
    if own:
        context.load_cert_chain(own)
    return context


def server_tls(server: Certificate, clients: Authority | None, require: bool, **validation: object) -> dict:
    """Build a listener's side of TLS: it asks for a certificate that `clients` has signed."""
    chain, key = {"inline_string": server.certificate}, {"inline_string": server.key}
    common = {"tls_certificates": [{"certificate_chain": chain, "private_key": key}]}
    if clients:
        common["validation_context"] = {"trusted_ca": {"inline_string": clients.pem}, **validation}
    context = any_of(
        "extensions.transport_sockets.tls.v3.DownstreamTlsContext",
        common_tls_context=common,
        require_client_certificate=require,
    )
    return {"name": "tls", "typed_config": context}


def files(server: Certificate, clients: Authority, issuer: Issuer) -> dict:
    """Create the files in /etc/mcp-policy that envoy/identity.yaml reads beside the module."""
    return {
        "server.pem": server.certificate,
        "server.key": server.key,
        "clients.pem": clients.pem,
        "jwks.json": issuer.jwks(),
    }


# Keys.


def api_key() -> str:
    return "key_" + secrets.token_urlsafe(24)


def sha256(key: str | bytes) -> str:
    return hashlib.sha256(key if isinstance(key, bytes) else key.encode()).hexdigest()


# Listeners.


def verifying(first: dict | None = None, tls: dict | None = None) -> Callable[[dict], None]:
    """Change a listener: add a filter before this one, and TLS."""

    def edit(listener: dict) -> None:
        [chain] = listener["filter_chains"]
        if first:
            chain["filters"][0]["typed_config"]["http_filters"].insert(0, first)
        if tls:
            chain["transport_socket"] = tls

    return edit


def by_name(**edits: Callable[[dict], None]) -> Callable[[dict], None]:
    """Change each listener in its own way, by its name."""
    return lambda listener: edits.get(listener["name"], lambda _: None)(listener)
