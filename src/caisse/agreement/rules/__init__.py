"""What follows from a file: checks, pricing and adjudication over whole columns."""

from caisse.agreement.rules.adjudication import adjudicate
from caisse.agreement.rules.batch import EARLIER_SCHEMA, OUTCOME, Adjudication, Batch, Facts, History
from caisse.agreement.rules.checks import CHECKS
from caisse.agreement.rules.file_checks import FILE_CHECKS, check_file
from caisse.agreement.rules.fingerprints import fingerprint

__all__ = [
    "CHECKS",
    "EARLIER_SCHEMA",
    "FILE_CHECKS",
    "OUTCOME",
    "Adjudication",
    "Batch",
    "Facts",
    "History",
    "adjudicate",
    "check_file",
    "fingerprint",
]
