"""Holds toy to the shapes of arrays in its annotations while it is tested; stand-ins may take the place of classes."""

from collections.abc import Callable
from typing import Any, get_args

from beartype import beartype
from jaxtyping import AbstractArray


def _shaped(annotation: Any) -> bool:
    if isinstance(annotation, type) and issubclass(annotation, AbstractArray):
        return True
    return any(map(_shaped, get_args(annotation)))


def checked(function: Callable) -> Callable:
    """The function with those of its annotations that say shapes, checked at every call, also while jax traces it."""
    kept = {name: hint for name, hint in function.__annotations__.items() if _shaped(hint)}
    function.__annotations__ = kept
    return beartype(function)
