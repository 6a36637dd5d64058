"""Kinds of cases that begin on pages of their own instead of the common one."""

from collections.abc import Mapping

#: kind of case -> name of the page, which takes the provider's id; others begin at `portal:start`.
START_PAGES: Mapping[str, str] = {}
