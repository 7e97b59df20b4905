from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from lapse_django.markup import describe_page


def lapse(request: HttpRequest) -> dict[str, Any]:
    """
    Provides `lapse`: `{{ lapse.tag }}` is the script tag, and `lapse.state`,
    `lapse.subject`, `lapse.session` and `lapse.ticket` are the values in it. Templates
    that do not use it do not read the session.
    """
    return {"lapse": SimpleLazyObject(lambda: describe_page(request))}
