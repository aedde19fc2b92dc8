"""``gmsa-doctor credspec``: what identifies the domain, read from one of its domain controllers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gmsa_doctor.core.errors import ClientError, UsageError
from gmsa_doctor.formats.documents.credspec_text import DomainIdentity
from gmsa_doctor.given.request import AdminAccount

if TYPE_CHECKING:
    from gmsa_doctor.clients.ldap.client import Directory
    from gmsa_doctor.formats.aws.arn import SecretArn

_SIMILAR = 5


@dataclass(frozen=True)
class DomainAnswer:
    """What the directory answers. ``gmsa`` is the gMSA's name as the AD has it; ``host`` answered as ``user``."""

    domain: DomainIdentity
    gmsa: str
    host: str
    user: str


class NoGmsa(ClientError):
    """The domain has no such gMSA that the user can see."""


def account_of_secret(arn: SecretArn, profile: str | None) -> AdminAccount:
    """The user of the secret. Raises UsageError if the secret cannot be used, and the errors of the AWS client."""
    from gmsa_doctor.clients.aws.secrets_manager import SecretsManager
    from gmsa_doctor.clients.aws.session import Aws
    from gmsa_doctor.formats.documents.secret import SecretDocument, SecretFields, read_fields, read_secret

    text = SecretsManager(Aws(profile, arn.region)).get(str(arn)).text
    document = read_secret(text.reveal()) if text else ()
    fields = read_fields(document) if isinstance(document, SecretDocument) else ()
    if not isinstance(fields, SecretFields):
        raise UsageError(
            f"the secret {arn.friendly_name} has no user name, password and domain that Credentials Fetcher accepts: "
            "correct it, or give --as USER"
        )
    return AdminAccount(fields.username, password=fields.password)


def ask(domain: str, gmsa: str, account: AdminAccount, servers: tuple[str, ...]) -> DomainAnswer:
    """Ask a domain controller. Raises NoGmsa, and the errors of :func:`with_session`."""
    from gmsa_doctor.clients.ldap.domain import identity
    from gmsa_doctor.setup.connection import Session, with_session

    def answer(session: Session) -> DomainAnswer:
        found = _found(session.directory, session.base, gmsa, domain)
        return DomainAnswer(identity(session.directory, session.base), found, session.host, account.user)

    return with_session(domain, account, servers, answer)


def _found(directory: Directory, base: str, gmsa: str, domain: str) -> str:
    from difflib import get_close_matches

    from gmsa_doctor.clients.ldap.domain import gmsa_names

    found = gmsa_names(directory, base, gmsa)
    if found:
        return found[0]
    names = gmsa_names(directory, base)
    shown = get_close_matches(gmsa, names, _SIMILAR, 0.6) or names[:_SIMILAR]
    others = f"; gMSAs that this user can see: {', '.join(shown)}" if shown else ""
    raise NoGmsa(f"there is no gMSA {gmsa} in {domain}{others}")
