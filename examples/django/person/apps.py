from django.apps import AppConfig

from lapse_django.signals import session_lapsed


class PersonConfig(AppConfig):
    name = "person"

    def ready(self) -> None:
        from person.notices import notify_user

        session_lapsed.connect(notify_user)
