"""The AWS session, typed errors for botocore's errors, and the declaration of operations."""

import os
import shlex
import socket
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Barrier, Thread

import botocore.exceptions as botocore
import pytest

from gmsa_doctor import __version__
from gmsa_doctor.clients.aws import session as client
from gmsa_doctor.clients.aws.directory_service import DirectoryService
from gmsa_doctor.clients.aws.ec2 import Ec2
from gmsa_doctor.clients.aws.ecs import Ecs
from gmsa_doctor.clients.aws.s3 import S3
from gmsa_doctor.clients.aws.session import (
    Aws,
    AwsClient,
    CredentialsProblem,
    Operation,
    operation,
    operations,
    translate,
)
from gmsa_doctor.clients.aws.sts import Sts
from gmsa_doctor.clients.aws.transport import NotAws
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
from gmsa_doctor.core.model import Status
from tests.lab import silent
from tests.lab.aws import ACCOUNT, EmbeddedAws
from tests.lab.loopback import fresh_address

KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
REGIONS = ("AWS_REGION", "AWS_DEFAULT_REGION")
ROLE = f"arn:aws:iam::{ACCOUNT}:role/checker"
SSO_ROLE = f"sso_account_id = {ACCOUNT}\nsso_role_name = checker\n"
SSO_START = "sso_start_url = https://no-such-start.invalid/start\nsso_region = us-east-1\n"


@pytest.fixture(autouse=True)
def variables(aws: EmbeddedAws, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("AWS_") or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    for name, value in aws.variables().items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def one_try(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "ATTEMPTS", 1)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch, one_try: None) -> None:
    monkeypatch.setattr(client, "CONNECT_SECONDS", 0.3)
    monkeypatch.setattr(client, "READ_SECONDS", 0.4)


