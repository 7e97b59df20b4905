from django.contrib.auth.decorators import login_required
from django.contrib.auth.forms import PasswordChangeForm
from django.contrib.auth.views import LoginView, PasswordChangeView
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse_lazy
from django.views.decorators.cache import never_cache

from lapse_django import end_sessions
from person.models import Audit


class SignInView(LoginView):
    redirect_authenticated_user = True

    def get(self, request: HttpRequest, *args, **kwargs) -> HttpResponse:
        # Creates an anonymous session, as many parts of Django do. Lapse must ask who
        # is signed in, not whether there is a session.
        request.session.set_test_cookie()
        return super().get(request, *args, **kwargs)


class ChangePasswordView(PasswordChangeView):
    success_url = reverse_lazy("home")

    def form_valid(self, form: PasswordChangeForm) -> HttpResponse:
        # Django keeps this session, and ends the user's others at their next request.
        response = super().form_valid(form)
        end_sessions(self.request.user, exclude=self.request)
        return response


@never_cache
@login_required
def home(request: HttpRequest) -> HttpResponse:
    audit = Audit.objects.filter(user=request.user)[:10]
    return render(request, "person/home.html", {"audit": audit})
