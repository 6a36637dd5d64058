"""Which signatures a case needs: from whom, to exactly which words, and which of them are there."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from jwt import PyJWK

from caisse.agreement.identifiers import provider_code
from caisse.agreement.tables.professions import catalogue_on
from caisse.fund.casework import associations, joint_invoicing, queries
from caisse.fund.casework.associations import Change
from caisse.fund.casework.joint_invoicing import Group
from caisse.fund.casework.models import Case, Signature
from caisse.fund.casework.signature_records import RecordRefused, read_record
from caisse.fund.notices.texts import text
from caisse.fund.registry import queries as register
from caisse.fund.registry.models import Provider

TEXTS = Path(__file__).with_name("statements.toml")


@dataclass(frozen=True, slots=True)
class Consent:
    """A signature that is needed: of whom, in which role, and the words in the signer's language."""

    code: int
    provider_id: int
    role: str
    language: str
    statement: str


def needed(case: Case, day: date | None = None) -> list[Consent]:
    """The signatures the case needs as sheet and register stand now; ``day``: for another day than asked."""
    values = queries.sheet_values(case)
    if case.kind == associations.KIND:
        change = associations.change_of(case, values, day)
        return [_of_change(case, change, code) for code in change.signers] if change else []
    if case.kind == joint_invoicing.KIND:
        group = joint_invoicing.group_of(case, values, day)
        return [_of_group(case, group, code) for code in group.signers] if group else []
    return []


def standing_signatures(case: Case) -> list[Signature]:
    """The signatures of a case that are not void, by code."""
    return list(case.signatures.filter(void_at__isnull=True).order_by("signer_code"))


def lacking(case: Case, day: date | None = None) -> list[int]:
    """The codes that have not signed exactly what would hold from ``day`` on."""
    given = {one.signer_code: one.statement for one in standing_signatures(case) if one.signed_at is not None}
    return [one.code for one in needed(case, day) if given.get(one.code) != one.statement]


def open_signatures(provider_ids: Iterable[int]) -> list[Signature]:
    """What providers are asked to sign and have neither signed nor refused, the oldest first."""
    codes = [row.code for provider_id in provider_ids for row in register.codes_of(provider_id)]
    found = Signature.objects.select_related("case").filter(
        signer_code__in=codes, signed_at__isnull=True, refused_at__isnull=True, void_at__isnull=True,
        case__state="awaiting_signatures",
    )  # fmt: skip
    return list(found.order_by("asked_at", "pk"))


def answered_signatures(provider_ids: Iterable[int]) -> list[Signature]:
    """What providers signed or refused, the latest first."""
    codes = [row.code for provider_id in provider_ids for row in register.codes_of(provider_id)]
    found = Signature.objects.select_related("case").filter(signer_code__in=codes)
    return list(found.exclude(signed_at__isnull=True, refused_at__isnull=True).order_by("-pk"))


def signature_of(signature_id: int, provider_ids: Iterable[int]) -> Signature | None:
    """A signature that was asked of one of some providers; None for any other."""
    codes = [row.code for provider_id in provider_ids for row in register.codes_of(provider_id)]
    found = Signature.objects.select_related("case").filter(pk=signature_id, signer_code__in=codes)
    return found.first()


def broken_records(keys: Mapping[str, PyJWK]) -> Iterator[str]:
    """What is wrong with the records of signatures: not signed by the fund, or not what their row says."""
    for row in Signature.objects.exclude(record="").select_related("case").order_by("pk").iterator():
        try:
            said = read_record(row.record, keys)
        except RecordRefused as refusal:
            yield f"signature {row.pk} of case {row.case.number}: {refusal}"
            continue
        kept = (row.case.number, row.signer_code, row.statement, row.method, row.signed_at)
        if (said.case, said.code, said.statement, said.method, said.signed_at) != kept:
            yield f"signature {row.pk} of case {row.case.number} differs from its record"


def _of_change(case: Case, change: Change, code: int) -> Consent:
    provider, language = _signer(code)
    fewest = catalogue_on(change.day).period("association_members")
    dates = {"day": _day(change.day), "last": _day(change.day - timedelta(days=1))}
    told = []
    if change.joining:
        told.append(text(TEXTS, "joins", language, **dates, who=_people(change.joining, language)))
    if change.leaving:
        told.append(text(TEXTS, "leaves", language, **dates, who=_people(change.leaving, language)))
    if not change.founding and len(change.after) < fewest:
        told.append(text(TEXTS, "falls", language, **dates, fewest=fewest))
    key = "founding" if change.founding else "dissolving" if change.dissolving else "changing"
    statement = text(
        TEXTS, key, language, **dates, case=case.number, signer=provider.name, code=_shown(code),
        association=change.name, group=_group(change, language), changes=" ".join(told),
        common=_shown(change.common_code) if change.common_code else "",
        members=_people(change.members, language), after=_people(change.after, language),
    )  # fmt: skip
    return Consent(code, provider.pk, change.role_of(code), language, statement)


def _of_group(case: Case, group: Group, code: int) -> Consent:
    provider, language = _signer(code)
    statement = text(
        TEXTS, "invoicing", language, case=case.number, signer=provider.name, code=_shown(code),
        day=_day(group.day), billing=_people((group.billing,), language),
        executing=_people(group.executing, language),
    )  # fmt: skip
    return Consent(code, provider.pk, group.role_of(code), language, statement)


def _signer(code: int) -> tuple[Provider, str]:
    provider = register.provider_by_code(code)
    if provider is None:
        return Provider(name=""), "fr"
    return provider, provider.language


def _people(codes: Iterable[int], language: str) -> str:
    found = [f"{_signer(code)[0].name} ({_shown(code)})" for code in codes]
    return ", ".join(found) if found else text(TEXTS, "nobody", language)


def _group(change: Change, language: str) -> str:
    catalogue = catalogue_on(change.day)
    parts = [catalogue.professions[change.profession].label[language]]
    speciality = catalogue.specialities.get(change.speciality)
    return ", ".join([*parts, *([speciality.label[language]] if speciality else [])])


def _shown(code: int) -> str:
    return provider_code.format(str(code))


def _day(day: date) -> str:
    return f"{day:%d.%m.%Y}"


def is_over(signature: Signature) -> bool:
    """True when the signature was answered, is void, or its case no longer waits for it."""
    answered = signature.signed_at or signature.refused_at or signature.void_at
    return answered is not None or signature.case.state != "awaiting_signatures"
