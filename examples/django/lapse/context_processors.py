import jwt
from django.conf import settings
from django.http import HttpRequest

from lapse.session import audited_session


def lapse(request: HttpRequest) -> dict:
    """What lapse/tag.html needs."""
    # A page made before AuthenticationMiddleware, such as an error's, cannot say whether
    # there is a session: to call it absent would report a live one.
    if not settings.LAPSE_SCRIPT or not hasattr(request, "user"):
        return {}
    tag = {"collector": settings.LAPSE_COLLECTOR, "site": settings.LAPSE_SITE}
    if session := audited_session(request):
        tag.update(session, ticket=sign_ticket(session))
    return {"lapse": tag}


def sign_ticket(session: dict) -> str:
    """With it the collector believes whose session it was, and by which limit."""
    claims = {
        "iss": settings.LAPSE_SITE,
        "sub": session["subject"],
        "sid": session["session"],
        "iat": session["startedAt"] // 1000,
        "idle": settings.SESSION_COOKIE_AGE,
    }
    return jwt.encode(
        claims,
        settings.LAPSE_TICKET_SECRET,
        algorithm="HS256",
        headers={"typ": "lapse+jwt"},
    )
