"""Keeps failures of Lapse away from the project."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

logger = logging.getLogger("lapse_django")

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


def failsafe(
    function: Callable[Parameters, Result],
) -> Callable[Parameters, Result | None]:
    """Makes a function log its exceptions and return None instead of raising."""

    @wraps(function)
    def call(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Result | None:
        try:
            return function(*args, **kwargs)
        except Exception:
            logger.exception("Lapse failed in %s.", function.__qualname__)
            return None

    return call
