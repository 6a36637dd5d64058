"""What a document is refused for."""


class Refusal(Exception):
    """The document is refused for the reason ``code``; ``detail`` is short, English, none of its content."""

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(code, detail)
        self.code, self.detail = code, detail
