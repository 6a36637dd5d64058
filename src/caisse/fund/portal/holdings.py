"""What is registered of a provider, in words and without what a page must not show in full."""

from datetime import date

from django.utils.formats import number_format
from django.utils.translation import gettext as _

from caisse.agreement.identifiers import provider_code
from caisse.agreement.money import text_from_cents
from caisse.agreement.tables.professions import catalogue_on
from caisse.fund.casework.sheet_reading import lines_of
from caisse.fund.payments.models import AnnualStatement
from caisse.fund.portal import words
from caisse.fund.portal.words import pick, word
from caisse.fund.registry.queries import ProviderPage, Standing


def _days(start: date | None, until: date | None) -> dict[str, object]:
    return {"from": start, "until": until}


def masked(number: str) -> str:
    """Of an account number or a national number only the end."""
    return f"•••• {number[-4:]}"


def codes(page: ProviderPage, today: date) -> list[dict[str, object]]:
    """The codes with how they stand today."""
    return [_code(code, today) for code in page.codes]


def _code(code: Standing, today: date) -> dict[str, object]:
    catalogue = catalogue_on(today)
    profession = catalogue.professions.get(code.profession)
    speciality = catalogue.specialities.get(code.speciality)
    return {
        "code": provider_code.format(str(code.code)),
        "profession": pick(profession.label) if profession else code.profession,
        "speciality": pick(speciality.label) if speciality else "",
        "state": word(words.CODE_STATES, code.state), "tone": words.CODE_TONES.get(code.state, ""),
        **_days(code.valid_from, code.valid_until),
        "suspended_from": code.suspended_from, "suspended_until": code.suspended_until,
        "lapsed": code.licence_id is not None,
    }  # fmt: skip


def sites(page: ProviderPage, today: date) -> list[dict[str, object]]:
    """Where the provider practises, today and later."""
    return [
        {"lines": lines_of(one), **_days(one.valid_from, one.valid_until)}
        for one in page.addresses
        if one.valid_until is None or one.valid_until > today
    ]


def licences(page: ProviderPage, today: date) -> list[dict[str, object]]:
    """The licences with the days they still hold."""
    kinds = catalogue_on(today).licences
    return [
        {
            "label": pick(kinds[one.kind].label) if one.kind in kinds else one.kind,
            "number": one.number, **_days(one.valid_from, one.valid_until), "holds": one.holds_on(today),
            "days_left": (one.valid_until - today).days if one.valid_until else None,
            "codes": [provider_code.format(str(code)) for code in one.codes],
        }
        for one in page.licences
    ]  # fmt: skip


def accounts(page: ProviderPage, today: date) -> list[dict[str, object]]:
    """The bank accounts of today and later, masked."""
    return [
        {"iban": masked(one.iban), "holder": one.holder, **_days(one.valid_from, one.valid_until)}
        for one in page.accounts
        if one.valid_until is None or one.valid_until > today
    ]


def managers(page: ProviderPage, today: date) -> list[dict[str, object]]:
    """Who answers for the establishment, today and later."""
    return [
        {"name": one.name, **_days(one.valid_from, one.valid_until)}
        for one in page.managers
        if one.valid_until is None or one.valid_until > today
    ]


def associations(page: ProviderPage) -> list[dict[str, object]]:
    """Memberships in associations, and of an association its members."""
    found = [
        {"label": _("Member with code {code}").format(code=provider_code.format(str(one.code))),
         **_days(one.valid_from, one.valid_until)}
        for one in [*page.memberships, *page.members]
    ]  # fmt: skip
    return found + [
        {
            "label": _("{billing} bills for {executing}").format(
                billing=provider_code.format(str(one.billing)),
                executing=provider_code.format(str(one.executing)),
            ),
            **_days(one.valid_from, one.valid_until),
        }
        for one in page.executions
    ]


def euros(cents: int) -> str:
    """An amount as the language of the page writes it."""
    return number_format(text_from_cents(cents), 2, force_grouping=True)


def statement(one: AnnualStatement) -> dict[str, object]:
    """An annual statement with its sums; ``letter`` is None while its PDF is still being made."""
    said = one.letter.content
    return {
        "pk": one.pk, "year": one.year, "reference": one.reference, "association": said["association"],
        "code": provider_code.format(str(said["code"])), "lines": one.lines, "issued_at": one.issued_at,
        "replaces": one.replaces.reference if one.replaces else "",
        "letter": one.letter_id if one.letter.made_at else None,
        "sums": [
            (_("asked"), euros(one.asked_cents)), (_("paid by the fund"), euros(one.paid_cents)),
            (_("patients' share"), euros(one.patient_cents)), (_("refused"), euros(one.refused_cents)),
        ],
    }  # fmt: skip
