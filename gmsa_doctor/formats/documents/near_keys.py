"""Finds keys that were meant as a container's ``credentialSpecs`` and are not read as such."""

from __future__ import annotations

from collections.abc import Iterator

from gmsa_doctor.formats.documents.located import Located, NearKey, Open, Path

_MEANT = frozenset({"credentialspec", "credentialspecs"})


def is_meant(key: object) -> bool:
    """Whether a key is ``credentialSpecs`` in any spelling: ``credential_specs``, ``CredentialSpecs``."""
    return isinstance(key, str) and key.replace("_", "").replace("-", "").strip().casefold() in _MEANT


def near_keys(
    located: Located, root: Path = (), containers: str = "containerDefinitions", right: str = "credentialSpecs"
) -> tuple[NearKey, ...]:
    """The keys below ``root`` with another spelling, outside of the containers, or with a text instead of a list.

    ``containers`` and ``right`` are the format's own spelling. Unset values (null, an empty list) are ignored.
    """
    value = located.value
    for key in root:
        value = value.get(key) if isinstance(value, dict) else None
    found = []
    for path, entry in _meant(value, ()):
        inside, is_list = containers in path, not isinstance(entry, str) or isinstance(entry, Open)
        if entry and not (path[-1] == right and inside and is_list):
            index = next((part for part in path if isinstance(part, int)), None) if inside else None
            found.append(
                NearKey(str(path[-1]), right, inside, is_list, index, _texts(entry), located.at((*root, *path)))
            )
    return tuple(found)


def _meant(value: object, path: Path) -> Iterator[tuple[Path, object]]:
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, entry in pairs:
        if is_meant(key):
            yield (*path, key), entry
        else:
            yield from _meant(entry, (*path, key))


def _texts(value: object) -> tuple[str, ...]:
    items = value if isinstance(value, list) else [value]
    return tuple(item for item in items if isinstance(item, str))
