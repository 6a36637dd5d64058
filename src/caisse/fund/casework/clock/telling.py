"""What the clock writes to providers: warnings, lapses, reopenings; letters, made by a job afterwards."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils import timezone

from caisse.agreement.identifiers import provider_code
from caisse.agreement.tables.professions import catalogue_on
from caisse.fund.casework.actions.letters import order_letter
from caisse.fund.casework.letter_contents import Addressee, Content, head
from caisse.fund.casework.sheet_reading import lines_of
from caisse.fund.notices.texts import text
from caisse.fund.printing.wording import Wording
from caisse.fund.registry import queries as register
from caisse.fund.registry.models import Provider

TEXTS = Path(__file__).with_name("texts.toml")
_ENDS_LIKE = {"suspends": "suspended", "ends": "ended", "noted": "noted"}


@dataclass(frozen=True, slots=True)
class Telling:
    """Writes to one provider in its language; what a letter is dated by is the day it is written."""

    provider: Provider
    by: str
    at: datetime

    @property
    def today(self) -> date:
        """The day that stands on the letter."""
        return timezone.localdate(self.at)

    def say(self, name: str, **holes: object) -> str:
        """A sentence in the provider's language; days are written out."""
        return say(name, self.provider.language, **holes)

    def licence(self, kind: str) -> str:
        """What a kind of licence is called."""
        known = catalogue_on(self.today).licences.get(kind)
        return known.label[self.provider.language] if known else kind

    def warn(self, codes: tuple[int, ...], licence: str, number: str, ends: date, on_lapse: str) -> int:
        """A licence, or a code's planned end, is near."""
        return self._write("licence_warning", codes[0], {
            "code": codes[0], "further_codes": list(codes[1:]), "licence": licence, "number": number,
            "valid_until": str(ends), "days_left": (ends - self.today).days, "effect": _ENDS_LIKE[on_lapse],
        })  # fmt: skip

    def closed(self, code: int, effect: str, day: date, reason: str) -> int:
        """A code does not hold from a day on: "suspended" or "ended"."""
        return self._write("code_lapsed", code, {
            "code": code, "effect": effect, "effective_on": str(day), "reason": reason,
            "appeal": self._appeal(),
        })  # fmt: skip

    def reopened(self, code: int, day: date, gap_from: date | None) -> int:
        """A code holds again from a day on."""
        gap = str(gap_from) if gap_from else None
        return self._write("code_reopened", code, {"code": code, "effective_on": str(day), "gap_from": gap})

    def _appeal(self) -> dict[str, Any]:
        sender = settings.FUND.sender
        return {
            "to": "board", "days": catalogue_on(self.today).period("appeal_days"),
            "address": [sender.name or settings.FUND.name, *sender.lines],
        }  # fmt: skip

    def _write(self, kind: str, code: int, data: Mapping[str, Any]) -> int:
        addressee = self._addressee(code)
        around = head(addressee, self.today, provider_code.format(str(code)))
        content = Content(kind, {"head": around, **data})
        return order_letter(addressee, content, later=True, by=self.by, at=self.at)

    def _addressee(self, code: int) -> Addressee:
        provider, site = self.provider, register.standing(code, self.today).site_id
        address = register.address_on(site, self.today) if site else None
        lines = lines_of(address) if address else ()
        return Addressee((provider.name, *lines), provider.language, provider.email, provider.pk)


def say(name: str, language: str, **holes: object) -> str:
    """A text of ours in a language; days among the holes are written out."""
    word = Wording(language).word
    return text(TEXTS, name, language, **{hole: word(value) for hole, value in holes.items()})


def last_day(valid_until: date) -> date:
    """The last day that holds before the first that no longer does."""
    return valid_until - timedelta(days=1)
