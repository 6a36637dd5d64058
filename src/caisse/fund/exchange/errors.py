"""What can be said no to in the exchange. The docstring is the message; it says how to go on."""

from caisse.agreement.errors import BrokenSystem, ContentRefused, WrongUse


class DepositRefused(ContentRefused):
    """The deposit is refused; nothing was stored."""

    def __init__(self, code: str, detail: str = "") -> None:
        """``code`` is a reason code of exchange.toml; ``detail`` names what was found."""
        self.code, self.found = code, detail
        super().__init__(self.text("en"))

    def text(self, language: str) -> str:
        """The reason and what was found, in French, German or English."""
        # The tables bring polars with them; a door that refuses nothing does not need either.
        from caisse.agreement.tables import reasons  # noqa: PLC0415

        return f"{self.code}: {reasons.reason(self.code).text(language)} {self.found}".strip()


class CodeClosed(DepositRefused):
    """The account's provider code does not hold today: it is suspended, has ended or begins later."""

    def __init__(self, provider_code: int) -> None:
        """``provider_code``: the account's."""
        super().__init__("PRO-004", f"{provider_code:08d}")


class StageConflict(BrokenSystem):
    """The deposit is not in the stage this step starts from: it was done already, or comes later."""


class UnknownAccount(WrongUse):
    """There is no such exchange account. Create it with caisse fund account create."""


class UnknownDeposit(WrongUse):
    """There is no such deposit."""


class AccountExists(WrongUse):
    """This provider code has an account under this frame already. Add a key or set a new password instead."""


class StoreDamaged(BrokenSystem):
    """A stored file is missing or differs from its hash. Restore it from a backup; see caisse fund verify."""
