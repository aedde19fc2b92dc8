"""Caches for what botocore and moto would compute again for each client and each request."""

from functools import cache
from typing import Any


def keep_service_models() -> None:
    """Make all botocore sessions share the service models that they read (EC2's is 2 MB of JSON)."""
    import botocore.session
    from botocore.loaders import Loader, create_loader

    contents: dict[str | None, dict[Any, Any]] = {}

    def create(search_path: str | None = None) -> Loader:
        loader = create_loader(search_path)
        loader._cache = contents.setdefault(search_path, loader._cache)
        return loader

    if botocore.session.create_loader is create_loader:
        botocore.session.create_loader = create


def keep_event_names() -> None:
    """Make all botocore clients share the names of events that they look up in a table of aliases."""
    from botocore.hooks import EventAliaser

    look_up = EventAliaser._alias_event_name
    if not hasattr(look_up, "names"):
        names: dict[str, str] = {}

        def alias(self: Any, name: str) -> str:
            if name not in names:
                names[name] = look_up(self, name)
            return names[name]

        alias.names = names  # type: ignore[attr-defined]
        EventAliaser._alias_event_name = alias


def keep_methods() -> None:
    """Make the boto3 clients of a service share its methods (EC2's are 700)."""
    from botocore.client import ClientCreator

    create = ClientCreator._create_methods
    if not hasattr(create, "methods"):
        methods: dict[str, dict[str, Any]] = {}

        def create_once(self: Any, model: Any) -> dict[str, Any]:
            if model.service_name not in methods:
                methods[model.service_name] = create(self, model)
            return dict(methods[model.service_name])

        create_once.methods = methods  # type: ignore[attr-defined]
        ClientCreator._create_methods = create_once


def keep_indexes() -> None:
    """Make moto list its services, and the operations of each, once instead of for each request."""
    from moto import backends
    from moto.core import responses

    modules = tuple(backends.list_of_moto_modules())
    backends.list_of_moto_modules = lambda: modules
    names = vars(responses)["method_names_from_class"]
    if not hasattr(names, "cache_info"):
        vars(responses)["method_names_from_class"] = cache(names)
