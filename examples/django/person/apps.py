from django.apps import AppConfig

from lapse.signals import session_lapsed


class PersonConfig(AppConfig):
    name = "person"

    def ready(self) -> None:
        from person.notices import say_why

        session_lapsed.connect(say_why)
