"""What the portal's templates know besides their page: `{% load portal %}`."""

from django import template

from caisse.fund.portal.reach import Own, own_providers

register = template.Library()


@register.simple_tag(takes_context=True)
def providers_of_visitor(context: template.Context) -> list[Own]:
    """The providers the visitor acts for today."""
    return own_providers(context["request"])