@pytest.fixture
def configure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Write the AWS configuration file; there are no other credentials and regions then."""

    def write(text: str) -> None:
        file = tmp_path / "config"
        file.write_text(text)
        monkeypatch.setenv("AWS_CONFIG_FILE", str(file))
        for name in (*KEYS, *REGIONS):
            monkeypatch.delenv(name, raising=False)

    return write


def at(monkeypatch: pytest.MonkeyPatch, address: str, scheme: str = "http") -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"{scheme}://{address}")


# Region and profile -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "variable", "default", "region"),
    [
        ("eu-west-3", "eu-west-1", "eu-west-2", "eu-west-3"),
        (None, "eu-west-1", "eu-west-2", "eu-west-1"),
        (None, "", "eu-west-2", "eu-west-2"),
        (None, None, "eu-west-2", "eu-west-2"),
        (None, None, None, "eu-central-1"),
        ("", None, None, "eu-central-1"),
    ],
)
def test_the_region_is_the_argument_then_the_variables_then_the_profiles(
    given: str | None,
    variable: str | None,
    default: str | None,
    region: str,
    configure: Callable[[str], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    configure("[default]\nregion = eu-central-1\n")
    for name, value in zip(REGIONS, (variable, default), strict=True):
        if value is not None:
            monkeypatch.setenv(name, value)
    assert Aws(region=given).region == region


def test_the_region_of_the_given_profile_is_used(
    configure: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    configure("[default]\nregion = eu-central-1\n[profile prod]\nregion = eu-north-1\n")
    assert Aws("prod").region == "eu-north-1"
    monkeypatch.setenv("AWS_PROFILE", "prod")
    assert Aws().region == "eu-north-1"


def test_without_a_region_a_call_says_so(configure: Callable[[str], None], monkeypatch: pytest.MonkeyPatch) -> None:
    configure("")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "none")
    assert Aws().region is None
    with pytest.raises(CredentialsProblem, match=r"^no AWS region is configured$") as caught:
        Ecs(Aws()).describe_cluster("demo")
    assert caught.value.fix
    assert "--region" in caught.value.fix.text


@pytest.mark.parametrize("region", ["not a region", "us-east-1/", "us_east_1", "-", "evil.example#"])
def test_an_invalid_region_is_reported(region: str, configure: Callable[[str], None]) -> None:
    with pytest.raises(UsageError, match=r"is not an AWS region: add --region with a name such as us-east-1") as caught:
        Aws(region=region)
    assert str(caught.value).startswith(f"{region} is not an AWS region")
    configure(f"[default]\nregion = {region}\n")
    with pytest.raises(UsageError, match=r"is not an AWS region") as caught:
        Aws()
    assert str(caught.value).startswith(f"{region} is not an AWS region")


def test_an_unknown_profile_is_reported_with_the_known_ones(
    configure: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    configure("[profile prod]\nregion = eu-north-1\n[profile test]\nregion = eu-west-1\n")
    with pytest.raises(UsageError, match=r"\(dev\) could not be found; configured profiles: prod, test\. .*--profile"):
        Aws("dev")
    monkeypatch.setenv("AWS_PROFILE", "stage")
    with pytest.raises(UsageError, match=r"\(stage\) could not be found; configured profiles: prod, test\."):
        Aws()


def test_without_any_profile_it_says_none(configure: Callable[[str], None]) -> None:
    configure("")
    with pytest.raises(UsageError, match=r"\(dev\) could not be found; configured profiles: none\."):
        Aws("dev")


def test_a_configuration_that_cannot_be_parsed_is_reported_with_its_file(
    configure: Callable[[str], None], tmp_path: Path
) -> None:
    configure("region eu-west-1\n")
    with pytest.raises(UsageError, match=r"^the AWS configuration cannot be used: ") as caught:
        Aws()
    assert str(tmp_path / "config") in str(caught.value)


# Credentials --------------------------------------------------------------------------------------------


def test_credentials_in_the_environment_are_found(configure: Callable[[str], None]) -> None:
    assert Aws().has_credentials()
    configure("")
    assert not Aws().has_credentials()


def test_a_call_without_credentials_is_unknown_and_names_what_to_set(configure: Callable[[str], None]) -> None:
    configure("[default]\nregion = us-east-1\n")
    with pytest.raises(CredentialsProblem, match=r"^no AWS credentials are configured$") as caught:
        Sts(Aws()).caller()
    finding = caught.value.finding()
    assert finding.status is Status.UNKNOWN
    assert finding.fix
    assert "AWS_PROFILE" in finding.fix.text


def test_half_of_the_credentials_do_not_count(configure: Callable[[str], None]) -> None:
    configure("[default]\nregion = us-east-1\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\n")
    with pytest.raises(CredentialsProblem, match=r"no AWS credentials are configured"):
        Aws().has_credentials()


@pytest.mark.parametrize(
    ("program", "words"),
    [
        ("print('no json')", "cannot be loaded: Expecting value"),
        ("print('[]')", "cannot be loaded"),
        ("print('{}')", "Unsupported version"),
        ("print('{\"Version\": 1}')", "Missing required key in response: 'AccessKeyId'"),
        ("import sys; sys.exit('the vault is locked')", "the vault is locked"),
    ],
)
def test_a_credential_process_that_gives_no_credentials_is_reported(
    program: str, words: str, configure: Callable[[str], None], tmp_path: Path
) -> None:
    script = tmp_path / "process.py"
    script.write_text(program)
    configure(f"[default]\ncredential_process = {shlex.quote(sys.executable)} {shlex.quote(str(script))}\n")
    with pytest.raises(CredentialsProblem) as caught:
        Aws().has_credentials()
    assert words in caught.value.text
    assert caught.value.fix


@pytest.mark.parametrize("command", ["/no/such/program --json", "", "echo 'never closed"])
def test_a_credential_process_that_cannot_be_started_is_reported(
    command: str, configure: Callable[[str], None]
) -> None:
    configure(f"[default]\ncredential_process = {command}\n")
    with pytest.raises(CredentialsProblem, match=r"^the AWS credentials cannot be loaded: "):
        Aws().has_credentials()


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ("source_profile = other", 'source_profile "other"'),
        ("credential_source = Nonsense", '"Nonsense"'),
        ("source_profile = default", "Infinite loop"),
    ],
)
def test_a_role_with_a_wrong_source_is_reported(config: str, words: str, configure: Callable[[str], None]) -> None:
    configure(f"[default]\nrole_arn = {ROLE}\n{config}\n")
    with pytest.raises(CredentialsProblem, match=r"^the AWS credentials cannot be loaded") as caught:
        Aws().has_credentials()
    assert words in caught.value.text


@pytest.mark.parametrize(
    "config",
    [
        f"[default]\nregion = us-east-1\n{SSO_START}{SSO_ROLE}",
        f"[default]\nregion = us-east-1\nsso_session = corp\n{SSO_ROLE}[sso-session corp]\n{SSO_START}",
    ],
    ids=["legacy", "session"],
)
def test_sso_without_a_token_counts_as_credentials_until_the_first_call(
    config: str, aws: EmbeddedAws, configure: Callable[[str], None]
) -> None:
    configure(config)
    session = Aws()
    assert session.has_credentials()
    with pytest.raises(CredentialsProblem, match=r"^the AWS credentials have expired or cannot be loaded: ") as caught:
        Sts(session).caller()
    assert caught.value.fix
    assert "aws sso login" in caught.value.fix.commands
    assert aws.calls == []


def test_a_token_file_that_does_not_exist_is_reported_at_the_first_call(
    configure: Callable[[str], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure("[default]\nregion = us-east-1\n")
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(tmp_path / "token"))
    monkeypatch.setenv("AWS_ROLE_ARN", ROLE)
    with pytest.raises(CredentialsProblem, match=r"the AWS credentials cannot be loaded: .*No such file") as caught:
        Sts(Aws()).caller()
    assert str(tmp_path / "token") in caught.value.text


def test_a_denied_assume_role_is_not_a_denial_of_the_call_itself(
    aws: EmbeddedAws, configure: Callable[[str], None]
) -> None:
    configure(
        f"[default]\nregion = us-east-1\nrole_arn = {ROLE}\nsource_profile = base\n"
        "[profile base]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = none\n"
    )
    aws.deny("sts", "AssumeRole", ROLE)
    with pytest.raises(CredentialsProblem, match=r"cannot be loaded: .*AssumeRole") as caught:
        Ecs(Aws()).describe_cluster("demo")
    assert "is not authorized to perform: sts:AssumeRole" in caught.value.text
    assert aws.calls == [("sts", "AssumeRole")]


@pytest.mark.parametrize(
    "code", ["ExpiredToken", "InvalidClientTokenId", "SignatureDoesNotMatch", "InvalidAccessKeyId"]
)
def test_rejected_credentials_are_reported_with_the_code(code: str, aws: EmbeddedAws) -> None:
    aws.fail_with("sts", "GetCallerIdentity", code, "The token is no good", 403)
    with pytest.raises(CredentialsProblem) as caught:
        Sts(Aws()).caller()
    assert caught.value.text == f"AWS rejects the credentials ({code}): The token is no good"
    assert caught.value.status is Status.UNKNOWN


# Endpoint -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("variable", ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"])
@pytest.mark.parametrize(
    "url",
    [
        *("localhost:4566", "http://", "nonsense", "ftp://aws.example", "http://aws.example:99999"),
        *("http://aws.example:x", "http://aws example", "http://[::1", "https://user:hunter2@"),
    ],
)
def test_an_endpoint_that_is_not_a_url_is_reported(url: str, variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, url)
    with pytest.raises(UsageError, match=rf"^{variable} is not an endpoint: ") as caught:
        Aws()
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["http://localhost:4566", "https://vpce-1.s3.eu-west-1.vpce.amazonaws.com", "http://[::1]:80"]
)
def test_an_endpoint_that_is_a_url_is_used(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", url)
    assert Aws().client("sts").meta.endpoint_url == url


def test_each_client_is_made_once_even_in_parallel() -> None:
    session = Aws()
    start = Barrier(8)

    def make(_: int) -> int:
        start.wait()
        return id(session.client("sts"))

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(make, range(8)))) == 1
    assert session.client("ecs") is not session.client("sts")


def test_the_limits_are_those_of_this_module() -> None:
    config = Sts(Aws()).api.meta.config
    assert (config.connect_timeout, config.read_timeout) == (client.CONNECT_SECONDS, client.READ_SECONDS)
    assert config.retries["total_max_attempts"] == client.ATTEMPTS


def test_a_closed_port_is_unreachable(one_try: None, monkeypatch: pytest.MonkeyPatch) -> None:
    address = fresh_address()
    at(monkeypatch, f"{address}:80")
    with pytest.raises(Unreachable) as caught:
        Sts(Aws()).caller()
    assert caught.value.text == f"{address}:80 (sts:GetCallerIdentity): no connection to the AWS endpoint"


def test_a_name_that_does_not_resolve_is_unreachable(one_try: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_such_name(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr("socket.getaddrinfo", no_such_name)
    at(monkeypatch, "no-such-host.invalid")
    with pytest.raises(Unreachable, match=r"^no-such-host\.invalid \(s3:GetObject\): no connection"):
        S3(Aws()).get("credspecs", "web.json")


def test_an_endpoint_that_closes_the_connection_is_unreachable(one_try: None, monkeypatch: pytest.MonkeyPatch) -> None:
    address = fresh_address()
    at(monkeypatch, f"{address}:80")
    with silent.closing_at_once(address, [80]), pytest.raises(Unreachable) as caught:
        Sts(Aws()).caller()
    assert caught.value.what == f"{address}:80 (sts:GetCallerIdentity)"


def test_a_proxy_that_refuses_is_named_without_its_password(one_try: None, monkeypatch: pytest.MonkeyPatch) -> None:
    address = fresh_address()
    at(monkeypatch, "127.0.0.1:9", "https")
    monkeypatch.setenv("HTTPS_PROXY", f"http://user:Pa55word@{address}:3128")
    with pytest.raises(Unreachable, match=r"Failed to connect to proxy URL") as caught:
        Sts(Aws()).caller()
    assert f"{address}:3128" in caught.value.text
    assert "Pa55word" not in caught.value.text


def test_an_endpoint_that_drops_packets_times_out_and_is_named(
    impatient: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = fresh_address()
    at(monkeypatch, f"{address}:80")
    with silent.black_hole(address, [80]), pytest.raises(TimedOut) as caught:
        Sts(Aws()).caller()
    assert (caught.value.what, caught.value.seconds) == (f"{address}:80 (sts:GetCallerIdentity)", 0.3)


def test_an_endpoint_that_stays_silent_times_out_and_is_named(impatient: None, aws: EmbeddedAws) -> None:
    aws.hang("ecs", "DescribeClusters")
    with pytest.raises(TimedOut) as caught:
        Ecs(Aws()).describe_cluster("demo")
    host = aws.endpoint.removeprefix("http://")
    assert (caught.value.what, caught.value.seconds) == (f"{host} (ecs:DescribeClusters)", 0.4)
    assert caught.value.finding().status is Status.UNKNOWN


@contextmanager
def a_web_page(status: int) -> Iterator[str]:
    """Serve a web page like a proxy that requires a login; give its host and port."""
    page = b"<html><body>Please <b>log in</body></html>"

    class Page(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.send_response(status)
            self.send_header("Content-Length", str(len(page)))
            self.end_headers()
            self.wfile.write(page)

        def log_message(self, format: str, *args: object) -> None:
            """Keep the requests out of the tests' output."""

    with closing(_Server((fresh_address(), 0), Page)) as server:
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"{server.server_address[0]!s}:{server.server_port}"
        server.shutdown()
        thread.join()


