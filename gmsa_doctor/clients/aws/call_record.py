"""Records which requests were sent to AWS, for a support case: never their arguments, nor what was answered."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

_WORD = re.compile(r"[\w.:/+=-]{1,200}", re.ASCII)
"""What is kept of the words in an answer: error codes and request ids. Whatever answers may put anything there."""


@dataclass(frozen=True)
class Call:
    """A request, with each repetition as one of its own.

    ``result`` is the HTTP status, the service's error code, or the type of the error without an answer.
    ``request_id`` is what AWS Support asks for; S3 has an extended one as well. The duration includes the wait that a
    limited rate requires.
    """

    started: datetime
    service: str
    operation: str
    region: str
    duration_ms: int
    result: str
    request_id: str = ""
    extended_request_id: str = ""


class CallRecord:
    """The calls of a session, in the order in which they ended; safe between threads."""

    def __init__(self) -> None:
        self._calls: list[Call] = []

    def __iter__(self) -> Iterator[Call]:
        return iter(tuple(self._calls))

    def watch(self, client: Any) -> None:
        """Record what this client of botocore sends.

        botocore emits both events for each attempt, with the same context.
        Source: ``botocore/endpoint.py``, ``create_request`` and ``_get_response``.
        """
        service, region = str(client.meta.service_model.service_name), str(client.meta.region_name)

        def began(request: Any, **_: Any) -> None:
            request.context["gmsa_doctor_began"] = time.monotonic()

        def ended(
            event_name: str, parsed_response: Mapping[str, Any] | None, context: Mapping[str, Any], **more: Any
        ) -> None:
            seconds = time.monotonic() - context.get("gmsa_doctor_began", time.monotonic())
            metadata = (parsed_response or {}).get("ResponseMetadata", {})
            self._calls.append(
                Call(
                    started=datetime.now(UTC) - timedelta(seconds=seconds),
                    service=service,
                    operation=event_name.rpartition(".")[2],
                    region=region,
                    duration_ms=round(seconds * 1000),
                    result=_result(parsed_response, metadata, more.get("exception")),
                    request_id=_word(metadata.get("RequestId")),
                    extended_request_id=_word(metadata.get("HostId")),
                )
            )

        client.meta.events.register("request-created", began)
        client.meta.events.register("response-received", ended)


def _result(parsed: Mapping[str, Any] | None, metadata: Mapping[str, Any], error: object) -> str:
    if parsed is None:
        return type(error).__name__
    code = _word(parsed.get("Error", {}).get("Code")) if isinstance(parsed.get("Error"), Mapping) else ""
    return code or str(metadata.get("HTTPStatusCode", ""))


def _word(value: object) -> str:
    return value if isinstance(value, str) and _WORD.fullmatch(value) else ""
