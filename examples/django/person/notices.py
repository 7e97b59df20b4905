from django.contrib import messages
from django.http import HttpRequest


def say_why(verdict: dict, request: HttpRequest | None, **kwargs) -> None:
    """Receives session_lapsed: tells the user where no script does."""
    if request and verdict["reason"] == "idle_timeout":
        messages.info(request, "You were signed out because you were not active.")
