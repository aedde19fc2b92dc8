"""The AWS session: botocore's clients with time limits, remembered answers, typed errors.

A client is a class whose methods carry ``@operation``. It declares the API operation and the IAM action, remembers
the answer for equal arguments, and turns botocore's errors into typed ones. botocore is imported at the first call
(promise 8).
"""

from __future__ import annotations

import copy
import functools
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Lock
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar, cast
from urllib.parse import urlsplit

from gmsa_doctor import __version__
from gmsa_doctor.clients.aws.call_record import CallRecord
from gmsa_doctor.clients.aws.denials import denied_resource
from gmsa_doctor.clients.aws.rate import Paces
from gmsa_doctor.clients.aws.shared_models import with_shared_models
from gmsa_doctor.clients.aws.transport import (
    NotAws,
    NotFromAwsError,
    guarded,
    is_of_answer,
    require_endpoints,
)
from gmsa_doctor.clients.remembered import RememberedAnswers
from gmsa_doctor.core import private_memory
from gmsa_doctor.core.errors import (
    ClientError,
    Denied,
    NotFound,
    ServiceError,
    Throttled,
    TimedOut,
    Unreachable,
    UsageError,
)
from gmsa_doctor.core.model import Fix

CONNECT_SECONDS = 3.0
READ_SECONDS = 8.0
"""For a whole attempt."""
ATTEMPTS = 3
"""Attempts of one call, the first one included: botocore's ``total_max_attempts``. Silence is not tried again."""
_MOST_PAGES = 500
"""Of one list: a server in AWS's place could send a next page for ever."""

_CREDENTIAL_PROCESS_ERRORS = (ValueError, OSError, LookupError, AttributeError)
"""Raised by botocore if credential_process does not name a program, or if the program does not print a JSON object."""

P = ParamSpec("P")
R = TypeVar("R")
C = TypeVar("C", bound="AwsClient")


class CredentialsProblem(ClientError):
    """There are no AWS credentials, or AWS rejects them (expired, unknown)."""

    fault = "AWS credentials"


_NOT_ITS_SHAPE = (LookupError, TypeError, ValueError, AttributeError, RecursionError)
"""Raised by botocore's parsers for an answer without the form that AWS documents; or by a bug in gmsa-doctor."""


@dataclass(frozen=True)
class Operation:
    """An AWS API operation that a client method calls, and the IAM action that permits it."""

    name: str
    action: str


class Role(Protocol):
    """Where a session's credentials come from, in place of the environment and the profile."""

    def give_to(self, session: Any) -> None:
        """Let a session of botocore use these credentials, and no others."""


