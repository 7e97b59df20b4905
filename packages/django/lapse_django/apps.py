from __future__ import annotations

from django.apps import AppConfig
from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.core.checks import register

from lapse_django.conf import get_configuration
from lapse_django.failsafe import logger


class LapseConfig(AppConfig):
    name = "lapse_django"
    verbose_name = "Lapse"

    def ready(self) -> None:
        from lapse_django.checks import check_lapse
        from lapse_django.receivers import handle_sign_in, handle_sign_out

        register(check_lapse, "lapse")
        user_logged_in.connect(handle_sign_in, dispatch_uid="lapse_django")
        user_logged_out.connect(handle_sign_out, dispatch_uid="lapse_django")
        # Servers such as Gunicorn run no checks.
        if not get_configuration().is_complete:
            logger.error(
                'Lapse does nothing: set LAPSE_SITE and LAPSE_COLLECTOR. "manage.py '
                'check" says what is wrong.'
            )
