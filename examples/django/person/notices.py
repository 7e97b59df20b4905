from django.contrib import messages
from django.http import HttpRequest


def notify_user(reason: str, request: HttpRequest | None, **kwargs) -> None:
    """Receives session_lapsed. Shows the user a message, as the script would."""
    if request and reason == "idle_timeout":
        messages.info(request, "You were signed out because you were not active.")
