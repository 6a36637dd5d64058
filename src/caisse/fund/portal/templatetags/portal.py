"""What the portal's templates know besides their page: `{% load portal %}`."""

from django import template

from caisse.fund.portal.reach import provider_ids

register = template.Library()


@register.simple_tag(takes_context=True)
def providers_of_visitor(context: template.Context) -> tuple[int, ...]:
    """The providers whose registered data the visitor may see."""
    return provider_ids(context["request"])
