"""JSON over HTTP for the hooks: small, in limits, and with a token that goes to nobody else."""

import ipaddress
import json
import typing
import urllib.error
import urllib.parse
import urllib.request

from ._program import Refused

_ANSWER_BYTES_MAX = 4 << 20
_TIMEOUT_S = 30.0


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect would take the token to wherever the answer says."""

    def redirect_request(self, *_: typing.Any, **__: typing.Any) -> None:
        return None


def check_base(url: str) -> str:
    """An address to send a token to: https, or http on this machine."""
    parts = urllib.parse.urlsplit(url)
    host = parts.hostname or ""
    try:
        is_local = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        is_local = False
    if not host or parts.query or parts.fragment or not (parts.scheme == "https" or (parts.scheme == "http" and is_local)):
        raise Refused("http.address", f"{url!r} is neither an https address nor one of this machine", exit_status=2)
    return url.rstrip("/")


def ask(method: str, url: str, headers: typing.Mapping[str, str],
        body: typing.Optional[typing.Mapping[str, typing.Any]] = None, *, bytes_max: int = _ANSWER_BYTES_MAX) -> bytes:
    """The body of a 2xx answer; raises HttpRefused for every other status, and Refused."""
    data = None if body is None else json.dumps(body).encode()
    content_type = {} if data is None else {"Content-Type": "application/json"}
    request = urllib.request.Request(url, data=data, method=method, headers={
        "User-Agent": "pawl", "Accept": "application/json", **content_type, **headers})
    is_local = url.startswith("http://")  # and so on this machine, where no proxy stands between
    proxies = urllib.request.ProxyHandler({}) if is_local else urllib.request.ProxyHandler()
    opener = urllib.request.build_opener(_NoRedirect, proxies)
    try:
        with opener.open(request, timeout=_TIMEOUT_S) as response:
            content: bytes = response.read(bytes_max + 1)
    except urllib.error.HTTPError as error:
        said = error.read(500).decode("utf-8", "replace")
        raise HttpRefused(error.code, f"{method} {url} was answered with {error.code}: {said}") from error
    except (OSError, ValueError) as error:
        raise Refused("http.unreachable", f"{method} {url}: {error}") from error
    if len(content) > bytes_max:
        raise Refused("http.size", f"{method} {url} was answered with more than {bytes_max} bytes")
    return content


def ask_json(method: str, url: str, headers: typing.Mapping[str, str],
             body: typing.Optional[typing.Mapping[str, typing.Any]] = None) -> typing.Dict[str, typing.Any]:
    content = ask(method, url, headers, body)
    try:
        said = json.loads(content or b"{}")
    except ValueError as error:
        raise Refused("http.answer", f"{method} {url} was answered with something else than JSON") from error
    if not isinstance(said, dict):
        raise Refused("http.answer", f"{method} {url} was answered with something else than an object")
    return said


class HttpRefused(Refused):
    """An answer with a status that is no 2xx, redirects among them."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__("http.status", message)
        self.status = status
