from django.contrib.auth.decorators import login_required
from django.contrib.auth.views import LoginView
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache

from person.models import Audit


class SignInView(LoginView):
    redirect_authenticated_user = True

    def get(self, request: HttpRequest, *args, **kwargs) -> HttpResponse:
        # Creates an anonymous session, as many parts of Django do. Lapse must ask who
        # is signed in, not whether there is a session.
        request.session.set_test_cookie()
        return super().get(request, *args, **kwargs)


@never_cache
@login_required
def home(request: HttpRequest) -> HttpResponse:
    audit = Audit.objects.filter(user=request.user)[:10]
    return render(request, "person/home.html", {"audit": audit})
