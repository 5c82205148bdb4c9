"""One POST under one deadline, for the sinks that speak HTTP: https only unless it stays on this machine, no redirects, short answers."""

import asyncio
import ipaddress
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from integration_pipelines.errors import ConfigError

if TYPE_CHECKING:
    import httpx

SECONDS = 10.0
_LONGEST_ANSWER = 65_536
_LONGEST_WAIT = 3600.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. `fault` says why nothing usable did; it never has an address or a body in it."""

    status: int = 0
    body: bytes = b""
    retry_after: float = 0.0
    fault: str = ""


def require_safe(url: str, setting: str) -> str:
    """The address, if a secret may be sent there.

    Raises:
        ConfigError: it is no address, or plain HTTP that leaves this machine.
    """
    parts = urlsplit(url)
    if parts.scheme == "https" and parts.hostname:
        return url
    if parts.scheme == "http" and parts.hostname and stays_here(parts.hostname):
        return url
    raise ConfigError(f"{setting} is no https:// address.", remedy="Use https; plain http is for this machine only.")


def post(url: str, body: bytes, headers: dict[str, str], *, seconds: float = SECONDS) -> Answer:
    """Send once; whatever goes wrong is an answer."""
    return asyncio.run(_post(url, body, {"User-Agent": "integration-pipelines", **headers}, seconds))


async def _post(url: str, body: bytes, headers: dict[str, str], seconds: float) -> Answer:
    import httpx  # noqa: PLC0415 - only who sends pays for it

    try:
        async with asyncio.timeout(seconds), httpx.AsyncClient(timeout=seconds, trust_env=False) as client:
            async with client.stream("POST", url, content=body, headers=headers) as response:
                read = await _body(response)
            if read is None:
                return Answer(response.status_code, fault="Its answer is too long.")
            return Answer(response.status_code, read, _retry_after(response))
    except (TimeoutError, httpx.TimeoutException):
        return Answer(fault=f"It did not answer within {seconds:.0f} s.")
    except httpx.ConnectError:
        return Answer(fault="It cannot be reached.")
    except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:  # their own words may quote the address
        return Answer(fault=f"The request failed ({type(error).__name__}).")


async def _body(response: "httpx.Response") -> bytes | None:
    """All of it, or nothing if it is too long."""
    read = b""
    async for part in response.aiter_bytes():
        read += part
        if len(read) > _LONGEST_ANSWER:
            return None
    return read


def _retry_after(response: "httpx.Response") -> float:
    """Seconds from `Retry-After`, as a number or a date against the answer's own clock; at most an hour."""
    text = response.headers.get("Retry-After", "")
    if text.isdecimal():
        return min(float(text), _LONGEST_WAIT)
    try:
        wanted = (parsedate_to_datetime(text) - parsedate_to_datetime(response.headers["Date"])).total_seconds()
    except (KeyError, TypeError, ValueError):
        return 0.0
    return min(max(wanted, 0.0), _LONGEST_WAIT)


def stays_here(host: str) -> bool:
    """Whether a host is this very machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
