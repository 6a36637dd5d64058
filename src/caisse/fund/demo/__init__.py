"""A believable fund to try things on, drawn from a fixed seed: every demonstration fund is the same."""

from caisse.fund.demo.office import load_office
from caisse.fund.demo.practices import load_demo

__all__ = ["load_demo", "load_office"]
