"""Cumulation: which acts exclude one another and how often they count, read from the printed rules.

``python -m caisse.agreement.tables.cumulation`` prints how much of the printed rules is structured.
"""

from caisse.agreement.tables.cumulation.frames import Cumulation, cumulation_of
from caisse.agreement.tables.cumulation.reading import coverage, parse_edition

__all__ = ["Cumulation", "coverage", "cumulation_of", "parse_edition"]