class Aws:
    """A session for one profile and region. Makes each client once; safe between threads.

    ``paces`` limits its requests, and those of other sessions for the same account. ``role`` has the credentials.
    ``region`` is None if unknown. AWS_REGION applies, as in the AWS CLI (botocore ignores it). Raises UsageError for an
    unknown profile, a configuration file that cannot be parsed, and an invalid region name or endpoint URL.
    """

    def __init__(
        self,
        profile: str | None = None,
        region: str | None = None,
        paces: Paces | None = None,
        role: Role | None = None,
    ) -> None:
        import botocore.exceptions
        import botocore.session
        import botocore.utils

        private_memory.close()  # credentials are secrets, and the first answer may contain another one
        require_endpoints()
        region = region or os.environ.get("AWS_REGION") or None
        try:
            self._session = with_shared_models(botocore.session.Session(profile=profile))
            if role:
                role.give_to(self._session)
            if region:
                self._session.set_config_variable("region", region)
            self.region: str | None = self._session.get_config_variable("region")
            botocore.utils.validate_region_name(self.region)
        except botocore.exceptions.ProfileNotFound as error:
            known = ", ".join(botocore.session.Session().available_profiles) or "none"
            raise UsageError(
                f"{error}; configured profiles: {known}. Use another --profile, or set AWS_PROFILE."
            ) from error
        except botocore.exceptions.InvalidRegionError as error:
            text = f"{region or self.region} is not an AWS region: add --region with a name such as us-east-1"
            raise UsageError(text) from error
        except botocore.exceptions.BotoCoreError as error:
            raise UsageError(f"the AWS configuration cannot be used: {error}") from error
        self._clients: dict[str, Any] = {}
        self._others: dict[str, Aws] = {}
        self.calls = CallRecord()
        """The requests of this session, in all regions."""
        self._paces = paces or Paces()
        self.silent: dict[str, TimedOut] = {}
        """Services that did not answer in time: they get no more requests, except by operations that are ``fresh``."""
        self.answered: set[str] = set()
        """Services that have answered, and since then every time."""
        self._lock = Lock()

    def in_region(self, region: str | None) -> Aws:
        """The same credentials in another region; None: in this one."""
        if region in (None, self.region):
            return self
        with self._lock:
            if region not in self._others:
                other = copy.copy(self)
                other.region, other._clients, other._others, other.silent = region, {}, {}, {}
                other.answered = set()
                self._others[region] = other
            return self._others[region]

    def timed_out(self, service: str, action: str, error: TimedOut) -> TimedOut:
        """The error for a service that did not answer in time; from the second one in a row on, it is silent."""
        found = silent(error.what, action, error.seconds)
        if service in self.answered:
            self.answered.discard(service)
        else:
            self.silent[service] = found
        return found

    def has_credentials(self) -> bool:
        """Whether credentials are configured, whether or not AWS accepts them."""
        import botocore.exceptions

        try:
            with self._lock:
                return self._session.get_credentials() is not None
        except (botocore.exceptions.BotoCoreError, *_CREDENTIAL_PROCESS_ERRORS) as error:
            text = f"the AWS credentials cannot be loaded: {error}"
            raise _credentials(error) or CredentialsProblem(text, _RENEW) from error

    def client(self, service: str) -> Any:
        """Botocore's client of a service, with time limits. Raises UsageError for an invalid endpoint URL."""
        import botocore.config

        with self._lock:  # clients are thread-safe, sessions are not
            if service not in self._clients:
                limits = botocore.config.Config(
                    connect_timeout=CONNECT_SECONDS,
                    read_timeout=READ_SECONDS,
                    retries={"mode": "adaptive", "total_max_attempts": ATTEMPTS},
                    max_pool_connections=32,
                    user_agent=f"gmsa-doctor/{__version__} Botocore/{botocore.__version__}",
                )
                try:
                    client = self._session.create_client(service, region_name=self.region, config=limits)
                except ValueError as error:
                    raise UsageError(f"the AWS configuration cannot be used: {error}") from error
                self.calls.watch(client)
                client.meta.events.register("before-send", self._paces.of(service, self.region).wait)
                self._clients[service] = guarded(client, CONNECT_SECONDS, READ_SECONDS)
            return self._clients[service]


class AwsClient:
    """The base of all AWS clients: the session, and the remembered answers."""

    service = ""

    def __init__(self, aws: Aws) -> None:
        self.aws = aws
        self.answers = RememberedAnswers()

    @property
    def api(self) -> Any:
        """Botocore's client."""
        return self.aws.client(self.service)

    def pages(self, call: str, key: str, **arguments: Any) -> list[Any]:
        """The entries under ``key`` on all pages of an API call."""
        return [entry for page in self.each_page(call, **arguments) for entry in page[key]]

    def each_page(self, call: str, **arguments: Any) -> Iterator[Any]:
        """The pages of an API call, with or without a paginator of botocore's. Raises ServiceError for too many."""
        api = self.api
        paginated = api.can_paginate(call)
        pages = api.get_paginator(call).paginate(**arguments) if paginated else _pages(getattr(api, call), arguments)
        for number, page in enumerate(pages):
            if number > _MOST_PAGES:
                raise ServiceError(f"{self.service} {call}: more than {_MOST_PAGES} pages", "TooManyPages")
            yield page


