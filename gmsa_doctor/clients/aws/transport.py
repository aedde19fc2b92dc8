"""How requests reach AWS: bounded in time and bytes. What answers in AWS's place (a proxy, a portal) is recognized."""

from __future__ import annotations

import os
import re
import traceback
from collections.abc import Container, Iterable, Iterator, Mapping
from datetime import datetime
from io import BytesIO
from typing import Any, TypeVar
from urllib.parse import urlsplit

from gmsa_doctor.core.errors import ClientError, TimedOut, UsageError
from gmsa_doctor.core.limits import within
from gmsa_doctor.core.model import Fix

T = TypeVar("T")

LARGEST = 8 * 1024 * 1024
"""Bytes of an answer at most. The largest are pages of EC2 and of log events, with 1 to 2 MB."""
_CHUNK = 64 * 1024
_DTD = re.compile(rb"<!(?:doctype|entity)", re.IGNORECASE)
"""No XML of AWS has a document type: this is an HTML page, or entities that expand to gigabytes."""


class NotFromAwsError(Exception):
    """Something other than AWS has answered."""


def is_of_answer(error: Exception) -> bool:
    """Whether botocore's parsers have raised an error of Python's for an answer without the form that AWS documents.

    Otherwise it is our bug.
    """
    modules = [str(frame.f_globals.get("__name__")) for frame, _ in traceback.walk_tb(error.__traceback__)]
    if modules[-1].startswith("gmsa_doctor."):
        return False
    # A method that does not exist is missing in botocore.client.
    of_botocore = any(name.startswith("botocore.") for name in modules) and modules[-1] != "botocore.client"
    return of_botocore or isinstance(error, RecursionError)


class NotAws(ClientError):
    """Something other than AWS has answered."""

    fault = "not AWS"

    def __init__(self, action: str) -> None:
        fix = Fix("Check which proxy or network portal answers in AWS's place (HTTPS_PROXY, AWS_ENDPOINT_URL, DNS).")
        super().__init__(f"{action}: the answer is not from AWS (a proxy?)", fix)


class Answer(dict[str, Any]):
    """A structure of an answer. Raises NotAws for a member that the API has and the answer lacks.

    A name that the API does not have is a KeyError: our bug.
    """

    __slots__ = ("_action", "_members")

    def __init__(self, content: Mapping[str, Any], action: str, members: Container[str]) -> None:
        super().__init__(content)
        self._action = action
        self._members = members

    def __missing__(self, name: str) -> Any:
        if name in self._members:
            raise NotAws(self._action)
        raise KeyError(name)


def _strict(value: Any, shape: Any, action: str) -> Any:
    """The value with each structure as an :class:`Answer`."""
    if isinstance(value, dict) and shape.type_name == "structure":
        content = {
            name: _strict(item, shape.members[name], action) if name in shape.members else item
            for name, item in value.items()
        }
        return Answer(content, action, shape.members)
    if isinstance(value, dict) and shape.type_name == "map":
        return {name: _strict(item, shape.value, action) for name, item in value.items()}
    return [_strict(item, shape.member, action) for item in value] if isinstance(value, list) else value


def the_only(items: Iterable[T]) -> T:
    """The item of a list with one item. Raises NotFromAwsError: AWS returns an error for an id that does not exist."""
    found = list(items)
    if len(found) != 1:
        raise NotFromAwsError
    return found[0]


class BoundedSession:
    """Sends a request through botocore's HTTP session: in ``seconds`` in all, and with an answer of limited size.

    botocore limits the time of each single read only, reads an answer of any size into memory, and repeats requests
    that were not answered in time. Raises TimedOut, NotFromAwsError, or botocore's errors. It replaces
    ``client._endpoint.http_session``, which botocore does not document; a test fails if that changes.
    """

    def __init__(self, session: Any, connect_seconds: float, seconds: float) -> None:
        self._session = session
        self._connect_seconds = connect_seconds
        self._seconds = seconds

    def send(self, request: Any) -> Any:
        """The answer, an AWSResponse whose body is in memory."""
        from botocore.exceptions import ConnectTimeoutError, ReadTimeoutError

        host = urlsplit(str(request.url)).netloc.rpartition("@")[2]  # without a password
        try:
            return within(self._seconds, host, lambda: self._exchange(request))
        except ConnectTimeoutError as error:
            raise TimedOut(host, self._connect_seconds) from error
        except ReadTimeoutError as error:
            raise TimedOut(host, self._seconds) from error

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def _exchange(self, request: Any) -> Any:
        from botocore.awsrequest import AWSResponse

        streamed = request.stream_output
        request.stream_output = True  # the session then leaves the body to us
        response = self._session.send(request)
        try:
            body = _read(response.raw)
        finally:
            response.raw.close()
        if not streamed and body.lstrip()[:1] == b"<" and _DTD.search(body):
            raise NotFromAwsError
        return AWSResponse(response.url, response.status_code, response.headers, _Body(body))


