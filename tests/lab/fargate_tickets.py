"""The tickets that Credentials Fetcher would make for a task: real ones, of the lab's domain controller."""

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gmsa_doctor.clients.kerberos.client import Kdc, Kerberos
from gmsa_doctor.clients.kerberos.kdc_errors import KdcRefusal
from gmsa_doctor.formats.ad import managed_password
from tests.lab import accounts, ad
from tests.lab.fargate import CredentialsFetcher


def write_ticket(dc: ad.DomainController, path: Path, gmsa: str = "webapp01") -> None:
    """Write a TGT of the gMSA into a new ticket cache, readable by its owner only.

    The gMSA's password is read as the lab's reader may. Raises KdcRefusal; KeyError when the reader may not.
    """
    with ad.bound(dc, accounts.READER, accounts.PASSWORDS[accounts.READER]) as connection:
        connection.search(dc.base, f"(sAMAccountName={gmsa}$)", attributes=["msDS-ManagedPassword"])
        entry = next(one for one in connection.response or [] if one["type"] == "searchResEntry")
        (blob,) = entry["raw_attributes"]["msDS-ManagedPassword"]
    password = managed_password.parse(blob).utf8()
    ticket = Kerberos().account_ticket(f"{gmsa}$", dc.realm, password, Kdc(dc.ip))
    path.touch(mode=0o600)
    ticket.credentials.store({"ccache": f"FILE:{path}"}, usage="initiate", overwrite=True)


@contextmanager
def credentials_fetcher(dc: ad.DomainController, gmsa: str = "webapp01") -> Iterator[CredentialsFetcher]:
    """Create the gMSA's tickets for tasks, a new one for each, until the context ends."""
    with tempfile.TemporaryDirectory(prefix="gmsa-tickets-") as directory:

        def fetch(definition: Mapping[str, Any], environment: Mapping[str, str]) -> Path | str:
            path = Path(tempfile.mkdtemp(dir=directory)) / "krb5cc"
            try:
                write_ticket(dc, path, gmsa)
            except (KdcRefusal, KeyError, ValueError) as error:
                return f"credentials-fetcher: failed to find gMSA password for service account: {type(error).__name__}"
            return path

        yield fetch
