from django.dispatch import Signal

# Sent once for each session end that this project has found: a timeout, a session that
# was deleted, or a changed password. Not sent for sign-outs. Arguments:
#
# `user`: the user, or None if there is no such user any more.
# `reason`: why the session ended, such as "idle_timeout" or "ended_early".
# `report`: what was reported: a dict with `session`, `subject` and the times.
# `request`: the request that had no session, or None from the management command.
session_lapsed = Signal()
