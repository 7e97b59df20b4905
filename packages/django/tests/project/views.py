from django.contrib.auth import (
    authenticate,
    login,
    logout,
    update_session_auth_hash,
)
from django.contrib.messages import get_messages
from django.contrib.sessions.models import Session
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.csrf import csrf_exempt

from lapse_django import end_sessions


def home(request: HttpRequest) -> HttpResponse:
    return render(request, "home.html", {"messages": get_messages(request)})


@csrf_exempt
def sign_in(request: HttpRequest) -> HttpResponse:
    """Unlike Django's own view, it takes a sign-in over a session of anybody."""
    user = authenticate(
        request, username=request.POST["username"], password=request.POST["password"]
    )
    if user is None:
        return HttpResponse(status=403)
    login(request, user)
    return HttpResponse(status=204)


def sign_out(request: HttpRequest) -> HttpResponse:
    logout(request)
    return HttpResponse(status=204)


def public(request: HttpRequest) -> HttpResponse:
    """Does not ask who is signed in."""
    return HttpResponse("public")


def poll(request: HttpRequest) -> HttpResponse:
    return JsonResponse({"isSignedIn": request.user.is_authenticated})


def fail(request: HttpRequest) -> HttpResponse:
    return HttpResponse(status=503)


def change_password(request: HttpRequest) -> HttpResponse:
    """The user changes the password in this session, which ends all others."""
    request.user.set_password("a new password")
    request.user.save()
    update_session_auth_hash(request, request.user)
    end_sessions(request.user, exclude=request)
    return HttpResponse(status=204)


def revoke(request: HttpRequest) -> HttpResponse:
    """Somebody else changes the password."""
    request.user.set_password("a new password")
    request.user.save()
    end_sessions(request.user)
    return HttpResponse(status=204)


def flush(request: HttpRequest) -> HttpResponse:
    """Empties the session without a sign-out."""
    request.session.flush()
    return HttpResponse(status=204)


def outlive(request: HttpRequest) -> HttpResponse:
    """Another request ends the session while this one waits for something."""
    Session.objects.filter(session_key=request.session.session_key).delete()
    return HttpResponse(status=204)


def expire_in(request: HttpRequest, seconds: int) -> HttpResponse:
    request.session.set_expiry(seconds)
    return HttpResponse(status=204)
