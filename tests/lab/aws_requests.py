"""The service and operation of an AWS request, from the request as botocore sends it."""

import io
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import parse_qs, unquote, unquote_plus, urlsplit

import botocore.session
from botocore.loaders import Loader

_SESSION = botocore.session.Session()
_SESSION.register_component("data_loader", Loader())  # its own: S3's clients change the paths in what they have read


@dataclass(frozen=True)
class Request:
    """A request to AWS, as far as the lab looks at it."""

    service: str
    """The signing name, such as `secretsmanager`."""
    operation: str
    """Such as `GetSecretValue`; empty if it is not known."""
    protocol: str
    """json, rest-json, query, ec2, rest-xml, or smithy-rpc-v2-cbor."""
    method: str
    access_key: str
    text: str
    """Path, query and body, decoded: where the name of a resource is looked for."""
    region: str = ""
    role: str = ""
    """The name of the role whose temporary credentials sign the request; empty for others."""
    caller: str = ""
    """The ARN of that role's session."""
    body: bytes = b""
    expected_owner: str = ""
    """The account that is to own the bucket; empty: whichever."""

    @property
    def account(self) -> str:
        """Give the account of the session that makes the request; empty for others than sessions of roles."""
        return self.caller.split(":")[4] if self.caller else ""

    @property
    def made_by(self) -> str:
        """Give the role's name, otherwise the access key."""
        return self.role or self.access_key


def read_request(environ: dict[str, Any]) -> Request:
    """Look at a WSGI request, and put its body back for whoever answers it."""
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    environ["wsgi.input"] = io.BytesIO(body)
    path = unquote(environ.get("RAW_URI", environ["PATH_INFO"]))
    text = f"{path}\n{unquote_plus(body.decode(errors='replace'))}"
    access_key, region, service = _credential_scope(environ.get("HTTP_AUTHORIZATION", ""))
    protocol, operation = _operation(service, environ, body)
    role, caller = _assumed_role(access_key)
    owner = environ.get("HTTP_X_AMZ_EXPECTED_BUCKET_OWNER", "")
    return Request(
        service, operation, protocol, environ["REQUEST_METHOD"], access_key, text, region, role, caller, body, owner
    )  # fmt: skip


def _credential_scope(authorization: str) -> tuple[str, str, str]:
    """Give access key, region and service of a signed request; three empty texts for another."""
    _, _, scope = authorization.partition("Credential=")
    parts = scope.split(",")[0].split("/")
    return (parts[0], parts[2], parts[3]) if len(parts) == 5 else ("", "", "")


def _assumed_role(access_key: str) -> tuple[str, str]:
    """Give the role's name and the session's ARN of temporary credentials; two empty texts for others."""
    if not access_key.startswith("ASIA"):
        return "", ""
    from moto.sts.models import sts_backends

    for account in list(sts_backends.values()):
        for backend in list(account.values()):
            session = backend.get_assumed_role_from_access_key(access_key)
            if session is not None:
                return str(session.role_arn).rpartition("/")[2], str(session.arn)
    return "", ""


def _operation(service: str, environ: Mapping[str, Any], body: bytes) -> tuple[str, str]:
    target, path = environ.get("HTTP_X_AMZ_TARGET", ""), environ["PATH_INFO"]
    if target:
        return "json", target.rpartition(".")[2]
    if environ.get("HTTP_SMITHY_PROTOCOL") == "rpc-v2-cbor":
        return "smithy-rpc-v2-cbor", path.rpartition("/")[2]
    if environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded"):
        action = parse_qs(body.decode(errors="replace")).get("Action", [""])[0]
        return ("ec2" if service == "ec2" else "query"), action
    copies = "HTTP_X_AMZ_COPY_SOURCE" in environ
    method, query = environ["REQUEST_METHOD"], environ["QUERY_STRING"]
    return _rest_protocol(service), _rest_operation(service, method, path, query, copies)


@cache
def _rest_protocol(service: str) -> str:
    known = service in _SESSION.get_available_services()
    return "rest-json" if known and _SESSION.get_service_model(service).protocol == "rest-json" else "rest-xml"


def _rest_operation(service: str, method: str, path: str, query: str, copies: bool) -> str:
    """Find the operation whose method, path and fixed query agree with the request: the most specific one."""
    given = parse_qs(query, keep_blank_values=True)
    segments = [segment for segment in path.split("/") if segment]
    best, best_rank = "", (-1, -1)
    for name, wanted_method, template, wanted_query in _rest_routes(service):
        if wanted_method != method or not _fits(template, segments):
            continue
        if any(key not in given or (value and given[key] != [value]) for key, value in wanted_query):
            continue
        if name == "CopyObject" and not copies:
            continue
        rank = (len(wanted_query), sum(not part.startswith("{") for part in template))
        if rank > best_rank:
            best, best_rank = name, rank
    return best


def _fits(template: tuple[str, ...], segments: list[str]) -> bool:
    greedy = bool(template) and template[-1].endswith("+}")
    if len(segments) < len(template) or (len(segments) > len(template) and not greedy):
        return False
    pairs = zip(template, segments, strict=False)
    return all(part.startswith("{") or part == segment for part, segment in pairs)


_Route = tuple[str, str, tuple[str, ...], tuple[tuple[str, str], ...]]


@cache
def _rest_routes(service: str) -> tuple[_Route, ...]:
    """Give (operation, method, path's parts, query that it always has) of all operations of a REST service."""
    if service not in _SESSION.get_available_services():
        return ()
    model = _SESSION.get_service_model(service)
    routes: list[_Route] = []
    for name in model.operation_names:
        operation = model.operation_model(name)
        uri = urlsplit(operation.http["requestUri"])
        fixed = [(key, value) for key, _, value in (pair.partition("=") for pair in uri.query.split("&") if pair)]
        parts = tuple(part for part in uri.path.split("/") if part)
        routes.append((name, operation.http["method"], parts, (*fixed, *_required_query(operation))))
    return tuple(routes)


def _required_query(operation: Any) -> list[tuple[str, str]]:
    """Give the parameters that every call of the operation has in its query, with whatever value."""
    shape = operation.input_shape
    members = [shape.members[name].serialization for name in shape.required_members] if shape else []
    return [(one["name"], "") for one in members if one.get("location") == "querystring"]
