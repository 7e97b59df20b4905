import jwt
from django.conf import settings
from django.http import HttpRequest

from lapse.session import get_audited_session


def lapse(request: HttpRequest) -> dict:
    """Provides the variables of lapse/tag.html."""
    # Some pages, such as error pages, are rendered before AuthenticationMiddleware has
    # run. They cannot know whether there is a session, so they must not say "absent".
    if not settings.LAPSE_SCRIPT or not hasattr(request, "user"):
        return {}
    tag = {"collector": settings.LAPSE_COLLECTOR, "site": settings.LAPSE_SITE}
    if session := get_audited_session(request):
        tag.update(
            session,
            ticket=sign_ticket(session),
            idle_timeout_seconds=settings.SESSION_COOKIE_AGE,
        )
    return {"lapse": tag}


def sign_ticket(session: dict) -> str:
    """Signs a proof of whose session it is and which idle timeout it has."""
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
