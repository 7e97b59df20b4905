from django.dispatch import Signal

# Sent once for each lapse that this application has recorded (a logout is none), with
# `user` (None if there is no such user any more), the collector's `verdict`, and the
# `request` that came without a session (None from the management command).
session_lapsed = Signal()
