"""What can go wrong with mail and the newsletter. The docstring is the message; it says how to go on."""

from caisse.agreement.errors import ContentRefused, Unreachable, WrongUse


class MailRefused(WrongUse):
    """This mail cannot be written as given. Correct its address, subject, headers or attachments."""


class RelayUnreachable(Unreachable):
    """The mail relay takes no mail now. Mails wait and are tried again; see [mail] relay in fund.toml."""


class LinkNotValid(ContentRefused):
    """This link is not valid, or no longer. Ask for a new one."""


class IssueNotReady(ContentRefused):
    """The issue cannot be sent as it is. Complete what is named."""
