"""Planting a defect: a pure function or a method of the daemon is replaced by name. Only tests do such a thing."""

from collections.abc import Callable
from importlib import import_module
from typing import Any

Original = Callable[..., Any]


def replacement(place: str, planted: Callable[..., Any]) -> tuple[Any, str, Callable[..., Any]]:
    """What `setattr` is to be given for `place`, which is module:function or module:class.method; `planted` takes
    the original and its arguments.
    """
    module_name, _, path = place.partition(":")
    *owners, name = path.split(".")
    owner: Any = import_module(module_name)
    for each in owners:
        owner = getattr(owner, each)
    original = getattr(owner, name)
    return owner, name, lambda *given, **named: planted(original, *given, **named)
