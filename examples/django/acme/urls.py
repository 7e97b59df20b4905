from django.contrib.auth.views import LogoutView
from django.urls import path

from person.views import ChangePasswordView, SignInView, home

urlpatterns = [
    path("", home, name="home"),
    path("login/", SignInView.as_view(), name="login"),
    path("password/", ChangePasswordView.as_view(), name="password_change"),
    path("logout/", LogoutView.as_view(), name="logout"),
]
