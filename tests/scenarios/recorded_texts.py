"""Faults, the text of Credentials Fetcher 2.x or ECS in stoppedReason, and the finding that explains it."""

from tests.lab import accounts
from tests.scenarios import changes
from tests.scenarios.execution_role_start import logs
from tests.scenarios.lab import Scenario
from tests.scenarios.policies import OBJECT, VALUE

_KINIT = "failed to execute kinit command: exit status 1, output: kinit:"
_USER = f"failed to generate Kerberos ticket for domainless user: {_KINIT}"
_NO_PASSWORD = "failed to create gMSA ticket: failed to find gMSA password for service account webapp01"
_NO_OBJECT = "invalid object for credentialspec in S3"
_DENIED = "operation error Secrets Manager: GetSecretValue, https response error StatusCode: 400, api error"
_ROLE = "arn:aws:sts::123456789012:assumed-role/ecsTaskExecutionRole/0123"

RECORDED = (
    Scenario("no execution role", "execution-role.present", changes.task(executionRoleArn=None),
             "access credentials should not be empty"),
    Scenario("an ARN that is none", "task-definition.arn",
             changes.entry("credentialspecdomainless:arn:aws:s3:::gmsa-credspecs"),
             "credentialspec arn is not valid"),
    Scenario("no such object", "credspec.object", lambda it, _: setattr(it, "credspec", None), _NO_OBJECT),
    Scenario("the role may not read it", "execution-role.credspec", changes.role(VALUE), _NO_OBJECT),
    Scenario("no DomainJoinConfig", "credspec.document", changes.spec("DomainJoinConfig", None),
             "invalid credentialspec fields: missing or invalid DomainJoinConfig in credential spec"),
    Scenario("a name with a $", "credspec.names",
             changes.spec(changes.GMSAS, [{"Name": "webapp01$", "Scope": "corp.example"}]),
             "invalid credentialspec fields: service account name contains invalid characters"),
    Scenario("the role may not read the secret", "execution-role.secret",
             changes.role(OBJECT),
             f"failed to retrieve credentials from secrets manager: {_DENIED} AccessDeniedException: User: {_ROLE} is "
             "not authorized to perform: secretsmanager:GetSecretValue on resource: gmsa/webapp01"),
    Scenario("a secret that is text", "secret.value", changes.secret_is("Pa55word"),
             "failed to parse secret JSON: invalid character 'P' looking for beginning of value"),
    Scenario("no user name", "secret.fields", changes.secret(username=None),
             "failed to extract credentials from secret: username not found in secret"),
    Scenario("DNS of AWS", "dhcp-options.domain-name-servers",
             changes.all_of(changes.dhcp("AmazonProvidedDNS"), changes.options("--live", "never")),
             f'{_USER} Cannot find KDC for realm "CORP.EXAMPLE" while getting initial credentials'),
    Scenario("a wrong password", "kerberos.user-ticket", changes.secret(password="not-the-password"),
             f"{_USER} Password incorrect while getting initial credentials"),
    Scenario("an unknown user", "kerberos.user-ticket", changes.secret(username="nobody"),
             f"{_USER} Client 'nobody@CORP.EXAMPLE' not found in Kerberos database while getting initial credentials"),
    Scenario("not permitted", "directory.managed-password", changes.user(accounts.OUTSIDER), _NO_PASSWORD),
    Scenario("no such gMSA", "directory.gmsa-account", changes.gmsa("absent01"),
             _NO_PASSWORD.replace("webapp01", "absent01")),
    Scenario("no log group", "log-group.present", logs(there=False),
             "ResourceInitializationError: failed to validate logger args: create stream has been retried 1 times: "
             "failed to create Cloudwatch log stream: The specified log group does not exist."),
)  # fmt: skip
