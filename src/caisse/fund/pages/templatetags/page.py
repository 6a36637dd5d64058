"""Parts of pages: `{% load page %}`."""

from collections.abc import Iterable, Sequence
from typing import Any

from django import template
from django.core.paginator import Page

register = template.Library()

#: How a status looks; what it means stands in its words, never in its colour alone.
TONES = ("", "good", "warn", "bad", "info")


@register.inclusion_tag("pages/parts/status.html")
def status(label: object, tone: str = "") -> dict[str, object]:
    """A status in words: `{% status case.state_label "good" %}`."""
    if tone not in TONES:
        raise template.TemplateSyntaxError(f"the tone of a status is one of {', '.join(TONES)}, not {tone}")
    return {"label": label, "tone": tone}


@register.inclusion_tag("pages/parts/steps.html")
def steps(labels: Sequence[object], current: int) -> dict[str, object]:
    """The steps of something filled in on several pages; ``current`` counts from 0."""
    told = [
        {"label": label, "done": number < current, "current": number == current}
        for number, label in enumerate(labels)
    ]
    return {"steps": told}


@register.inclusion_tag("pages/parts/crumbs.html")
def crumbs(*parts: object) -> dict[str, object]:
    """The way here: `{% crumbs "/desk/" _("Desk") "" case.number %}`; an empty address is the page itself."""
    pairs = list(zip(parts[::2], parts[1::2], strict=True))
    return {"pairs": pairs}


@register.inclusion_tag("pages/parts/pagination.html", takes_context=True)
def pagination(context: template.Context, page: Page[Any]) -> dict[str, object]:
    """Links to the page before and after; the other parameters of the address stay."""
    return {"page": page, "request": context["request"]}


@register.inclusion_tag("pages/parts/facts.html")
def facts(pairs: Iterable[tuple[object, object]]) -> dict[str, object]:
    """A list of terms and what they are; pairs whose value is empty are left out."""
    return {"pairs": [(term, value) for term, value in pairs if value not in (None, "")]}
