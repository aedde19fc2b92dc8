"""The error texts of Credentials Fetcher and the ECS agent, with the checks that usually explain them.

The texts are the stable parts of the daemons' messages: of the C++ daemon (1.3) and of the Go rewrite (2.x, which
Fargate runs). Source: https://github.com/aws/credentials-fetcher and https://github.com/aws/amazon-ecs-agent.
"""

from gmsa_doctor.authoring import CheckId, ShowsAs


def _shows(v2: str | None, v1_3: str | None, likeliest: str) -> ShowsAs:
    return ShowsAs(v2, v1_3, tuple(map(CheckId, likeliest.split())))


def _both(text: str, likeliest: str) -> ShowsAs:
    return _shows(text, text, likeliest)


_FIELDS = "invalid credentialspec fields"
_CATCH_ALL = "Cannot get gMSA krb ticket"
_NAMES = "invalid domainName/username"

NO_ROLE = _both("access credentials should not be empty", "execution-role.present")
NO_ROLE_REGION = _both("invalid credentials/region", "execution-role.present")
NO_ROLE_AGENT = _both("unable to find execution role credentials", "execution-role.present")
NO_MAPPING = _both(
    "unable to fetch valid credentialspec mapping", "task-definition.prefix task-definition.credentialspecs"
)
UNSUPPORTED_ARN = _both(
    "unsupported credentialspec ARN, only s3/ssm ARNs are valid", "task-definition.arn task-definition.prefix"
)
NO_PARAMETER = _both("is not authorized to perform: ssm:GetParameters", "execution-role.ssm")
"""From Systems Manager, passed on by the ECS agent. ``INVALID_PARAMETERS`` is the agent's own text."""
INVALID_PARAMETERS = _both("invalid parameters:", "credspec.object")
INVALID_S3_ARN = _both("invalid s3 arn", "task-definition.arn")
NO_REGISTRY = _both(
    "unable to pull secrets or registry auth",
    "network-path.ecr network-path.secrets-manager network-path.s3 execution-role.task-secrets",
)
"""From the ECS agent, like ``NO_LOGGER``."""
NO_LOGGER = _both("failed to validate logger args", "network-path.logs")
INVALID_ARN = _both("credentialspec arn is not valid", "task-definition.arn")
INVALID_OBJECT = _both("invalid object for credentialspec in s3", "credspec.object credspec.size task-definition.arn")
NOT_RETRIEVED = _both("credentialspec cannot be retrieved from s3", "credspec.object")

FIELDS = _both(_FIELDS, "credspec.document credspec.names credspec.secret-link")
MISSING_JOIN = _shows("missing or invalid DomainJoinConfig", _FIELDS, "credspec.document")
MISSING_DNS_NAME = _shows("missing or invalid DnsName", _FIELDS, "credspec.document credspec.names")
MISSING_AD = _shows("missing or invalid ActiveDirectoryConfig", _FIELDS, "credspec.document")
MISSING_GMSA = _shows("missing or invalid GroupManagedServiceAccounts", _FIELDS, "credspec.document credspec.names")
MISSING_PLUGIN = _shows("missing or invalid PluginInput", _FIELDS, "credspec.document")
MISSING_CREDENTIAL_ARN = _shows("missing or invalid CredentialArn", _FIELDS, "credspec.document credspec.secret-link")
MISSING_SECRET_ARN = _shows("missing or invalid secrets manager ARN", _FIELDS, "credspec.document credspec.secret-link")

SECRET = _shows("failed to retrieve credentials from secrets manager", _NAMES, "secret.value credspec.secret-link")
NO_USERNAME = _shows("username not found in secret", _NAMES, "secret.fields secret.value")
NO_PASSWORD = _shows("password not found in secret", _NAMES, "secret.fields secret.value")
NAMES = _both(_NAMES, "secret.fields secret.value credspec.secret-link")
TOO_LONG = _both("credentials should not be more than 256", "secret.fields")

