from django.conf import settings
from django.db import models


class Audit(models.Model):
    """Sessions that sat idle. The trigger of `lapse mirror` fills this table."""

    # No constraint, so that rows outlive their user and no row is ever refused.
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        null=True,
        related_name="+",
    )
    event = models.CharField(max_length=32)
    at = models.DateTimeField(null=True)

    class Meta:
        db_table = "audit"
        ordering = ["-id"]
