"""Connects boto3 clients to the embedded AWS without a socket: the calling thread handles the request."""

import sys
from collections.abc import Callable, Iterable
from io import BytesIO
from typing import Any
from urllib.parse import unquote, urlsplit

from botocore.awsrequest import AWSPreparedRequest, AWSResponse

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class InProcess:
    """Sends botocore's requests, instead of urllib3."""

    def __init__(self, application: Application) -> None:
        self.application = application

    def close(self) -> None:
        """Nothing is open."""

    def send(self, request: AWSPreparedRequest) -> AWSResponse:
        """Call the WSGI application."""
        started: list[Any] = []
        body = b"".join(self.application(_environ(request), lambda *given: started.extend(given)))
        status, headers = started[0], started[1]
        raw = _Raw(b"" if request.method == "HEAD" else body)
        return AWSResponse(request.url, int(status.split()[0]), dict(headers), raw)


class _Raw(BytesIO):
    """A body as botocore reads it from urllib3."""

    def stream(self, *_: Any) -> Iterable[bytes]:
        yield from iter(self.read, b"")


def use(client: Any, application: Application) -> Any:
    """Make the boto3 client send its requests to the application, and return it."""
    client._endpoint.http_session = InProcess(application)
    return client


def _environ(request: AWSPreparedRequest) -> dict[str, Any]:
    """Give the request as WSGI has it (PEP 3333)."""
    url = urlsplit(request.url)
    headers = {name.upper().replace("-", "_"): _text(value) for name, value in request.headers.items()}
    body = _body(request.body)
    environ = {name if name == "CONTENT_TYPE" else f"HTTP_{name}": value for name, value in headers.items()}
    return environ | {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote(url.path),
        "RAW_URI": url.path + (f"?{url.query}" if url.query else ""),
        "REQUEST_URI": url.path + (f"?{url.query}" if url.query else ""),
        "QUERY_STRING": url.query,
        "CONTENT_LENGTH": str(len(body)),
        "SERVER_NAME": url.hostname,
        "SERVER_PORT": str(url.port or 80),
        "HTTP_HOST": url.netloc,
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }


def _body(body: Any) -> bytes:
    if hasattr(body, "read"):
        body = body.read()
    return body.encode() if isinstance(body, str) else body or b""


def _text(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)