class _Body(BytesIO):
    """A body as botocore reads it from urllib3."""

    def stream(self, **_: Any) -> Iterator[bytes]:
        """All of it."""
        yield self.read()


def _read(raw: Any) -> bytes:
    """Raises NotFromAwsError for too many bytes, and botocore's error for a connection that breaks."""
    from botocore.exceptions import ReadTimeoutError as TimeoutOfBotocore
    from botocore.exceptions import ResponseStreamingError
    from urllib3.exceptions import HTTPError, ReadTimeoutError

    body = bytearray()
    try:
        for chunk in raw.stream(_CHUNK):
            body += chunk
            if len(body) > LARGEST:
                raise NotFromAwsError
    except ReadTimeoutError as error:
        raise TimeoutOfBotocore(endpoint_url="", error=error) from error
    except HTTPError as error:
        raise ResponseStreamingError(error=error) from error
    return bytes(body)


def guarded(client: Any, connect_seconds: float, seconds: float) -> Any:
    """A client of botocore, changed so that its answers are bounded and come from AWS."""
    endpoint = client._endpoint
    endpoint.http_session = BoundedSession(endpoint.http_session, connect_seconds, seconds)
    client.meta.events.register_first("after-call", _require_answer_of_aws)
    ask, models = client._make_api_call, client.meta.service_model

    def strictly(operation: str, parameters: Any) -> Any:
        answer, shape = ask(operation, parameters), models.operation_model(operation).output_shape
        return _strict(answer, shape, f"{models.signing_name}:{operation}") if shape else answer

    client._make_api_call = strictly
    return client


def _require_answer_of_aws(http_response: Any, parsed: Mapping[str, Any], model: Any, **_: Any) -> None:
    """Botocore's event ``after-call``. Raises NotFromAwsError.

    AWS sends headers of its own with each answer (``x-amzn-RequestId``, ``x-amz-request-id``). Without one, an error
    must have a code of AWS's, and an answer some content. All values must have the types of the API.
    Source: https://docs.aws.amazon.com/AmazonS3/latest/API/RESTCommonResponseHeaders.html
    """
    metadata = parsed.get("ResponseMetadata", {})
    content = {name: value for name, value in parsed.items() if name != "ResponseMetadata"}
    failed = http_response.status_code >= 300
    of_aws = any(name.lower().startswith("x-amz") for name in metadata.get("HTTPHeaders", ()))
    if not (of_aws or metadata.get("RequestId")):
        code = str(content.get("Error", {}).get("Code", ""))
        if code in ("", str(http_response.status_code)) if failed else _proves_nothing(content, model):
            raise NotFromAwsError
    if not failed and not _fits(content, model.output_shape):
        raise NotFromAwsError


def _proves_nothing(content: Mapping[str, Any], model: Any) -> bool:
    """Whether an answer without a header of AWS's is empty, or a document of S3, which may be any text."""
    shape = model.output_shape
    return not content or bool(shape and "payload" in shape.serialization)


_SCALARS: Mapping[str, type | tuple[type, ...]] = {
    "string": str,
    "character": str,
    "integer": int,
    "long": int,
    "boolean": bool,
    "float": (int, float),
    "double": (int, float),
    "timestamp": datetime,
}


def _fits(value: Any, shape: Any) -> bool:
    """Whether a parsed answer has the types of the API's model. Members that are missing are not our concern."""
    if shape is None:
        return True
    if shape.type_name == "structure":
        members = shape.members
        return isinstance(value, dict) and all(
            _fits(item, members[name]) for name, item in value.items() if name in members
        )
    if shape.type_name == "list":
        return isinstance(value, list) and all(_fits(item, shape.member) for item in value)
    if shape.type_name == "map":
        return isinstance(value, dict) and all(_fits(item, shape.value) for item in value.values())
    if shape.name == "policyDocumentType":  # which botocore has parsed
        return isinstance(value, str | dict)
    return isinstance(value, _SCALARS.get(shape.type_name, object))


def require_endpoints() -> None:
    """Raises UsageError for an AWS_ENDPOINT_URL, or one of a service, that no request can be sent to."""
    for name, value in os.environ.items():
        is_endpoint = name == "AWS_ENDPOINT_URL" or name.startswith("AWS_ENDPOINT_URL_")
        if is_endpoint and value and not _is_url(value):
            raise UsageError(f"{name} is not an endpoint: set a URL such as https://HOST:PORT, or unset it")


def _is_url(text: str) -> bool:
    try:
        url = urlsplit(text)
        host, port = url.hostname or "", url.port
    except ValueError:
        return False
    is_host = bool(re.fullmatch(r"[\w.-]{1,253}|[\da-fA-F:.]+(%[\w.-]+)?", host, re.ASCII))
    return url.scheme in ("http", "https") and is_host and port != 0
