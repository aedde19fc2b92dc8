"""The error texts of Credentials Fetcher and the ECS agent, with the checks that usually explain them.

Each is built from entries of the catalogue, gmsa_doctor/formats/symptoms/symptoms.json: the stable parts of the
messages of the C++ daemon (1.3) and of the Go rewrite (2.x, which Fargate runs).
"""

from gmsa_doctor.authoring import CheckId, ShowsAs
from gmsa_doctor.formats.symptoms.catalogue import symptoms
from gmsa_doctor.formats.symptoms.matching import answer
from gmsa_doctor.formats.symptoms.reading import lines_of

_CATALOGUE = symptoms()
for _symptom in _CATALOGUE.values():
    for _id in (*_symptom.referenced, *(name for name in _symptom.excludes if "." in name)):
        CheckId(_id)


def _shows(v2: str | None, v1_3: str | None) -> ShowsAs:
    """The texts of these entries, with the causes of the first."""
    entries = [_CATALOGUE[id] for id in (v2, v1_3) if id]
    text, old = (_CATALOGUE[id].text if id else None for id in (v2, v1_3))
    return ShowsAs(text, old and old.removeprefix("ERROR: "), tuple(map(CheckId, entries[0].causes)))


def _both(id: str) -> ShowsAs:
    return _shows(id, id)


NO_ROLE = _both("cf2.access-credentials")
NO_ROLE_REGION = _shows(None, "cf13.region")
NO_ROLE_AGENT = _both("agent.no-role")
DEADLINE = _both("agent.deadline")
NO_MAPPING = _both("agent.no-mapping")
UNSUPPORTED_ARN = _both("agent.bad-arn")
NO_PARAMETER = _both("aws.ssm")
"""From Systems Manager, passed on by the ECS agent. ``INVALID_PARAMETERS`` is the agent's own text."""
INVALID_PARAMETERS = _both("agent.ssm-missing")
INVALID_S3_ARN = _both("agent.s3-arn")
NO_REGISTRY = _both("ecs.registry-auth")
"""From the ECS agent, like ``NO_LOGGER``."""
NO_IMAGE = _both("ecs.pull")
NO_LOGGER = _both("ecs.logger")
INVALID_ARN = _both("cf2.arn-not-valid")
INVALID_OBJECT = _both("cf2.invalid-object")
NOT_RETRIEVED = _shows("cf2.not-retrieved", "cf13.not-retrieved")

FIELDS = _both("cf2.fields")
MISSING_JOIN = _shows("cf2.no-join", "cf2.fields")
MISSING_DNS_NAME = _shows("cf2.no-dnsname", "cf2.fields")
MISSING_AD = _shows("cf2.no-ad", "cf2.fields")
MISSING_GMSA = _shows("cf2.no-gmsas", "cf2.fields")
MISSING_PLUGIN = _shows("cf2.no-plugin", "cf2.fields")
MISSING_CREDENTIAL_ARN = _shows("cf2.no-credential-arn", "cf2.fields")
MISSING_SECRET_ARN = _shows("cf2.no-secret-arn", "cf2.fields")

SECRET = _shows("cf2.secret", "cf13.names")
NO_USERNAME = _shows("cf2.no-username", "cf13.names")
NO_PASSWORD = _shows("cf2.no-password", "cf13.names")
SECRET_JSON = _shows("cf2.secret-json", "cf13.names")
SECRET_OF_AGENT = _both("agent.secret-json")
"""From the ECS agent on EC2, like ``EMPTY_FOR_AGENT``."""
EMPTY_FOR_AGENT = _both("agent.empty-user")
NAMES = _shows("cf2.names", "cf13.names")
TOO_LONG = _shows("cf2.lengths", "cf13.lengths")

USER_TICKET = _shows("cf2.user-ticket", "cf13.catch-all")
NO_DNS = _shows("cf2.user-ticket", "cf13.password")
"""Without any SRV record, 2.x fails at the user's ticket; 1.3 continues until the gMSA's password."""
NO_DC = _shows("cf2.fqdn-list", "cf13.password")
NO_DC_ANSWERS = _shows("cf2.gmsa-password", "cf13.password")
BIND = _shows("cf2.gmsa-password", "cf13.ldapsearch")
NO_PASSWORD_ATTRIBUTE = _shows("cf2.gmsa-password", "cf13.password")
"""2.x keeps the attribute's name in its log, as it does the reasons of ``BLOB`` and ``BLOB_BASE64``."""
BLOB = BLOB_BASE64 = _shows("cf2.gmsa-password", "cf13.catch-all")
CATCH_ALL = _shows(None, "cf13.catch-all")
GMSA_TICKET = _shows("cf2.gmsa-stage", "cf13.catch-all")
SSPI = _both("net.sspi")

SQL_LOGIN_FAILED = _both("sql.login")
SQL_UNREACHABLE = _both("net.network")
SQL_INSTANCE = _both("net.instance")
"""From .NET and ODBC (error 26); ``SQL_INSTANCE_JDBC`` is from JDBC."""
SQL_INSTANCE_JDBC = _both("jdbc.browser")
SQL_SPN = _both("net.target-name")

_LOGON = "password-incorrect preauth client-unknown revoked expired etype no-kdc kdc-unreach"
KERBEROS_LOGON = tuple(_both(f"krb.{name}") for name in _LOGON.split())
KERBEROS_SERVICE = tuple(map(_both, ("krb.server-unknown", "sql.untrusted")))
CLOCK_SKEW = _both("krb.skew")


def behind(text: str) -> tuple[str, tuple[str, ...]] | None:
    """The decisive text in ``text`` (a stoppedReason), with the checks that usually explain it; None if none does."""
    found = answer(lines_of(text))
    return (found.decisive.symptom.text, found.causes) if found and found.causes else None
