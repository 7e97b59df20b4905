from django.apps import AppConfig
from django.contrib.auth.signals import user_logged_in


class LapseConfig(AppConfig):
    name = "lapse"

    def ready(self) -> None:
        from lapse.session import name_session

        user_logged_in.connect(name_session)
