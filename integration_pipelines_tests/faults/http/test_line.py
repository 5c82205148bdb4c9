"""The line itself: certificates, redirects, names, floods. Real sockets and real TLS on loopback."""

import re
import socket
import ssl
import threading
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

import integration_pipelines
from integration_pipelines.errors import InvalidError, TransientError
from integration_pipelines.partners import transport
from integration_pipelines.partners.http import Bucket, Partner, PartnerHttp
from integration_pipelines.store.clock import SystemClock
from integration_pipelines_tests.kit.partner_fakes import NOON, OpenQuota, VirtualClock
from integration_pipelines_tests.kit.raw_server import Say, ok, raw_server

ANSWER = ok(b'{"id": "x"}')
TOKEN = "token-that-must-not-travel"


def client(url: str) -> PartnerHttp:
    """A client of that address."""
    partner = Partner(name="acme", label="Acme", buckets={"default": Bucket(10, 5)}, connections=1)
    return PartnerHttp(
        partner=partner, tenant_id="t1", base_url=url, token=lambda: TOKEN, quota=OpenQuota(), clock=VirtualClock()
    )


def certificate(folder: Path, name: str, *, days: int) -> tuple[Path, Path]:
    """A certificate for a host that vouches for itself, valid until so many days from now, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    names = x509.SubjectAlternativeName([x509.DNSName(name)])
    made = (
        x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key()).serial_number(7)
        .not_valid_before(NOON - timedelta(days=900)).not_valid_after(NOON + timedelta(days=days)).add_extension(names, critical=False)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    pem = serialization.Encoding.PEM
    chain, secret = folder / f"{name}.pem", folder / f"{name}.key"
    chain.write_bytes(made.public_bytes(pem))
    secret.write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    return chain, secret


@contextmanager
def tls_server(chain: Path, key: Path) -> Iterator[tuple[str, list[bytes]]]:
    """Answers every connection that gets through the handshake; yields its address and what was sent to it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, key)
    heard: list[bytes] = []

    def serve(listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                with connection, suppress(OSError), context.wrap_socket(connection, server_side=True) as secure:
                    heard.append(secure.recv(65_536))
                    secure.sendall(ANSWER)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,), daemon=True)
        thread.start()
        yield f"https://localhost:{listener.getsockname()[1]}", heard
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(5)


@pytest.mark.fault("H18")
@pytest.mark.parametrize(
    ("name", "days", "trusted"),
    [("localhost", 30, True), ("localhost", -1, True), ("elsewhere.example", 30, True), ("localhost", 30, False)],
    ids=["good", "expired", "wrong host", "self-signed"],
)  # fmt: skip
def test_only_a_good_certificate_hears_the_token(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, days: int, trusted: bool
) -> None:
    """Whatever is wrong with the certificate, the request fails closed and nothing was sent; the good one beside them is let in."""
    lets_in = (name, days, trusted) == ("localhost", 30, True)
    chain, key = certificate(tmp_path, name, days=days)
    if trusted:
        context = ssl.create_default_context(cafile=str(chain))
        monkeypatch.setattr(transport, "_tls", lambda: context)
    with tls_server(chain, key) as (url, heard):
        http = client(url)
        if lets_in:
            assert http.request("GET", "/v1/x").as_object() == {"id": "x"}
        else:
            with pytest.raises(TransientError, match="cannot be reached"):
                http.request("GET", "/v1/x")
        http.close()
        assert bool(b"".join(heard)) is lets_in


@pytest.mark.fault("H18")
def test_no_way_around_verification_exists() -> None:
    """Nowhere in the product is a certificate's check switched off."""
    around = re.compile(r"verify\s*=\s*False|CERT_NONE|check_hostname\s*=\s*False|_create_unverified_context")
    files = list(Path(integration_pipelines.__file__).parent.rglob("*.py"))
    assert len(files) > 100
    assert [f.name for f in files if around.search(f.read_text(encoding="utf-8"))] == []


@pytest.mark.fault("H17")
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_refused_and_the_token_stays(status: int) -> None:
    """The place that a partner points to is never asked."""
    with raw_server([Say(ANSWER)]) as trap:
        away = f"HTTP/1.1 {status} Moved\r\nLocation: {trap.url}/v1/x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        with raw_server([Say(away.encode())]) as server:
            http = client(server.url)
            with pytest.raises(InvalidError, match=str(status)):
                http.request("GET", "/v1/x")
            http.close()
            assert len(server.requests) == 1
        assert trap.requests == []


@pytest.mark.fault("H19")
def test_a_name_that_cannot_be_resolved_fails_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without an address nothing is sent, and the fault is one that passes."""

    def unknown(*_: object, **__: object) -> object:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    http = client("https://api.acme.example")
    with pytest.raises(TransientError, match="cannot be reached"):
        http.request("GET", "/v1/x")
    http.close()


@contextmanager
def flood(megabytes: int) -> Iterator[str]:
    """A server that sends so much without saying how much it will be."""
    block = b" " * (1 << 20)

    def serve(listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                with connection, suppress(OSError):
                    connection.recv(65_536)
                    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n")
                    for _ in range(megabytes):
                        connection.sendall(block)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(5)


@pytest.mark.fault("H16")
def test_a_gigabyte_is_cut_off_at_the_limit() -> None:
    """Reading stops after 32 MiB, and the memory never rises by 64."""
    with flood(1024) as url:
        http = client(url)
        tracemalloc.start()
        try:
            with pytest.raises(TransientError, match="32 MiB"):
                http.request("POST", "/v1/x", json={}, write=True)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
            http.close()
    assert peak < 64 << 20


@pytest.mark.fault("H15")
def test_a_slow_answer_gives_its_place_back() -> None:
    """With one connection allowed, the request after one that never ended is answered."""
    partner = Partner(name="acme", label="Acme", buckets={"default": Bucket(10, 5)}, connections=1)
    with raw_server([Say(ANSWER, step=1, pause=0.05), Say(ANSWER)]) as server:
        http = PartnerHttp(
            partner=partner, tenant_id="t1", base_url=server.url, token=lambda: TOKEN, quota=OpenQuota(), clock=SystemClock()
        )
        with pytest.raises(TransientError):
            http.request("POST", "/v1/x", json={}, write=True, deadline=0.3)
        assert http.request("GET", "/v1/x", deadline=20).as_object() == {"id": "x"}
        http.close()
