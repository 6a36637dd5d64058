"""Prints how much of the printed cumulation rules is structured, edition by edition."""

import sys

from caisse.agreement.tables.cumulation.reading import report

sys.stdout.write(report())
