"""The application's SQL Server connection strings: where they come from."""

from __future__ import annotations

from dataclasses import dataclass

from gmsa_doctor.formats.sql_server.connection_string import ConnectionString


@dataclass(frozen=True)
class ApplicationConfig:
    """Connection strings from the command line.

    ``search`` (``--app-config auto``): also read the container's environment, and the secrets that it references.
    """

    strings: tuple[ConnectionString, ...] = ()
    search: bool = False

    def __bool__(self) -> bool:
        return bool(self.strings) or self.search
