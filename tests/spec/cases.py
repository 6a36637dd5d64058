"""All cases, in the order in which docs/rules.md prints them."""

from tests.spec.case import WORLD, Case
from tests.spec.file_cases import FILE_CASES
from tests.spec.invoice_cases import INVOICE_CASES
from tests.spec.line_cases import LINE_CASES
from tests.spec.together_cases import TOGETHER_CASES

CASES: tuple[Case, ...] = (*FILE_CASES, *INVOICE_CASES, *LINE_CASES, *TOGETHER_CASES)

__all__ = ["CASES", "WORLD", "Case"]
