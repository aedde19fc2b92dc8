"""The fuzz targets: each feeds bytes to parsers, which may raise their own typed errors and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from gmsa_doctor.core.changes import Change
from gmsa_doctor.formats.ad import (
    ccache,
    filetime,
    group_key,
    guid,
    kdc_reply,
    krb_error,
    logon_hours,
    managed_password,
    security_descriptor,
    sid,
)
from gmsa_doctor.formats.aws import arn, iam_policy_document, value_from
from gmsa_doctor.formats.documents import (
    credspec,
    json_text,
    located,
    names,
    near_keys,
    placeholders,
    secret,
    task_definition,
    text_edits,
    yaml_text,
)
from gmsa_doctor.formats.sql_server import connection_string, sql_browser
from gmsa_doctor.formats.templates import (
    cdk_out,
    cloudformation,
    compose,
    container_list,
    kubernetes,
    terraform_configuration,
    terraform_plan,
)
from tests import ccaches
from tests.formats.ad.test_kdc_reply import demands, reply
from tests.lab.descriptor import READ_PROPERTY, Entry, descriptor
from tests.lab.krb_error import error, extended

SAMPLES = Path(__file__).parent / "samples"
"""Inputs that once made a parser fail, a directory a target."""


@dataclass(frozen=True)
class Target:
    """Parsers that read one kind of input. ``seeds``: good inputs to begin with; ``words``: pieces of them."""

    name: str
    feed: Callable[[bytes], object]
    seeds: tuple[bytes, ...]
    words: tuple[bytes, ...] = ()

    @property
    def samples(self) -> tuple[Path, ...]:
        """Inputs that made it fail before."""
        return tuple(sorted((SAMPLES / self.name).glob("*")))


def _blob(data: bytes) -> None:
    with suppress(managed_password.BlobError):
        found = managed_password.parse(data)
        found.utf8().reveal().decode()
        assert found.has_newline in (True, False)
        assert "<hidden>" in repr(found)


def _descriptor(data: bytes) -> None:
    with suppress(security_descriptor.DescriptorError):
        entries = security_descriptor.dacl(data)
        allowed, by = security_descriptor.decide(entries, {"S-1-1-0"})
        assert by is None or by.allow is allowed
    with suppress(sid.SidError):
        text = sid.parse(data)
        assert text.startswith("S-1-")
        sid.rid_of(text)
        sid.domain_of(text)


def _group_key(data: bytes) -> None:
    with suppress(group_key.EnvelopeError):
        found = group_key.parse(data)
        assert len(found.root_key) == 36


def _kdc(data: bytes) -> None:
    krb_error.parse(data)
    kdc_reply.parse(data)


def _ccache(data: bytes) -> None:
    with suppress(ccache.CcacheError):
        found = ccache.parse(data)
        for one in found.credentials:
            assert str(one.client)
            assert one.enctype_name
        _ = found.tgt


def _names(data: bytes) -> None:
    text = data.decode("utf-8", "surrogateescape")
    names.domain_name_defect(text)
    names.domain_name_defect(text, needs_dot=True)
    names.account_name_defects(text)
    names.bare_account_name(text)
    names.user_name_form(text)
    names.bare_user_name(text)


def _arn(data: bytes) -> None:
    text = data.decode("utf-8", "surrogateescape")
    for parse in (
        arn.parse_arn,
        arn.parse_s3_object_arn,
        arn.parse_ssm_parameter_arn,
        arn.parse_secret_arn,
        arn.parse_role_arn,
        value_from.parse,
    ):
        with suppress(arn.ArnError):
            parse(text)
    task_definition.split_credential_spec(text)


def _credspec(data: bytes) -> None:
    text = json_text.decode(data)
    if isinstance(text, json_text.Text):
        found = json_text.parse(text.text)
        if isinstance(found, json_text.Document):
            credspec.read_credspec(found.value)


def _secret(data: bytes) -> None:
    found = secret.read_secret(data.decode("utf-8", "surrogateescape"))
    if isinstance(found, secret.SecretDocument):
        secret.read_fields(found)
        secret.read_fields(found, rotation=True)


def _connection_string(data: bytes) -> None:
    text = data.decode("utf-8", "surrogateescape")
    connection_string.may_be_one(text)
    with suppress(connection_string.ConnectionStringError):
        connection_string.parse(text)


def _sql_browser(data: bytes) -> None:
    for one in (data, b"\x05" + (len(data) & 0xFFFF).to_bytes(2, "little") + data):
        with suppress(sql_browser.BrowserAnswerError):
            for found in sql_browser.parse(one):
                assert found.port is None or found.has_tcp


_REQUEST = iam_policy_document.PolicyRequest(
    arn.parse_role_arn("arn:aws:iam::123456789012:role/r"),
    "s3:GetObject",
    "arn:aws:s3:::b/k",
    {"aws:securetransport": ("true",), "s3:versionid": ()},
)


def _policy(data: bytes) -> None:
    with suppress(iam_policy_document.PolicyError):
        iam_policy_document.rule(data.decode("utf-8", "replace"), _REQUEST)


def _attributes(data: bytes) -> None:
    text = data.decode("utf-8", "replace")
    guid.parse(data)
    guid.plain(text)
    assert 0 <= logon_hours.allowed(data) <= logon_hours.HOURS
    logon_hours.allows(data, datetime(2026, 3, 1, 12, tzinfo=UTC))
    ticks = filetime.number(text)
    if ticks is not None:
        filetime.instant(ticks)


def _definitions(read: Callable[[], object]) -> None:
    with suppress(located.LocatedError):
        read()


def _located(text: str, read: Callable[[str], located.Located]) -> None:
    with suppress(located.LocatedError):
        found = read(text)
        if cloudformation.is_template(found.value):
            _definitions(lambda: cloudformation.read_template(found, {"P": "x"}).definitions)
        if compose.is_compose(found.value):
            _definitions(lambda: compose.definitions(found))
        if terraform_plan.is_plan(found.value):
            _definitions(lambda: terraform_plan.definitions(found))
        if container_list.is_container_list(found.value):
            _definitions(lambda: container_list.definition("x.json", found))
        kubernetes.credspec(found)
        placeholders.marked(found.value)
        near_keys.near_keys(found)
        with suppress(task_definition.TaskDefinitionError):
            task_definition.read_task_definition(found.value)


def _json_file(data: bytes) -> None:
    text = data.decode("utf-8", "replace")
    moved = text_edits.located(data, Change("credentialSpecs", "credentialSpecs", into=0), 1, 1)
    text_edits.applied(data, moved or ())
    _located(text, located.read_json)
    with suppress(located.LocatedError):
        cdk_out.read_manifest(text)


def _yaml_file(data: bytes) -> None:
    _located(data.decode("utf-8", "replace"), yaml_text.read_yaml)


def _terraform_file(data: bytes) -> None:
    with suppress(located.LocatedError):
        for found in terraform_configuration.definitions(data.decode("utf-8", "replace")):
            placeholders.marked(found.located.value)
            with suppress(task_definition.TaskDefinitionError):
                task_definition.read_task_definition(found.located.value, found.near)


_READER = "S-1-5-21-1-2-3-1103"
_BLOB = bytes.fromhex("01000000240000001000000012001a00") + b"x\0\0\0" + b"\0" * 16
_CREDSPEC = b"""{"CmsPlugins":["ActiveDirectory"],"DomainJoinConfig":{"Sid":"S-1-5-21-1-2-3","DnsName":"corp.example",
"MachineAccountName":"w","NetBiosName":"CORP","Guid":"5c0d2e9b-8f43-4e0c-9d55-6b1f0f5b7c11"},"ActiveDirectoryConfig":
{"GroupManagedServiceAccounts":[{"Name":"w","Scope":"CORP"}],"HostAccountConfig":{"PortableCcgVersion":"1","PluginGUID":
"{859E1386-BDB4-49E8-85C7-3070B13920E1}","PluginInput":{"CredentialArn":"arn:aws:secretsmanager:us-east-1:1:secret:a"}}}}"""
_TEMPLATE = b"""{"Resources":{"T":{"Type":"AWS::ECS::TaskDefinition","Properties":{"ContainerDefinitions":[{
"Name":"web","CredentialSpecs":[{"Fn::Sub":"credentialspecdomainless:${B.Arn}/x"}],"Environment":[{"Name":"A","Value":{"Ref":"P"}}]}],
"Volumes":[{"Fn::If":["C",{"Fn::GetAtt":["a","b"]},{"Ref":"AWS::NoValue"}]}]}}},"Parameters":{"P":{"Type":"String",
"Default":"x"}},"Conditions":{"C":{"Fn::Equals":[{"Ref":"P"},"x"]}},"Transform":"AWS::Serverless-2016-10-31"}"""
_YAML = b"""Resources:
  T:
    Type: AWS::ECS::TaskDefinition
    Properties:
      ContainerDefinitions:
        - &web
          Name: web
          CredentialSpecs: [!Sub 'credentialspecdomainless:${B.Arn}/x']
          Environment: !If [C, !Ref P, !GetAtt a.b]
        - <<: *web
          Name: "two\\u00e9"
