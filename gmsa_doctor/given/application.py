"""What is known of how the application logs on to SQL Server, before the graph."""

from __future__ import annotations

from dataclasses import dataclass

from gmsa_doctor.formats.sql_server.connection_string import ConnectionString


@dataclass(frozen=True)
class ApplicationConfig:
    """Connection strings that the user gave, and whether others are looked for (``--app-config auto``).

    What is looked in: the container's environment, and the secrets that its variables are made of.
    """

    strings: tuple[ConnectionString, ...] = ()
    search: bool = False

    def __bool__(self) -> bool:
        return bool(self.strings) or self.search
