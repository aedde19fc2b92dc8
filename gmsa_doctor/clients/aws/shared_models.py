"""What botocore knows of AWS's services, read once for all sessions: it takes 50 MB and half a second."""

from __future__ import annotations

from functools import cache
from typing import Any


def with_shared_models(session: Any) -> Any:
    """A new session of botocore, with the loader of service models that all our sessions share.

    The names of the components are not documented; a test fails if a session does not use them.
    """
    components = _components(session.get_config_variable("data_path"))
    session.register_component("data_loader", components["data_loader"])
    session._internal_components.register_component("endpoint_resolver", components["endpoint_resolver"])
    return session


@cache
def _components(data_path: str | None) -> dict[str, Any]:
    """The components for AWS_DATA_PATH, or ``data_path`` of the configuration."""
    import botocore.session

    first = botocore.session.Session()
    first.set_config_variable("data_path", data_path)
    return {
        "data_loader": first.get_component("data_loader"),
        "endpoint_resolver": first._internal_components.get_component("endpoint_resolver"),
    }
