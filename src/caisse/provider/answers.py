"""What an answer says, read from its bytes: its kind, and which file of ours it speaks of."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import polars as pl

from caisse.agreement.errors import CaisseError
from caisse.agreement.layouts import catalogue, names, reading
from caisse.provider import receipts

RECEIPT, ACKNOWLEDGEMENT, RETURN = "receipt", "acknowledgement", "return"
REFUSAL, OTHER = "refusal", "other"

#: A note about a deposit the fund refused at its door.
REFUSED_ENDING = ".refused.txt"

#: File type -> kind of answer.
_KINDS = {"ACC": ACKNOWLEDGEMENT, "RETFAC": RETURN}

#: Receipts first: they say that a file arrived at all; then whether it can be judged; then the judgement.
ORDER = (RECEIPT, ACKNOWLEDGEMENT, RETURN, REFUSAL, OTHER)


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer. ``about_*`` name the file it speaks of; ``problem`` says why it cannot be used."""

    name: str
    kind: str
    content: bytes
    sha256: str
    deposit: str = ""
    about_sha256: str = ""
    about_name: str = ""
    about_size: int | None = None
    receipt: receipts.Receipt | None = None
    header: Mapping[str, Any] = field(default_factory=dict)
    tables: Mapping[str, pl.DataFrame] = field(default_factory=dict)
    problem: str | None = None

    @property
    def received_at(self) -> datetime | None:
        """When the fund received the file, as far as this answer says it."""
        if self.receipt is not None:
            return self.receipt.received_at
        moment = self.header.get("received_at")
        return datetime.fromisoformat(moment) if isinstance(moment, str) else None


def kind_of(name: str) -> str:
    """The kind of answer a file name announces."""
    if name.endswith(receipts.ENDING):
        return RECEIPT
    if name.endswith(REFUSED_ENDING):
        return REFUSAL
    try:
        return _KINDS.get(names.parse(name).type, OTHER)
    except CaisseError:
        return OTHER


def read_answer(name: str, content: bytes, keys: Mapping[str, Any]) -> Answer:
    """Read an answer; whatever is wrong with it stands in ``problem``, it is never lost by raising."""
    kind = kind_of(name)
    sha256 = hashlib.sha256(content).hexdigest()
    plain = Answer(name, kind, content, sha256)
    try:
        if kind == RECEIPT:
            return _read_receipt(plain, keys)
        if kind in (ACKNOWLEDGEMENT, RETURN):
            return _read_document(plain)
    except CaisseError as error:
        return replace(plain, problem=str(error))
    if kind == REFUSAL:
        return replace(plain, about_name=name.removesuffix(REFUSED_ENDING))
    return replace(plain, problem="This practice does not know this kind of file.")


def _read_receipt(plain: Answer, keys: Mapping[str, Any]) -> Answer:
    receipt = receipts.verify_signature(plain.content, dict(keys))
    return replace(
        plain,
        deposit=receipt.deposit,
        about_sha256=receipt.sha256,
        about_name=receipt.name,
        about_size=receipt.size,
        receipt=receipt,
    )


def _read_document(plain: Answer) -> Answer:
    parsed = names.parse(plain.name)
    layout = catalogue.find(parsed.frame, parsed.type, parsed.layout)
    found = reading.read(plain.content, layout)
    if found.document is None:
        codes = ", ".join(sorted({finding.code for finding in found.findings}))
        return replace(plain, problem=f"It does not follow its layout: {codes}.")
    header = found.document.header
    return replace(
        plain,
        deposit=str(header.get("deposit") or ""),
        about_sha256=str(header.get("file_sha256") or ""),
        about_name=str(header.get("file_name") or ""),
        header=header,
        tables=found.document.tables,
    )
