"""An embedded AWS: moto's server in this process, which records its calls and fails on demand.

moto accepts RunTask but runs nothing: the embedded Fargate (`EmbeddedAws.fargate`) answers the calls on tasks, and
`iam_simulator` evaluates the policies of a role.
"""

import json
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from threading import Event, Lock, Thread
from typing import Any

from gmsa_doctor.clients.aws.rate import LIMITS, Pace
from gmsa_doctor.clients.aws.session import ATTEMPTS, CONNECT_SECONDS, READ_SECONDS
from gmsa_doctor.clients.aws.transport import guarded
from tests.command import PACE
from tests.lab import iam_enforcer, iam_simulator, in_process, trusts
from tests.lab.aws_errors import Problem, Refused, denied, encode, throttled
from tests.lab.aws_requests import Request, read_request
from tests.lab.beyond_moto import BeyondMoto
from tests.lab.buckets import Buckets
from tests.lab.fargate import Fargate
from tests.lab.images import Images
from tests.lab.kept import keep_event_names, keep_indexes, keep_methods, keep_service_models
from tests.lab.lies import Lie
from tests.lab.moments import Moments
from tests.lab.other_accounts import LAB_ROLE, OtherAccount
from tests.lab.quotas import Quotas
from tests.lab.recorded import HealthyAccount, Player, call_named, seed

ACCOUNT = "123456789012"
_LAB_KEY = "AKIALABORATORYEXAMPL"
"""Signs the lab's own calls, which are neither recorded nor spoiled."""
_CALLERS_KEY = "AKIAIOSFODNN7EXAMPLE"
_REMOVED = ("AWS_", "KRB5", "GMSA_DOCTOR_")
_PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")

StartResponse = Callable[..., Any]


@dataclass
class _Fault:
    service: str
    operation: str
    resource: str
    """The call's path or body must hold this text."""
    times: int | None
    """How often it strikes; None: always."""
    problem: Callable[[Request], Problem] | None
    """None: no answer at all."""
    role: str
    """Only for who has assumed the role of this name, or has this access key; empty: for everybody."""
    after: int = 0
    """How many calls are spared first."""
    lie: Lie | None = None
    """What is sent in place of an answer of AWS."""

    def strikes(self, request: Request) -> bool:
        """Return whether this call is to fail, and count it."""
        if not self.concerns(request.service, request.operation):
            return False
        if self.resource not in request.text or self.times == 0:
            return False
        if self.after:
            self.after -= 1
            return False
        if self.role not in ("", request.made_by):
            return False
        if self.times is not None:
            self.times -= 1
        return True

    def concerns(self, service: str, operation: str) -> bool:
        """Return whether it is about this operation."""
        return self.service in (service, "*") and self.operation in (operation, "*")


