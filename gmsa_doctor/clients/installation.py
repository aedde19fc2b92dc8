"""The versions of what runs here: gmsa-doctor with its libraries, Python, the system, and libkrb5."""

from __future__ import annotations

import platform
import re
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

_DISTRIBUTION = "gmsa-doctor"
_BRAND = re.compile(rb"KRB5_BRAND: ([ -~]{1,80})")
_LIBKRB5 = re.compile(r"\S*/libkrb5\.so\S*")


def versions() -> dict[str, str]:
    """Names with their versions, those of libraries after the others. What is not known is left out."""
    found = {
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "distribution": _of_distribution(),
        "libkrb5": _of_libkrb5(),
        **{name: _of_library(name) for name in (_DISTRIBUTION, *_libraries())},
    }
    return {name: text for name, text in found.items() if text}


def _of_distribution() -> str:
    try:
        return platform.freedesktop_os_release().get("PRETTY_NAME", "")
    except OSError:
        return platform.mac_ver()[0] and f"macOS {platform.mac_ver()[0]}"


def _of_libkrb5() -> str:
    """MIT Kerberos has no function that returns it; the library holds it as a text (``krb5_brand``)."""
    try:
        loaded = _LIBKRB5.search(Path("/proc/self/maps").read_text(encoding="utf-8", errors="replace"))
        brand = _BRAND.search(Path(loaded[0]).read_bytes()) if loaded else None
    except OSError:
        return ""
    return brand[1].decode() if brand else ""


def _libraries() -> list[str]:
    """The libraries that are required, and what those require in turn."""
    found: dict[str, None] = {}
    waiting = [_DISTRIBUTION]
    while waiting:
        name = waiting.pop()
        try:
            needs = requires(name) or []
        except PackageNotFoundError:
            continue
        needs = [need for need in needs if name == _DISTRIBUTION or "extra ==" not in need]
        names = [re.split(r"[^\w.-]", need, maxsplit=1)[0].lower() for need in needs]
        waiting += [need for need in names if need not in found]
        found |= dict.fromkeys(names)
    return sorted(set(found) - {_DISTRIBUTION})


def _of_library(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""