def _pages(call: Callable[..., Any], arguments: dict[str, Any]) -> Iterator[Any]:
    page = call(**arguments)
    yield page
    while page.get("NextToken"):
        page = call(**arguments, NextToken=page["NextToken"])
        yield page


def iso(time: datetime | None) -> str:
    """A time of an answer in UTC (ISO 8601); empty if there is none."""
    return time.astimezone(UTC).isoformat(timespec="seconds") if time else ""


def operation(
    name: str, action: str | None = None, *, fresh: bool = False
) -> Callable[[Callable[Concatenate[C, P], R]], Callable[Concatenate[C, P], R]]:
    """Declare that a client method calls the API operation ``name`` (``ecs:DescribeServices``).

    ``action``: the IAM action, if its name differs. ``fresh``: do not remember the answer, since the call changes
    something or reads a state that changes. If the call is denied, the error names the method's first argument as the
    resource, or all resources if IAM cannot limit the action. The method raises the errors of
    :mod:`gmsa_doctor.core.errors`.
    """

    def declare(method: Callable[Concatenate[C, P], R]) -> Callable[Concatenate[C, P], R]:
        @functools.wraps(method)
        def call(self: C, *args: P.args, **kwargs: P.kwargs) -> R:
            def ask() -> R:
                import botocore.exceptions as botocore
                from botocore.parsers import ResponseParserError

                if (silence := self.aws.silent.get(self.service)) and not fresh:
                    raise silence.with_traceback(None)
                try:
                    value = method(self, *args, **kwargs)
                    self.aws.answered.add(self.service)
                    return value
                except TimedOut as error:
                    raise self.aws.timed_out(self.service, action or name, error) from error
                except (botocore.BotoCoreError, botocore.ClientError, OSError) as error:
                    raise translate(error, action or name, denied_resource(action or name, args)) from error
                except (NotFromAwsError, ResponseParserError) as error:
                    raise NotAws(action or name) from error
                except _NOT_ITS_SHAPE as error:
                    if is_of_answer(error):
                        raise NotAws(action or name) from error
                    raise

            return ask() if fresh else self.answers.get((name, args, tuple(sorted(kwargs.items()))), ask)

        call.operation = Operation(name, action or name)  # type: ignore[attr-defined]
        return cast("Callable[Concatenate[C, P], R]", call)

    return declare


def operations(client: type[AwsClient]) -> tuple[Operation, ...]:
    """The operations that a client's methods declare."""
    members = [member for kind in reversed(client.__mro__) for member in vars(kind).values()]
    found = (getattr(member, "operation", None) for member in members)
    return tuple(member for member in found if isinstance(member, Operation))


# Errors -------------------------------------------------------------------------------------------

_DENIED = re.compile(r"AccessDenied|AccessDeniedException|UnauthorizedOperation|AuthorizationError|Forbidden|403")
_THROTTLED = re.compile(r".*Throttl.*|RequestLimitExceeded|TooManyRequests.*|SlowDown|BandwidthLimitExceeded")
_CREDENTIALS = re.compile(
    r"ExpiredToken.*|RequestExpired|InvalidClientTokenId|UnrecognizedClient.*|InvalidAccessKeyId|"
    r"SignatureDoesNotMatch|InvalidSignature.*|InvalidToken|AuthFailure|MissingAuthenticationToken.*"
)
_MISSING = re.compile(r".*NotFound.*|NoSuch.*|404|ParameterNotFound|.*DoesNotExist.*")


_LOGONS = ("AssumeRole", "AssumeRoleWithWebIdentity", "AssumeRoleWithSAML", "GetRoleCredentials", "CreateToken")
"""Calls that botocore makes during another call, to get credentials."""


def is_throttled(code: str) -> bool:
    """Whether a service answers with this error code to too many requests."""
    return bool(_THROTTLED.fullmatch(code))


def error_code(error: Exception) -> str:
    """The service's error code of a botocore ClientError."""
    return str(getattr(error, "response", {}).get("Error", {}).get("Code", ""))


