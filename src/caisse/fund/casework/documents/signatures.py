"""Are the signatures in a PDF what they seem? Verified off line, in a limited process.

verify(path, trust=TrustStore(home.trust), at=received_at)  ->  [SignatureReport, …]
"""

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from caisse.fund.casework.documents import children
from caisse.fund.casework.documents.limits import LIMITS, DocumentLimits
from caisse.fund.casework.documents.signature_report import SignatureReport

__all__ = ["SignatureReport", "TrustStore", "verify"]


@dataclass(frozen=True, slots=True)
class TrustStore:
    """The roots the fund trusts: every certificate in the ``*.pem`` files of a folder; None trusts nobody."""

    folder: Path | None = None

    def files(self) -> list[str]:
        """The PEM files, in order of name."""
        return sorted(str(path) for path in self.folder.glob("*.pem")) if self.folder else []


def verify(
    path: Path, *, trust: TrustStore, at: datetime, limits: DocumentLimits = LIMITS
) -> list[SignatureReport]:
    """One report a signature, in the order they were made; certificates are judged as of ``at`` (aware).

    ``at`` is when the document arrived: a later end of the certificate changes nothing. A document whose
    signatures cannot be read gives one report that says so. Raises `children.Unfinished` by a fault of ours.
    """
    options = {"roots": trust.files(), "at": at.isoformat()}
    try:
        answer = json.loads(children.work("signatures", path, limits=limits, options=options))
    except children.TooExpensive:
        return [SignatureReport(field="", intact=False, problem="time or memory")]
    if "damaged" in answer:
        return [SignatureReport(field="", intact=False, problem=answer["damaged"])]
    return [SignatureReport(**report) for report in answer["reports"]]