class EmbeddedAws:
    """AWS on a port of 127.0.0.1, empty at first.

    Faults name an operation, or all of a service (or of all services) with `*`; with `role`, they are for the
    credentials of that role (or for an access key) only.
    """

    def __init__(self) -> None:
        self.endpoint = ""
        self.delay = 0.0
        """Seconds that every answer takes longer, the lab's own excepted."""
        self.calls: list[tuple[str, str]] = []
        """(service, operation) of each call in its order, such as ("s3", "HeadObject").

        The calls of tasks are among them; what Fargate itself does (writing their logs) is not.
        """
        self.asked: list[str] = []
        """Path, query and body of each of the calls, decoded."""
        self.callers: list[str] = []
        """The caller of each call: the name of an assumed role, otherwise the access key."""
        self.organization_policy: list[dict[str, Any]] | None = None
        """The statements of a service control policy, which the simulation of IAM's policies minds."""
        self.organization: str | None = None
        """The id of the account's organization; None: it is in none."""
        self.organization_path: str | None = None
        """The path of the account in it; None: it may not be read, as in most member accounts."""
        self.names_all_keys = False
        """Whether the simulation names the condition keys of statements about other actions, too."""
        self.quotas: Quotas | None = None
        """The requests a second that each service permits the caller; None: any number."""
        self.permitted: list[dict[str, Any]] | None = None
        """The statements of the policy of who calls with the lab's variables; None: may do everything."""
        self.permitted_roles: dict[str, list[dict[str, Any]]] = {}
        """The same of who has assumed a role, by its name; those of other roles may do everything."""
        self.checks_trust = False
        """Whether AssumeRole by a role requires that the other role trusts it."""
        self.buckets = Buckets()
        self.images = Images()
        self.fargate = Fargate(self)
        self.network = BeyondMoto()
        self.player = Player()
        self.healthy: dict[str, HealthyAccount] = {}
        """The account to be played, by the address of the domain controller."""
        self.empty = True
        """Whether it was neither read nor changed since the reset."""
        self._faults: list[_Fault] = []
        self._moments = Moments()
        self._lock = Lock()
        self._making = Lock()
        """Sessions of boto3 are not safe between threads."""
        self._released = Event()
        self._session: Any = None
        self._clients: dict[tuple[str, str], Any] = {}
        self._callers: dict[tuple[str, str], Any] = {}
        self._moto: Any = None

    def deny(self, service: str, operation: str, resource: str = "", times: int | None = None, role: str = "") -> None:
        """Answer that IAM denies the call."""
        self._add(service, operation, resource, times, lambda request: denied(request, resource), role)

    def throttle(
        self, service: str, operation: str, resource: str = "", times: int | None = None, role: str = ""
    ) -> None:
        """Answer that the call is throttled."""
        self._add(service, operation, resource, times, throttled, role)

    def fail_with(
        self, service: str, operation: str, code: str, message: str = "", status: int = 400,
        resource: str = "", times: int | None = None, role: str = "",
    ) -> None:  # fmt: skip
        """Answer with this error and this HTTP status."""
        self._add(service, operation, resource, times, lambda _: Problem(code, message, status), role)

    def expire(self, service: str = "*", operation: str = "*", code: str = "ExpiredToken", after: int = 0) -> None:
        """Reject the credentials with this code, after so many calls."""
        problem = Problem(code, "The security token is expired", 400)
        self._add(service, operation, "", None, lambda _: problem, "", after)

    def lie(self, service: str, operation: str, lie: Lie, after: int = 0) -> None:
        """Answer with something that AWS would not send."""
        self._add(service, operation, "", None, None, "", after, lie)

    def hang(self, service: str, operation: str, resource: str = "", times: int | None = None, role: str = "") -> None:
        """Take the call and stay silent until `reset`."""
        self._add(service, operation, resource, times, None, role)

    def at(self, service: str, operation: str, times: int, do: Callable[[], object]) -> None:
        """Do this once, when such a call was carried out so often, and before the last one is answered."""
        self._moments.add(service, operation, times, do)

    def permit(self, policy: Mapping[str, Any], role: str = "") -> None:
        """Restrict the caller with the lab's variables, or the role of this name, to this policy."""
        if role:
            self.permitted_roles[role] = list(policy["Statement"])
        else:
            self.permitted = list(policy["Statement"])

    def _add(self, *fault: Any) -> None:
        with self._lock:
            self._faults.append(_Fault(*fault))

    def reset(self) -> None:
        """End all tasks and forget everything: resources, faults, delay and calls."""
        from moto.moto_api._internal.models import moto_api_backend

        with self._lock:
            self._faults.clear()
            self._released.set()
            self._released = Event()
        self.fargate.reset()
        with self._lock:
            self.calls.clear()
            self.asked.clear()
            self.callers.clear()
        self.organization_policy = None
        self.organization = self.organization_path = None
        self.names_all_keys = False
        self.quotas = None
        self.permitted = None
        self.permitted_roles.clear()
        self.checks_trust = False
        self.buckets.clear()
        self.images.clear()
        self.network.clear()
        self._moments.clear()
        self.delay = 0.0
        self.player.play(None)
        self.empty = True
        moto_api_backend.reset()
        seed("account")

    def client(self, service: str, region: str = "us-east-1") -> Any:
        """Give the lab's own boto3 client, made once, for what the lab does with this service."""
        self.empty = False
        self.player.change(service)
        with self._making:
            key = (service, region)
            if key not in self._clients:
                self._clients[key] = self._make(service, region)
            return self._clients[key]

    def account(self, number: str) -> OtherAccount:
        """Give another account, in which the lab makes resources."""
        return OtherAccount(self, number)

    def backend(self, service: str, region: str = "us-east-1") -> Any:
        """Give what moto keeps of a service in the lab's account, to be changed there."""
        from moto.backends import get_backend

        self.player.change(service)
        return get_backend(service)[ACCOUNT][region]  # type: ignore[call-overload]

    def client_with(self, credentials: Mapping[str, Any], service: str, region: str = "us-east-1") -> Any:
        """Give a new boto3 client with the `Credentials` of AssumeRole, without the lab's privileges."""
        with self._making:
            return self._make(
                service,
                region,
                aws_access_key_id=credentials["AccessKeyId"],
                aws_secret_access_key=credentials["SecretAccessKey"],
                aws_session_token=credentials["SessionToken"],
            )

    def _make(
        self,
        service: str,
        region: str,
        attempts: int = 1,
        **credentials: str,
    ) -> Any:
        import boto3
        from botocore.config import Config

        config = Config(retries={"mode": "standard", "total_max_attempts": attempts}, proxies={}, read_timeout=30)
        self._session = self._session or boto3.Session(_LAB_KEY, "none", botocore_session=_bare_session())
        endpoint = self.endpoint
        client = self._session.client(service, region_name=region, endpoint_url=endpoint, config=config, **credentials)
        return in_process.use(client, self)

    def clients_of_caller(self, service: str, region: str) -> Any:
        """Give the boto3 client of who calls with the lab's variables, in this process; made once."""
        with self._making:
            key = (service, region)
            if key not in self._callers:
                self._callers[key] = self._make_of_caller(service, region)
            return self._callers[key]

    def _make_of_caller(self, service: str, region: str) -> Any:
        own = {"aws_access_key_id": _CALLERS_KEY, "aws_secret_access_key": "none"}
        client = guarded(self._make(service, region, ATTEMPTS, **own), CONNECT_SECONDS, READ_SECONDS)
        ask, name = client._make_api_call, client.meta.service_model.signing_name
        if limit := LIMITS.get(service):  # those of a second only: all tests of a process share these clients
            pace = Pace(replace(limit, sustained=1_000_000, burst=1), unit=PACE)
            client.meta.events.register("before-send", pace.wait)

        def call(operation: str, parameters: dict[str, Any]) -> Any:
            tape = self.player.tape_for(service) if self._is_well(name, operation) else None
            if tape is None:
                self.player.wake()
                return ask(operation, parameters)
            text = call_named(service, operation, region, parameters)
            if (answer := tape.answer(text)) is None:
                self.player.wake()
                return tape.record(text, lambda: ask(operation, parameters))
            self._note(name, operation, text, _CALLERS_KEY)
            return answer

        client._make_api_call = call
        return client

    def _is_well(self, service: str, operation: str) -> bool:
        """Return whether a call is answered as in the healthy account, as long as nothing in it is changed."""
        if any(fault.concerns(service, operation) for fault in self._faults):
            return False
        organization = self.organization_policy is not None or self.organization is not None
        simulated = not organization and not self.names_all_keys
        buckets = not (self.buckets.owners or self.buckets.policies)
        return self.permitted is None and not self.network.used and simulated and buckets

    def _note(self, service: str, operation: str, text: str, caller: str) -> None:
        self.calls.append((service, operation))
        self.asked.append(text)
        self.callers.append(caller)

    def calls_by(self, caller: str) -> list[tuple[str, str]]:
        """Give the calls that a role's name, or an access key, has made."""
        return [call for call, who in zip(self.calls, self.callers, strict=True) if who == caller]

    def variables(self, region: str = "us-east-1") -> dict[str, str]:
        """Give the environment variables that make a program use this AWS."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": _CALLERS_KEY,
            "AWS_SECRET_ACCESS_KEY": "none",
            "AWS_DEFAULT_REGION": region,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "GMSA_DOCTOR_LAB_PACE": str(PACE),
        }

    def environ(self, region: str = "us-east-1") -> dict[str, str]:
        """Give a whole environment for a subprocess: ours, without the variables that point to another AWS."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(_REMOVED) and name.lower() not in _PROXIES
        }
        return {**kept, **self.variables(region)}

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request (WSGI)."""
        if layer := self.images.blob(environ["PATH_INFO"]):
            return _send(start_response, layer[0], [("Content-Type", "application/octet-stream")], layer[1])
        request = read_request(environ)
        if request.access_key == _LAB_KEY or request.role == LAB_ROLE:
            return self._answer(request, environ, start_response)
        of_fargate = self.fargate.acts_with(request.access_key)
        with self._lock:
            if not of_fargate:
                self._note(request.service, request.operation, request.text, request.made_by)
            fault = self._fault_of(request, of_fargate=of_fargate)
            released = self._released
        if self.delay and not of_fargate:
            time.sleep(self.delay)
        if fault and fault.lie:
            return _send(start_response, fault.lie.status, list(fault.lie.headers), fault.lie.body(released))
        if request.service == "s3":
            start_response = _with_request_id(start_response)
        if fault is None:
            answer = self._answer_if_permitted(request, environ, start_response)
            if not of_fargate:
                self._moments.pass_by(request)
            return answer
        if fault.problem is None:
            released.wait()
        problem = fault.problem(request) if fault.problem else Problem("InternalFailure", "was hanging", 500)
        return _refuse(request, problem, start_response)

    def _fault_of(self, request: Request, *, of_fargate: bool) -> _Fault | None:
        if self.quotas and not of_fargate and not self.quotas.permits(request.service):
            return _Fault(request.service, request.operation, "", None, throttled, "")
        return next((fault for fault in self._faults if fault.strikes(request)), None)

    def _answer_if_permitted(
        self, request: Request, environ: dict[str, Any], start_response: StartResponse
    ) -> Iterable[bytes]:
        if self.checks_trust and (problem := trusts.refusal(request, self.organization or "")):
            return _refuse(request, problem, start_response)
        permitted = self.permitted if request.access_key == _CALLERS_KEY else self.permitted_roles.get(request.role)
        if permitted is None:
            return self._answer(request, environ, start_response)
        account = request.account or ACCOUNT
        if problem := iam_enforcer.refusal(request, permitted, account):
            return _refuse(request, problem, start_response)
        if not iam_enforcer.hides_what_is_missing(request, permitted, account):
            return self._answer(request, environ, start_response)
        started: list[tuple[Any, ...]] = []
        body = self._answer(request, environ, lambda *given: started.append(given))
        if started and str(started[0][0]).startswith("404"):
            return _refuse(request, Problem("AccessDenied", "Access Denied", 403), start_response)
        start_response(*started[0])
        return body

    def _answer(self, request: Request, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        try:
            account = request.account or ACCOUNT
            document = self.fargate.answer(request) if account == ACCOUNT else None  # the tasks are the lab's own
            simulated = iam_simulator.answer(request, self.organization_policy, all_keys=self.names_all_keys)
            of_bucket = self.buckets.answer(request, account)
            of_network = self.network.answer(request) if document is None else None
            document = document or self._describe_organization(request) or self.images.answer(request, self.endpoint)
        except Refused as refused:
            return _refuse(request, refused.problem, start_response)
        if simulated is not None:
            return _send(start_response, "200 OK", [("Content-Type", "text/xml")], simulated)
        if of_bucket is not None:
            return _send(start_response, "200 OK", [("Content-Type", "application/json")], of_bucket)
        if of_network is not None:
            kind, content = of_network
            return _send(start_response, "200 OK", [("Content-Type", kind)], content)
        if document is None and self.network.used:
            return self._changed_by_network(request, environ, start_response)
        if document is None:
            answer: Iterable[bytes] = self._moto(environ, start_response)
            return answer
        return _send(
            start_response, "200 OK", [("Content-Type", "application/x-amz-json-1.1")], json.dumps(document).encode()
        )

    def _changed_by_network(
        self, request: Request, environ: dict[str, Any], start_response: StartResponse
    ) -> Iterable[bytes]:
        started: list[Any] = []
        body = b"".join(self._moto(environ, lambda *given: started.extend(given)))
        headers = [(name, value) for name, value in started[1] if name.lower() != "content-length"]
        return _send(start_response, started[0], headers, self.network.changed(request, body))

    def _describe_organization(self, request: Request) -> dict[str, Any] | None:
        """Give the account's organization, or the account with its path in it. Raises Refused."""
        if request.operation == "DescribeAccount" and request.service == "organizations":
            if self.organization_path is None:
                raise Refused("AccessDeniedException", "You don't have permissions to access this resource.", 400)
            return {"Account": {"Id": ACCOUNT, "Paths": [f"{self.organization_path}{ACCOUNT}/"]}}
        if request.operation != "DescribeOrganization":
            return None
        if self.organization is None:
            raise Refused("AWSOrganizationsNotInUseException", "The account is not a member of an organization.", 400)
        return {"Organization": {"Id": self.organization}}

    @contextmanager
    def running(self) -> Iterator["EmbeddedAws"]:
        """Serve, in threads of this process."""
        # Read by moto when it is imported or when a backend is first used.
        os.environ.setdefault("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")
        from moto.moto_server.werkzeug_app import (
            DomainDispatcherApplication,
            MotoRequestHandler,
            create_backend_app,
        )
        from werkzeug.serving import make_server

        keep_service_models()
        keep_event_names()
        keep_methods()
        keep_indexes()

        class QuietHandler(MotoRequestHandler):
            def log(self, *_: Any) -> None:
                """Keep the calls out of the tests' output; `calls` has them."""

        self._moto = DomainDispatcherApplication(create_backend_app)
        server = make_server("127.0.0.1", 0, self, threaded=True, request_handler=QuietHandler)
        self.endpoint = f"http://127.0.0.1:{server.server_port}"
        thread = Thread(target=server.serve_forever, name="embedded AWS", daemon=True)
        thread.start()
        self.fargate.open()
        try:
            yield self
        finally:
            self._released.set()
            self.fargate.close()
            server.shutdown()
            server.server_close()
            thread.join()


def _with_request_id(start_response: StartResponse) -> StartResponse:
    """Send the header that S3 sends with each answer, and moto does not."""

    def start(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
        return start_response(status, [*headers, ("x-amz-request-id", "4442587FB7D0A2F9")], *more)

    return start


def _refuse(request: Request, problem: Problem, start_response: StartResponse) -> Iterable[bytes]:
    headers, body = encode(request, problem)
    return _send(start_response, f"{problem.status} Error", headers, body)


def _send(
    start_response: StartResponse, status: str, headers: list[tuple[str, str]], body: bytes | Iterable[bytes]
) -> Iterable[bytes]:
    if not isinstance(body, bytes):
        start_response(status, headers)
        return body
    start_response(status, [*headers, ("Content-Length", str(len(body)))])
    return [body]


def _bare_session() -> Any:
    """Give a botocore session that does not look for a developer's AWS_PROFILE."""
    from botocore.session import Session

    return Session(session_vars={"profile": (None, None, None, None)})


@contextmanager
def embedded_aws() -> Iterator[EmbeddedAws]:
    """Run an embedded AWS for as long as the context lasts."""
    with EmbeddedAws().running() as aws:
        yield aws
