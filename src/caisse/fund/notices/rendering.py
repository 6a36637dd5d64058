"""A newsletter as a mail: Markdown as its text, safe HTML made from it, nothing that tracks a reader."""

from dataclasses import dataclass
from html import escape

from django.conf import settings
from markdown_it import MarkdownIt

from caisse.fund.notices.links import change_link, unsubscribe_link
from caisse.fund.notices.models import Issue, Subscription
from caisse.fund.notices.subscriptions import TEXTS
from caisse.fund.notices.texts import text

#: CommonMark without raw HTML and pictures; links of schemes that run something stay text.
_MARKDOWN = MarkdownIt("commonmark", {"html": False}).disable("image")

_PAGE = """\
<!DOCTYPE html>
<html lang="{language}">
<head><meta charset="utf-8"><title>{subject}</title></head>
<body style="margin:0;padding:24px;font:16px/1.5 sans-serif;max-width:40em">
{body}<hr>
<p style="font-size:14px">{why}<br>
<a href="{change}">{change_label}</a><br>
<a href="{leave}">{leave_label}</a></p>
</body>
</html>
"""


@dataclass(frozen=True, slots=True)
class Rendered:
    """A newsletter in one language, as it is sent; ``body`` is the HTML of its own text, for a preview."""

    subject: str
    text: str
    html: str
    body: str


def render(issue: Issue, language: str, to: Subscription | None = None) -> Rendered:
    """An issue for one subscription, or a preview whose links lead nowhere."""
    written = issue.texts.get(language, {})
    subject, markdown = written.get("subject", ""), written.get("body", "").replace("\r\n", "\n").strip()
    change = change_link(to) if to else "#"
    leave = unsubscribe_link(to) if to else "#"
    body, fund = _MARKDOWN.render(markdown), settings.FUND.name
    foot = text(TEXTS, "foot", language, fund=fund, change=change, unsubscribe=leave)
    page = _PAGE.format(
        language=language, subject=escape(subject), body=body, change=escape(change), leave=escape(leave),
        why=escape(text(TEXTS, "why_label", language, fund=fund)),
        change_label=escape(text(TEXTS, "change_label", language)),
        leave_label=escape(text(TEXTS, "unsubscribe_label", language)),
    )  # fmt: skip
    return Rendered(subject, f"{markdown}\n\n-- \n{foot}\n", page, body)
