"""Are the signatures in a PDF what they seem? Verified off line, in a limited process.

verify(path, trust=TrustStore(home.trust), at=received_at)  ->  [SignatureReport, …]
"""

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography.x509 import load_pem_x509_certificates

from caisse.agreement.errors import BrokenSystem
from caisse.fund.casework.documents import children
from caisse.fund.casework.documents.limits import LIMITS, DocumentLimits
from caisse.fund.casework.documents.signature_report import SignatureReport

__all__ = ["SignatureReport", "TrustStore", "TrustUnreadable", "verify"]


@dataclass(frozen=True, slots=True)
class TrustStore:
    """The roots the fund trusts: every certificate in the ``*.pem`` files of a folder; None trusts nobody."""

    folder: Path | None = None

    def files(self) -> list[str]:
        """The PEM files, in order of name; raises TrustUnreadable when one of them is none."""
        problems = self.problems()
        if problems:
            raise TrustUnreadable("; ".join(problems))
        return [str(path) for path in self._paths()]

    def problems(self) -> list[str]:
        """What of the folder cannot be read, each with what to do; empty is right."""
        return [problem for path in self._paths() if (problem := _trouble(path))]

    def _paths(self) -> list[Path]:
        return sorted(self.folder.glob("*.pem")) if self.folder else []


class TrustUnreadable(BrokenSystem):
    """A file in trust/ is no certificate; nobody's signature is judged before that is mended."""


def _trouble(path: Path) -> str | None:
    name = f"{path.parent.name}/{path.name}"
    try:
        load_pem_x509_certificates(path.read_bytes())
    except OSError as error:
        return f"{name} cannot be read ({error.strerror}): the fund's user must be allowed to"
    except ValueError:
        return (
            f"{name} holds no certificate in PEM form, or a damaged one: fetch it again from whoever issued "
            "it (-----BEGIN CERTIFICATE-----), or take the file away"
        )
    return None


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
