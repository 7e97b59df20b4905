"""Records why the sessions of a Django project ended, with Lapse."""

from lapse_django.ends import end_sessions
from lapse_django.version import VERSION

__version__ = VERSION

__all__ = ["end_sessions"]