class _Server(ThreadingHTTPServer):
    def close(self) -> None:
        self.server_close()


@pytest.mark.parametrize("status", [200, 403])
def test_a_web_page_in_place_of_an_answer_is_reported_without_its_text(
    status: int, one_try: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    with a_web_page(status) as host:
        at(monkeypatch, host)
        with pytest.raises(NotAws) as caught:
            Sts(Aws()).caller()
    assert caught.value.text == "sts:GetCallerIdentity: the answer is not from AWS (a proxy?)"


def test_an_endpoint_without_tls_is_unreachable_and_says_why(one_try: None, monkeypatch: pytest.MonkeyPatch) -> None:
    with a_web_page(200) as host:
        at(monkeypatch, host, "https")
        with pytest.raises(Unreachable, match=r"SSL validation failed") as caught:
            Sts(Aws()).caller()
    assert caught.value.what == f"{host} (sts:GetCallerIdentity)"


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_password_in_the_endpoints_url_is_not_shown(
    scheme: str, one_try: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    with a_web_page(200) as host:
        at(monkeypatch, f"somebody:canary-7319@{host}", scheme)
        with pytest.raises((NotAws, Unreachable)) as caught:
            Sts(Aws()).caller()
        at(monkeypatch, f"somebody:canary-7319@{fresh_address()}:9", scheme)
        with pytest.raises(Unreachable) as unreachable:
            Sts(Aws()).caller()
    assert "canary" not in caught.value.text + unreachable.value.text


# Errors of the services, for real -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("service", "name", "resource", "call"),
    [
        ("ecs", "DescribeClusters", "demo", lambda aws: Ecs(aws).describe_cluster("demo")),
        ("ecs", "DescribeTaskDefinition", "*", lambda aws: Ecs(aws).describe_task_definition("web:1")),
        ("ec2", "DescribeVpcs", "*", lambda aws: Ec2(aws).vpc("vpc-1")),
        ("ec2", "DescribeSubnets", "*", lambda aws: Ec2(aws).subnets(("subnet-1", "subnet-2"))),
        ("s3", "GetObject", "credspecs", lambda aws: S3(aws).get("credspecs", "web.json")),
        ("ds", "DescribeDirectories", "*", lambda aws: DirectoryService(aws).directories()),
        ("sts", "GetCallerIdentity", "*", lambda aws: Sts(aws).caller()),
    ],
)
def test_a_denial_names_the_action_and_the_resource(
    service: str, name: str, resource: str, call: Callable[[Aws], object], aws: EmbeddedAws
) -> None:
    aws.deny(service, name)
    with pytest.raises(Denied) as caught:
        call(Aws())
    error = caught.value
    assert (error.action, error.resource) == (f"{service}:{name}", resource)
    assert error.text == f"access denied: {service}:{name} on {resource}"
    assert f"is not authorized to perform: {service}:{name}" in error.aws_text
    assert error.fix
    assert error.fix.text.startswith(f"Allow {service}:{name} on {resource} for")


@pytest.mark.parametrize(
    ("service", "name", "code", "call"),
    [
        ("ecs", "DescribeClusters", "ThrottlingException", lambda aws: Ecs(aws).describe_cluster("demo")),
        ("ec2", "DescribeVpcs", "RequestLimitExceeded", lambda aws: Ec2(aws).vpc("vpc-1")),
        ("s3", "GetObject", "SlowDown", lambda aws: S3(aws).get("credspecs", "web.json")),
        ("sts", "GetCallerIdentity", "Throttling", lambda aws: Sts(aws).caller()),
    ],
)
def test_throttling_is_reported_with_the_services_code(
    service: str, name: str, code: str, call: Callable[[Aws], object], one_try: None, aws: EmbeddedAws
) -> None:
    aws.throttle(service, name)
    with pytest.raises(Throttled) as caught:
        call(Aws())
    assert caught.value.text == f"AWS throttled {service}:{name} ({code}), 1 times"


def test_a_throttled_call_is_repeated_up_to_the_limit(aws: EmbeddedAws, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "ATTEMPTS", 2)
    aws.throttle("sts", "GetCallerIdentity", times=3)
    with pytest.raises(Throttled, match=r"2 times"):
        Sts(Aws()).caller()
    assert aws.calls == [("sts", "GetCallerIdentity")] * 2
    assert Sts(Aws()).caller()["Account"] == ACCOUNT
    assert aws.calls == [("sts", "GetCallerIdentity")] * 4


def test_any_other_error_keeps_code_and_message(aws: EmbeddedAws) -> None:
    aws.fail_with("ecs", "DescribeClusters", "ClientException", "Something else")
    with pytest.raises(ServiceError) as caught:
        Ecs(Aws()).describe_cluster("demo")
    assert (caught.value.code, caught.value.text) == (
        "ClientException",
        "ecs:DescribeClusters: ClientException: Something else",
    )
    assert caught.value.status is Status.UNKNOWN


# translate ----------------------------------------------------------------------------------------------


def of_the_service(code: str, message: str = "words of AWS", name: str = "GetThing") -> botocore.ClientError:
    return botocore.ClientError({"Error": {"Code": code, "Message": message}}, name)


@pytest.mark.parametrize(
    ("codes", "kind"),
    [
        ("AccessDenied AccessDeniedException UnauthorizedOperation AuthorizationError Forbidden 403", Denied),
        (
            "Throttling ThrottlingException ThrottledException RequestThrottled RequestThrottledException "
            "RequestLimitExceeded TooManyRequestsException SlowDown BandwidthLimitExceeded",
            Throttled,
        ),
        (
            "ExpiredToken ExpiredTokenException RequestExpired InvalidClientTokenId UnrecognizedClientException "
            "InvalidAccessKeyId SignatureDoesNotMatch InvalidSignatureException InvalidToken AuthFailure "
            "MissingAuthenticationToken MissingAuthenticationTokenException",
            CredentialsProblem,
        ),
        (
            "NoSuchKey NoSuchBucket 404 ParameterNotFound ResourceNotFoundException ClusterNotFoundException "
            "InvalidSubnetID.NotFound InvalidVpcID.NotFound EntityDoesNotExistException NoSuchHostedZone",
            NotFound,
        ),
        ("ClientException InvalidRequestException KMS.DisabledException 500 NotAccessDenied", ServiceError),
    ],
)
def test_each_code_of_a_service_has_its_kind_of_error(codes: str, kind: type[ClientError]) -> None:
    kinds = {code: type(translate(of_the_service(code), "svc:GetThing", "thing")) for code in codes.split()}
    assert kinds == dict.fromkeys(codes.split(), kind)


def test_the_services_text_stays_in_the_error() -> None:
    denied = translate(of_the_service("AccessDenied"), "svc:GetThing", "thing")
    assert isinstance(denied, Denied)
    assert (denied.action, denied.resource, denied.aws_text) == ("svc:GetThing", "thing", "words of AWS")
    missing = translate(of_the_service("NoSuchKey"), "svc:GetThing", "thing")
    assert isinstance(missing, NotFound)
    assert (missing.code, missing.text) == ("NoSuchKey", "svc:GetThing: words of AWS")
    assert translate(of_the_service("404", ""), "svc:GetThing", "thing").text == "svc:GetThing: 404"
    without_words = botocore.ClientError({"Error": {"Code": "Odd"}}, "GetThing")
    assert translate(without_words, "svc:GetThing", "thing").text == "svc:GetThing: Odd: "


@pytest.mark.parametrize(
    "name", ["AssumeRole", "AssumeRoleWithWebIdentity", "AssumeRoleWithSAML", "GetRoleCredentials", "CreateToken"]
)
@pytest.mark.parametrize("code", ["AccessDenied", "Throttling", "NoSuchEntity", "ValidationError"])
def test_a_failure_while_credentials_are_fetched_is_a_credentials_problem(name: str, code: str) -> None:
    error = translate(of_the_service(code, name=name), "svc:GetThing", "thing")
    assert isinstance(error, CredentialsProblem)
    assert "words of AWS" in error.text


URL = "https://ecs.eu-west-1.amazonaws.com/path?query"
WHAT = "ecs.eu-west-1.amazonaws.com (ecs:DescribeClusters)"


@pytest.mark.parametrize(
    ("error", "kind", "text"),
    [
        (botocore.ConnectTimeoutError(endpoint_url=URL), TimedOut, f"{WHAT} did not answer within 3 s"),
        (botocore.ReadTimeoutError(endpoint_url=URL), TimedOut, f"{WHAT} did not answer within 8 s"),
        (
            botocore.ReadTimeoutError(endpoint_url=None),
            TimedOut,
            "the AWS endpoint (ecs:DescribeClusters) did not answer within 8 s",
        ),
        (
            botocore.EndpointConnectionError(endpoint_url=URL),
            Unreachable,
            f"{WHAT}: no connection to the AWS endpoint",
        ),
        (botocore.ConnectionClosedError(endpoint_url=URL), Unreachable, f"{WHAT}: no connection to the AWS endpoint"),
        (
            botocore.HTTPClientError(error="broken"),
            Unreachable,
            "the AWS endpoint (ecs:DescribeClusters): no connection to the AWS endpoint",
        ),
        (
            botocore.SSLError(endpoint_url=URL, error="certificate verify failed"),
            Unreachable,
            f"{WHAT}: SSL validation failed for {URL} certificate verify failed",
        ),
        (botocore.NoRegionError(), CredentialsProblem, "no AWS region is configured"),
        (botocore.NoCredentialsError(), CredentialsProblem, "no AWS credentials are configured"),
        (
            botocore.PartialCredentialsError(provider="env", cred_var="AWS_SECRET_ACCESS_KEY"),
            CredentialsProblem,
            "no AWS credentials are configured",
        ),
        (
            FileNotFoundError(2, "No such file or directory", "token"),
            CredentialsProblem,
            "the AWS credentials cannot be loaded: [Errno 2] No such file or directory: 'token'",
        ),
        (
            botocore.ParamValidationError(report="too short"),
            ServiceError,
            "ecs:DescribeClusters: ParamValidationError: Parameter validation failed:\ntoo short",
        ),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_each_error_of_botocore_has_its_kind_and_text(error: Exception, kind: type[ClientError], text: str) -> None:
    found = translate(error, "ecs:DescribeClusters", "demo")
    assert (type(found), found.text) == (kind, text)


@pytest.mark.parametrize(
    "error",
    [
        botocore.UnauthorizedSSOTokenError(),
        botocore.SSOTokenLoadError(error_msg="it is not there"),
        botocore.SSOError(),
        botocore.TokenRetrievalError(provider="sso", error_msg="it has expired"),
        botocore.CredentialRetrievalError(provider="custom-process", error_msg="it is locked"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_expired_session_is_reported_with_the_fix(error: Exception) -> None:
    found = translate(error, "ecs:DescribeClusters", "demo")
    assert isinstance(found, CredentialsProblem)
    assert found.status is Status.UNKNOWN
    assert found.text == f"the AWS credentials have expired or cannot be loaded: {error}"
    assert found.fix
    assert found.fix.commands[0] == "aws sso login"


# operation ----------------------------------------------------------------------------------------------


class Things(AwsClient):
    """A client of a service of our own."""

    service = "sts"

    def __init__(self, aws: Aws, *errors: Exception) -> None:
        super().__init__(aws)
        self.errors = list(errors)
        self.asked: list[object] = []

    @operation("svc:GetThing")
    def get(self, name: str, version: int = 1) -> str:
        """Give a thing."""
        self.asked.append((name, version))
        if self.errors:
            raise self.errors.pop(0)
        return f"{name}:{version}"

    @operation("svc:HeadThings", "svc:ListThings")
    def head(self, names: tuple[str, ...] = ()) -> int:
        self.asked.append(names)
        raise of_the_service("403", "Forbidden")

    def undeclared(self) -> None:
        """Call nothing."""


def test_a_client_lists_the_operations_and_actions_of_its_methods() -> None:
    expected = (Operation("svc:GetThing", "svc:GetThing"), Operation("svc:HeadThings", "svc:ListThings"))
    assert operations(Things) == expected
    assert operations(AwsClient) == ()
    assert Things.get.__name__ == "get"
    assert Things.get.__doc__ == "Give a thing."


def test_an_answer_is_remembered_for_equal_arguments() -> None:
    things = Things(Aws())
    assert [things.get("a"), things.get("a")] == ["a:1", "a:1"]
    assert [things.get("a", version=2), things.get("a", version=2)] == ["a:2", "a:2"]
    assert things.asked == [("a", 1), ("a", 2)]


def test_each_client_has_its_own_memory() -> None:
    session = Aws()
    one, other = Things(session), Things(session)
    assert one.get("a") == other.get("a")
    assert one.asked == other.asked == [("a", 1)]


def test_a_failure_is_remembered_as_well() -> None:
    things = Things(Aws(), of_the_service("NoSuchThing"))
    for _ in range(2):
        with pytest.raises(NotFound, match=r"^svc:GetThing: words of AWS$"):
            things.get("a")
    assert things.asked == [("a", 1)]
    assert things.get("b") == "b:1"


def test_a_typed_error_passes_and_a_bug_is_not_remembered() -> None:
    things = Things(Aws(), NotFound("gone", "Gone"), ZeroDivisionError())
    with pytest.raises(NotFound, match=r"^gone$"):
        things.get("a")
    with pytest.raises(ZeroDivisionError):
        things.get("b")
    assert things.get("b") == "b:1"


def test_a_denial_names_the_declared_action_and_the_first_argument() -> None:
    things = Things(Aws())
    for arguments, resource in (((), "*"), ((("a", "b"),), "a, b")):
        with pytest.raises(Denied) as caught:
            things.head(*arguments)
        assert (caught.value.action, caught.value.resource) == ("svc:ListThings", resource)


def test_parallel_calls_are_made_once(aws: EmbeddedAws) -> None:
    sts = Sts(Aws())
    start = Barrier(6)

    def ask(_: int) -> object:
        start.wait()
        return sts.caller()["Account"]

    aws.delay = 0.1
    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(ask, range(6))) == [ACCOUNT] * 6
    assert aws.calls == [("sts", "GetCallerIdentity")]


# What many subjects share -------------------------------------------------------------------------------


def test_sessions_share_what_botocore_knows_of_services(aws: EmbeddedAws) -> None:
    first, second = (Aws(region=region) for region in ("us-east-1", "eu-west-1"))
    loaders = [session._session.get_component("data_loader") for session in (first, second)]
    resolvers = [session._session._get_internal_component("endpoint_resolver") for session in (first, second)]
    assert loaders[0] is loaders[1]
    assert resolvers[0] is resolvers[1]
    before = loaders[0].load_service_model("sts", "service-2")
    assert second.client("sts").meta.region_name == "eu-west-1"
    assert loaders[1].load_service_model("sts", "service-2") is before


def test_that_a_request_was_throttled_is_not_remembered(aws: EmbeddedAws, one_try: None) -> None:
    aws.throttle("sts", "GetCallerIdentity", times=1)
    sts = Sts(Aws())
    with pytest.raises(Throttled):
        sts.caller()
    assert sts.caller()["Account"] == ACCOUNT


def test_a_service_that_has_answered_is_silent_when_it_does_not_answer_twice_in_a_row(aws: EmbeddedAws) -> None:
    session, late = Aws(), TimedOut("sts.example", 8)
    Sts(session).caller()
    for silent_services in ([], ["sts"]):
        session.timed_out("sts", "sts:GetCallerIdentity", late)
        assert list(session.silent) == silent_services
    session.timed_out("ecs", "ecs:ListClusters", late)  # which has never answered
    assert "ecs" in session.silent


def test_requests_name_us_as_who_sends_them(aws: EmbeddedAws) -> None:
    sts, sent = Aws().client("sts"), []
    sts.meta.events.register("before-send", lambda request, **_: sent.append(request.headers["User-Agent"]))
    sts.get_caller_identity()
    (name,) = (value.decode() if isinstance(value, bytes) else value for value in sent)
    assert name.startswith(f"gmsa-doctor/{__version__} Botocore/")