USER_TICKET = _shows(
    "failed to generate Kerberos ticket for domainless user",
    _CATCH_ALL,
    "kerberos.user-ticket dns.domain-controllers network.kerberos secret.fields secret.domain",
)
NO_DNS = _shows(
    "failed to generate Kerberos ticket for domainless user",
    "Password not found",
    "kerberos.user-ticket dns.domain-controllers dhcp-options.domain-name-servers",
)
"""Without any SRV record, 2.x fails at the user's ticket; 1.3 continues until the gMSA's password."""
NO_DC = _shows(
    "failed to get FQDN list",
    "Password not found",
    "dns.domain-controllers dhcp-options.domain-name-servers secret.domain",
)
NO_DC_ANSWERS = _shows(
    "failed to find gMSA password for service account",
    "Password not found",
    "network.ldap directory.bind directory.managed-password directory.gmsa-account",
)
BIND = _shows(
    "failed to find gMSA password for service account", "ldapsearch failed with FQDN", "directory.bind network.ldap"
)
NO_PASSWORD_ATTRIBUTE = _shows(
    "msDS-ManagedPassword attribute not found",
    "Password not found",
    "directory.managed-password directory.gmsa-account dns.domain-controllers network.ldap",
)
BLOB = _shows("decoded blob is too small", _CATCH_ALL, "directory.managed-password directory.gmsa-account")
BLOB_BASE64 = _shows("failed to decode base64 password", _CATCH_ALL, "directory.managed-password")
CATCH_ALL = _shows(
    None,
    _CATCH_ALL,
    "kerberos.user-ticket directory.managed-password directory.bind directory.gmsa-account "
    "kerberos.gmsa-ticket network.kerberos",
)
GMSA_TICKET = _shows("failed to generate Kerberos ticket", _CATCH_ALL, "kerberos.gmsa-ticket")
SSPI = _both("Cannot generate SSPI context", "kerberos.service-ticket canary.ticket canary.service-ticket")

SQL_LOGIN_FAILED = _both("Login failed for user", "sql-server.connection-string sql-server.login")
SQL_UNREACHABLE = _both(
    "error occurred while establishing a connection to SQL Server", "sql-server.port sql-server.connection-string"
)
SQL_INSTANCE = _both("Error Locating Server/Instance Specified", "sql-server.instance")
"""From .NET and ODBC (error 26); ``SQL_INSTANCE_JDBC`` is from JDBC."""
SQL_INSTANCE_JDBC = _both("no firewall is blocking UDP traffic to port 1434", "sql-server.instance")
SQL_SPN = _both("The target principal name is incorrect", "sql-server.spn kerberos.service-ticket sql-server.name")

KERBEROS_LOGON = tuple(
    _both(text, "kerberos.user-ticket")
    for text in (
        "Preauthentication failed",
        "not found in Kerberos database while getting initial credentials",
        "Client not found in Kerberos database",
        "credentials have been revoked",
        "Password has expired",
        "KDC has no support for encryption type",
        "Cannot find KDC for realm",
        "Cannot contact any KDC",
    )
)
KERBEROS_SERVICE = tuple(
    _both(text, "kerberos.service-ticket directory.bind")
    for text in ("Server not found in Kerberos database", "login is from an untrusted domain")
)
CLOCK_SKEW = _both("Clock skew too great", "kerberos.clock")


def behind(text: str) -> tuple[str, tuple[CheckId, ...]] | None:
    """The longest of these texts that occurs in ``text`` (a stoppedReason), with the checks that usually explain it."""
    groups = (value if isinstance(value, tuple) else (value,) for value in globals().values())
    known = (shows for group in groups for shows in group if isinstance(shows, ShowsAs))
    parts = ((part, shows.likeliest) for shows in known for part in (shows.v2, shows.v1_3) if part)
    found = [(part, likeliest) for part, likeliest in parts if part.lower() in text.lower()]
    return max(found, key=lambda match: len(match[0]), default=None)
