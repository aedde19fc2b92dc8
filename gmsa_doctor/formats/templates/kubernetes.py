"""The CredSpec in a ``GMSACredentialSpec``, the resource of Kubernetes for gMSA.

Source: https://kubernetes.io/docs/tasks/configure-pod-container/configure-gmsa/
"""

from __future__ import annotations

from gmsa_doctor.formats.documents.located import Located
from gmsa_doctor.formats.documents.walk import child


def credspec(located: Located) -> Located | None:
    """The CredSpec with its positions; None if the document is another one."""
    value = child(located.value, "credspec")
    if child(located.value, "kind") != "GMSACredentialSpec" or not isinstance(value, dict):
        return None
    inner = {path[1:]: position for path, position in located.positions.items() if path[:1] == ("credspec",)}
    return Located(value, inner)
