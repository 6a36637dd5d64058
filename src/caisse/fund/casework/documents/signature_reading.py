"""The part of verifying signatures that opens the document: runs in the limited process only (`child`)."""

import asyncio
import hashlib
import importlib
import io
import json
import re
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, cast

import tzlocal
from asn1crypto import pem, x509
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.diff_analysis import DiffResult, ModificationLevel
from pyhanko.sign.validation import EmbeddedPdfSignature, async_validate_pdf_signature
from pyhanko.sign.validation.settings import KeyUsageConstraints
from pyhanko.sign.validation.status import PdfSignatureStatus, SignatureCoverageLevel
from pyhanko_certvalidator import ValidationContext

from caisse.fund.casework.documents.signature_report import SignatureReport

#: What the libraries would import when they first need it: in the limited process that is too late.
_NEEDED_LATER = (
    "lxml.etree",
    "pyhanko.pdf_utils.filters",
    "pyhanko.pdf_utils.metadata.xmp_xml",
    "cryptography.hazmat.backends.openssl.backend",
    "cryptography.hazmat.primitives.asymmetric.dsa",
    "cryptography.hazmat.primitives.asymmetric.ec",
    "cryptography.hazmat.primitives.asymmetric.ed25519",
    "cryptography.hazmat.primitives.asymmetric.ed448",
    "cryptography.hazmat.primitives.asymmetric.padding",
    "cryptography.hazmat.primitives.asymmetric.rsa",
)
#: A document with more signatures than this is not read.
MOST = 60
Prepared = tuple[asyncio.AbstractEventLoop, list[x509.Certificate], datetime]

_UNPRINTABLE = re.compile(r"[^\x20-\x7e\xa0-\u024f\u0370-\u04ff]")


def prepare(options: dict[str, Any]) -> Prepared:
    """Everything that needs a file or a socket: the roots, the local time zone, a loop."""
    for module in _NEEDED_LATER:
        importlib.import_module(module)
    tzlocal.get_localzone()
    roots = [
        x509.Certificate.load(der)
        for path in options["roots"]
        for kind, _, der in pem.unarmor(Path(path).read_bytes(), multiple=True)
        if kind == "CERTIFICATE"
    ]
    return asyncio.new_event_loop(), roots, datetime.fromisoformat(options["at"])


def answer(document: BinaryIO, prepared: Prepared) -> bytes:
    """The reports as JSON: {"reports": [...]} or {"damaged": "…"}."""
    loop, roots, at = prepared
    try:
        reader = PdfFileReader(io.BytesIO(document.read()))
        signatures = reader.embedded_regular_signatures
        names = {str(each.field_name) for each in reader.embedded_signatures}
        if len(signatures) > MOST:
            raise ValueError("too many signatures")
        reports = [loop.run_until_complete(_report(each, names, roots, at)) for each in signatures]
    except (MemoryError, OSError):  # OSError: a file or socket was wanted, a fault of ours
        raise
    except Exception as error:  # damage makes the parsers raise anything
        return json.dumps({"damaged": type(error).__name__}).encode()
    return json.dumps({"reports": [asdict(report) for report in reports]}).encode()


async def _report(
    signature: EmbeddedPdfSignature, signature_fields: set[str], roots: list[x509.Certificate], at: datetime
) -> SignatureReport:
    name = _plain(signature.field_name)
    try:
        status = await async_validate_pdf_signature(
            signature, _context(roots, at), _context(roots, at),
            # Signing with a certificate made for authentication is common, and binds the signer no less.
            key_usage_settings=KeyUsageConstraints(key_usage=set()),
        )  # fmt: skip
    except (MemoryError, OSError):  # OSError: a file or socket was wanted, a fault of ours
        raise
    except Exception as error:
        return SignatureReport(field=name, intact=False, problem=type(error).__name__)
    certificate = cast(x509.Certificate, status.signing_cert)
    signed_at, source = _when(status)
    return SignatureReport(
        field=name,
        intact=bool(status.intact and status.valid),
        covers_whole_file=status.coverage == SignatureCoverageLevel.ENTIRE_FILE,
        changed_after=_changed(status, signature_fields),
        trusted=bool(status.trusted),
        expired=not certificate.not_valid_before <= at <= certificate.not_valid_after,
        self_signed=certificate.self_signed != "no",
        signer=_name(certificate.subject),
        issuer=_name(certificate.issuer),
        certificate_sha256=hashlib.sha256(certificate.dump()).hexdigest(),
        certificate_until=certificate.not_valid_after.isoformat(),
        signed_at=signed_at,
        time_source=source,
    )


def _context(roots: list[x509.Certificate], at: datetime) -> ValidationContext:
    return ValidationContext(trust_roots=roots, moment=at, allow_fetching=False, revocation_mode="soft-fail")


def _changed(status: PdfSignatureStatus, signature_fields: set[str]) -> str:
    """What was added to the file after this signature."""
    if status.coverage == SignatureCoverageLevel.ENTIRE_FILE:
        return "nothing"
    changes = status.diff_result
    if status.coverage != SignatureCoverageLevel.ENTIRE_REVISION or not isinstance(changes, DiffResult):
        return "content"
    if not status.docmdp_ok or changes.modification_level > ModificationLevel.FORM_FILLING:
        return "content"
    return "signatures" if set(changes.changed_form_fields) <= signature_fields else "fields"


def _when(status: PdfSignatureStatus) -> tuple[str, str]:
    stamped = status.timestamp_validity
    if stamped is not None and stamped.valid and stamped.intact:
        return stamped.timestamp.isoformat(), "trusted_stamp" if stamped.trusted else "stamp"
    claimed = status.signer_reported_dt
    return (claimed.isoformat(), "claimed") if claimed else ("", "none")


def _name(name: x509.Name) -> str:
    """The common name, or the organisation where there is none; for people, not a proof of identity."""
    entries = cast(dict[str, Any], name.native)
    return _plain(entries.get("common_name") or entries.get("organization_name") or "?")


def _plain(text: object) -> str:
    return _UNPRINTABLE.sub(" ", str(text))[:120].strip()
