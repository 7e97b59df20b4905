from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse

# Lapse needs only the collector in script-src and connect-src.
POLICY = "; ".join(
    [
        "default-src 'none'",
        f"script-src {settings.LAPSE_COLLECTOR}",
        f"connect-src {settings.LAPSE_COLLECTOR}",
        "style-src 'self'",
        "img-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    ]
)


def content_security_policy(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        response["Content-Security-Policy"] = POLICY
        return response

    return middleware
