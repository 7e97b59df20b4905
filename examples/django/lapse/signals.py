from django.dispatch import Signal

# Sent once for each session end that this application has reported, except a logout.
# Arguments: `user` (None if the user no longer exists), `verdict` (the collector's
# answer), and `request` (the request that had no session, or None from the management
# command).
session_lapsed = Signal()
