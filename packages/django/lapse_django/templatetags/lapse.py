from __future__ import annotations

from django import template
from django.template.context import Context
from django.utils.safestring import SafeString

from lapse_django.markup import describe_page

register = template.Library()


@register.simple_tag(takes_context=True)
def lapse_tag(context: Context) -> SafeString | str:
    """
    Renders the script tag. It needs the request in the template's context:
    django.template.context_processors.request.

        {% load lapse %}{% lapse_tag %}
    """
    page = describe_page(context.get("request"))
    return page.tag if page else ""
