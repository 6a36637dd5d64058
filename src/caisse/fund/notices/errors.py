"""What can go wrong with mail and the newsletter. The docstring is the message; it says how to go on."""

from caisse.agreement.errors import ContentRefused, Unreachable, WrongUse


class MailRefused(WrongUse):
    """This mail cannot be written as given. Correct its address, subject, headers or attachments."""


class NoRelay(WrongUse):
    """No relay is named in fund.toml, [mail] relay: mails are held. Name one, then release them."""


class MailNotFailed(WrongUse):
    """Only a mail that failed can be sent again. See caisse fund mails --state failed."""


class SubscriptionRefused(ContentRefused):
    """The subscription cannot be taken as given. Correct the address, the language or the professions."""


class RelayUnreachable(Unreachable):
    """The mail relay takes no mail now. Mails wait and are tried again; see [mail] relay in fund.toml."""


class LinkNotValid(ContentRefused):
    """This link is not valid, or no longer. Ask for a new one."""


class IssueNotReady(ContentRefused):
    """The issue cannot be sent as it is. Complete what is named."""
