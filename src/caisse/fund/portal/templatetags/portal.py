"""What the portal's templates know besides their page: `{% load portal %}`."""

from django import template
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

from caisse.fund.portal.reach import Own, own_providers

register = template.Library()


@register.filter
def breakable(name: str) -> SafeString:
    """A name of two forms, which may begin a new line after its stroke: Psychomotricien/Psychomotricienne."""
    return mark_safe(escape(name).replace("/", "/<wbr>"))


@register.simple_tag(takes_context=True)
def providers_of_visitor(context: template.Context) -> list[Own]:
    """The providers the visitor acts for today."""
    return own_providers(context["request"])
