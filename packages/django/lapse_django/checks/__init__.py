"""The checks of "manage.py check". docs/guides/django.md lists them."""

from __future__ import annotations

from typing import Any

from django.core.checks import CheckMessage

from lapse_django.checks.project import (
    check_middleware,
    check_sessions,
    check_templates,
)
from lapse_django.checks.values import check_keys, check_optional_values, check_place


def check_lapse(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    return [
        *check_place(),
        *check_keys(),
        *check_optional_values(),
        *check_middleware(),
        *check_sessions(),
        *check_templates(),
    ]
