from django.urls import path

from tests.project import views

urlpatterns = [
    path("", views.home),
    path("sign-in/", views.sign_in),
    path("sign-out/", views.sign_out),
    path("public/", views.public),
    path("poll/", views.poll),
    path("static/poll/", views.poll),
    path("fail/", views.fail),
    path("change-password/", views.change_password),
    path("revoke/", views.revoke),
    path("flush/", views.flush),
    path("outlive/", views.outlive),
    path("expire-in/<int:seconds>/", views.expire_in),
]