Mappings: {M: {a: {b: c}}}
Text: |
  more
  lines
"""
_PLAN = b"""{"format_version":"1.2","planned_values":{"root_module":{"resources":[{
"address":"aws_ecs_task_definition.a","type":"aws_ecs_task_definition","values":{"family":"a","container_definitions":"[{\\"name\\":\\"web\\"}]"}}]}}}"""
_TERRAFORM = b"""resource "aws_ecs_task_definition" "web" {
  family = "web"
  network_mode = var.mode
  requires_compatibilities = ["FARGATE"]
  runtime_platform { cpu_architecture = "ARM64" }
  container_definitions = jsonencode([{name = "web", cpu = 10, image : "w:${var.tag}", essential = true,
    credentialSpecs = ["credentialspecdomainless:${b.arn}/$${x}"] }])
}
"""
_TERRAFORM_TEXT = b"""resource "aws_ecs_task_definition" "text" {
  container_definitions = <<-EOF
    [{"name": "web", "credentialSpecs": []}]
  EOF
}
"""
_WORDS = (
    b"Fn::",
    b"!Sub",
    b"!If",
    b"${",
    b"Ref",
    b"\\u",
    b"\\ud800",
    b"<<: *web",
    b"&a",
    b"*a",
    b"e308",
    b"\xef\xbb\xbf",
)

TARGETS = (
    Target("managed-password", _blob, (_BLOB,)),
    Target("group-key", _group_key, (b"\1\0\0\0KDSK" + bytes(32), b"\1\0\0\0KDSK" + b"\xff" * 40)),
    Target(
        "security-descriptor",
        _descriptor,
        (
            descriptor(Entry(_READER), Entry("S-1-1-0", allow=False, mask=READ_PROPERTY)),
            descriptor(Entry(_READER, object_type="e362ed86-b728-0842-b27d-2dea7a9df218")),
            descriptor(dacl=False),
            bytes.fromhex("010500000000000515000000010000000200000003000000f4010000"),
        ),
    ),
    Target(
        "kdc-answers",
        _kdc,
        (error(24), error(18, extended(0xC0000234)), error(25, demands(18, 23)), reply(0x6B, 11), reply(0x6D, 13)),
        (b"\xa6\x03\x02\x01", b"\xac", b"\x30\x80", b"\x84"),
    ),
    Target(
        "ccache",
        _ccache,
        tuple(ccaches.build(replace(ccaches.CACHE, version=version)) for version in (3, 4)),
        (b"X-CACHECONF:", b"krbtgt", b"\x05\x04", b"\x05\x03"),
    ),
    Target("names", _names, (b"corp.example", b"CORP\\webapp01$", b"old:new", b"u@corp.example", b"a-b_c.d")),
    Target(
        "arn",
        _arn,
        (
            b"arn:aws:s3:::bucket/key",
            b"arn:aws-cn:ssm:cn-north-1:123456789012:parameter/a/b",
            b"arn:aws:secretsmanager:us-east-1:123456789012:secret:a-AbCdEf",
            b"arn:aws:secretsmanager:us-east-1:123456789012:secret:a-AbCdEf:key:AWSPREVIOUS:1",
            b"arn:aws:ecs:us-east-1:123456789012:task-definition/a:1",
            b"arn:aws:iam::123456789012:role/p/r",
            b"credentialspecdomainless:arn:aws:s3:::b/k",
        ),
        (b"arn:", b"::", b"credentialspec:"),
    ),
    Target(
        "credspec",
        _credspec,
        (_CREDSPEC, b"\xef\xbb\xbf" + _CREDSPEC, _CREDSPEC.decode().encode("utf-16"), b"// a\n{'a':1,}"),
        (b'"DnsName"', b'"PluginInput":', b"null", b"[{}]", *_WORDS),
    ),
    Target(
        "secret",
        _secret,
        (
            b'{"username":"u","password":"p","domainName":"corp.example"}',
            b'{"usernameOfStandardUserAccount":"a:b","passwordOfStandardUserAccount":"p","distinguishedName":"CN=x"}',
        ),
        (b'"username":', b'"password":', b'"domainName":', b'"distinguishedName":', *_WORDS),
    ),
    Target(
        "connection-string",
        _connection_string,
        (
            b"Server=tcp:db.corp.example,1433;Integrated Security=SSPI;Password={a};b}",
            b"Driver={ODBC Driver 18 for SQL Server};Server=db\\INSTANCE;Trusted_Connection=yes",
            b"jdbc:sqlserver://db.corp.example\\I:1433;integratedSecurity=true;serverSpn=MSSQLSvc/db:1433",
            b"mssql+pyodbc://user:p%40ss@db.corp.example:1433/d?driver=x&Trusted_Connection=yes",
        ),
        (b"Data Source=", b"jdbc:sqlserver://", b"mssql+pymssql://", b";", b"={", b'="', b"odbc_connect="),
    ),
    Target(
        "sql-browser",
        _sql_browser,
        (
            rb"ServerName;A;InstanceName;B;IsClustered;No;Version;16.0.1000.6;tcp;1500;np;\\A\pipe\MSSQL$B\sql\query;;",
            b"ServerName;A;InstanceName;tcp;IsClustered;Yes;Version;9;np;x;;ServerName;A;InstanceName;C;IsClustered;No;"
            b"Version;9;tcp;0;;",
        ),
        (b";;", b";tcp;", b"InstanceName;", b"\x05"),
    ),
    Target(
        "policy",
        _policy,
        (
            b'{"Version":"2012-10-17","Statement":[{"Sid":"a","Effect":"Deny","NotPrincipal":{"AWS":"arn:aws:iam::1:root"},'
            b'"Action":["s3:*"],"Resource":"arn:aws:s3:::b/*","Condition":{"Bool":{"aws:SecureTransport":"false"}}}]}',
            b'{"Statement":{"Effect":"Allow","Principal":"*","NotAction":"s3:Put?","NotResource":["*"],"Condition":'
            b'{"ForAllValues:StringLikeIfExists":{"aws:x":["a*"]},"NumericLessThan":{"s3:max-keys":"1"}}}}',
        ),
        (b"ForAnyValue:", b"IfExists", b"ArnLike", b"IpAddress", b"DateLessThan", b"Null", b'"NotPrincipal":', *_WORDS),
    ),
    Target(
        "attributes",
        _attributes,
        (b"\xff" * 21, b"133497216000000000", b"{859E1386-BDB4-49E8-85C7-3070B13920E1}", bytes(16)),
    ),
    Target("json-file", _json_file, (_TEMPLATE, _PLAN, _CREDSPEC), _WORDS),
    Target("yaml-file", _yaml_file, (_YAML, _TEMPLATE), _WORDS),
    Target(
        "terraform-file",
        _terraform_file,
        (_TERRAFORM, _TERRAFORM_TEXT),
        (b"jsonencode(", b"<<EOF\n", b"${", b"%{", b"[for x in y : x]", b" ? ", b"...", b"1e5", b"null", b"-1"),
    ),
)