def none_if(code: str, call: Callable[[], R]) -> R | None:
    """The answer of an API call; None if the service returns this error code."""
    import botocore.exceptions

    try:
        return call()
    except botocore.exceptions.ClientError as error:
        if error_code(error) == code:
            return None
        raise


def translate(error: Exception, action: str, resource: str) -> ClientError:
    """The typed error for an error of botocore. ``action`` is the IAM action of the call."""
    import botocore.exceptions as botocore

    if isinstance(error, botocore.ClientError) and error.operation_name in _LOGONS:
        return CredentialsProblem(f"the AWS credentials cannot be loaded: {error}", _RENEW)
    if isinstance(error, botocore.ClientError):
        return _service_error(error_code(error), str(error.response["Error"].get("Message", "")), action, resource)
    if isinstance(error, botocore.ConnectTimeoutError | botocore.ReadTimeoutError):
        seconds = CONNECT_SECONDS if isinstance(error, botocore.ConnectTimeoutError) else READ_SECONDS
        return silent(_endpoint(error), action, seconds)
    if isinstance(error, botocore.SSLError | botocore.ProxyConnectionError):
        return Unreachable(f"{_endpoint(error)} ({action})", _shown(error))
    if isinstance(error, botocore.HTTPClientError | botocore.ConnectionError):
        return Unreachable(f"{_endpoint(error)} ({action})", "no connection to the AWS endpoint")
    if isinstance(error, OSError):  # a token file or credential_process failed when botocore renewed the credentials
        return CredentialsProblem(f"the AWS credentials cannot be loaded: {error}", _RENEW)
    if isinstance(error, botocore.NoRegionError):
        return CredentialsProblem("no AWS region is configured", Fix("Add --region, or set AWS_REGION."))
    return _credentials(error) or ServiceError(
        f"{action}: {type(error).__name__}: {_shown(error)}", type(error).__name__
    )


def silent(host: str, action: str, seconds: float) -> TimedOut:
    """The error for an endpoint without an answer: the same fault for all operations of that host."""
    error = TimedOut(f"{host} ({action})", seconds)
    error.fault = f"{host} is silent"
    return error


def _service_error(code: str, message: str, action: str, resource: str) -> ClientError:
    if _DENIED.fullmatch(code):
        return Denied(action, resource, message)
    if is_throttled(code):
        return Throttled(f"AWS throttled {action} ({code}), {ATTEMPTS} times", Fix("Run the check again later."))
    if _CREDENTIALS.fullmatch(code):
        return CredentialsProblem(f"AWS rejects the credentials ({code}): {message}", _RENEW)
    if _MISSING.fullmatch(code):
        return NotFound(f"{action}: {message or code}", code)
    return ServiceError(f"{action}: {code}: {message}", code)


_RENEW = Fix("Renew the credentials, then run the check again.", ("aws sso login", "aws sts get-caller-identity"))


def _credentials(error: Exception) -> CredentialsProblem | None:
    import botocore.exceptions as botocore

    if isinstance(error, botocore.NoCredentialsError | botocore.PartialCredentialsError):
        return CredentialsProblem(
            "no AWS credentials are configured",
            Fix("Set AWS_PROFILE or add --profile, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."),
        )
    if isinstance(error, botocore.SSOError | botocore.TokenRetrievalError | botocore.CredentialRetrievalError):
        return CredentialsProblem(f"the AWS credentials have expired or cannot be loaded: {error}", _RENEW)
    return None


def _shown(error: Exception) -> str:
    """The text of an error, without the user and the password of a URL in it."""
    return re.sub(r"(\w://)[^/\s@]*@", r"\1", str(error))


def _endpoint(error: Exception) -> str:
    url = str(getattr(error, "kwargs", {}).get("endpoint_url", ""))
    return urlsplit(url).netloc.rpartition("@")[2] or "the AWS endpoint"  # without a password
