"""Plug-ins with checks that cannot be loaded."""

from __future__ import annotations

from gmsa_doctor.authoring import Finding, Fix, Row, Status, check
from gmsa_doctor.core.registry import BrokenPlugIns


@check(
    "plug-ins.loaded",
    title="The checks of installed plug-ins can be loaded",
    docs="https://packaging.python.org/en/latest/specifications/entry-points/",
)
def loaded(broken: BrokenPlugIns) -> Finding:
    """Imports the modules that other distributions register as `gmsa_doctor.checks`, and adds their checks.

    A report contains this check only if a module cannot be loaded.

    Why: without the checks of the plug-in, the report is incomplete.

    Fix: fix or uninstall the plug-in's distribution.
    """
    distributions = ", ".join(dict.fromkeys(plug_in.origin for plug_in in broken.plug_ins))
    return Finding(
        Status.ERROR,
        "; ".join(map(str, broken.plug_ins)),
        expected="modules that can be imported, with checks that fit the other checks",
        fix=Fix(f"Fix or uninstall {distributions}."),
        rows=tuple(Row(plug_in.name, Status.ERROR, plug_in.reason) for plug_in in broken.plug_ins),
    )
