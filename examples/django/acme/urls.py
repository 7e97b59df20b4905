from django.contrib.auth.views import LogoutView
from django.urls import path

from person.views import SignInView, home

urlpatterns = [
    path("", home, name="home"),
    path("login/", SignInView.as_view(), name="login"),
    path("logout/", LogoutView.as_view(), name="logout"),
]
