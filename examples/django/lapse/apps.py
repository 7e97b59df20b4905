from django.apps import AppConfig
from django.contrib.auth.signals import user_logged_in


class LapseConfig(AppConfig):
    name = "lapse"

    def ready(self) -> None:
        from lapse.session import create_alias

        user_logged_in.connect(create_alias)
