"""Specimens of the documents applicants hand in, and sheets filled in for invented persons."""

import io
from datetime import date, timedelta

import pikepdf

from caisse.agreement.identifiers import legal_person_number, national_number
from caisse.fund.casework import queries
from caisse.fund.casework.models import Case
from caisse.fund.demo.scenes import FAMILY, GIVEN, PLACES, STREETS


def specimen(title: str, holder: str, day: date, number: str) -> bytes:
    """A PDF of one page that says in large letters what it stands for."""
    made = pikepdf.new()
    face = pikepdf.Dictionary(
        Type=pikepdf.Name.Font, Subtype=pikepdf.Name.Type1, BaseFont=pikepdf.Name.Helvetica,
        Encoding=pikepdf.Name.WinAnsiEncoding,
    )  # fmt: skip
    page = made.add_blank_page(page_size=(595, 842))
    page.Resources = pikepdf.Dictionary(Font=pikepdf.Dictionary(F1=made.make_indirect(face)))
    lines = [(30, "SPECIMEN"), (15, title), (12, holder), (12, f"N° {number}"), (12, f"{day:%d.%m.%Y}")]
    drawn, height = [], 760
    for size, text in lines:
        shown = text.encode("cp1252", "replace").replace(b"\\", b"").replace(b"(", b"[").replace(b")", b"]")
        drawn.append(b"BT /F1 %d Tf 64 %d Td (%s) Tj ET" % (size, height, shown))
        height -= size * 2 + 14
    drawn.append(b"48 48 499 746 re S")
    page.Contents = made.make_stream(b"\n".join(drawn))
    written = io.BytesIO()
    made.save(written, static_id=True)
    return written.getvalue()


def person(index: int) -> tuple[str, str]:
    """Given and family name of the invented person of that index."""
    return GIVEN[index % len(GIVEN)], FAMILY[(index * 5 + index // len(GIVEN)) % len(FAMILY)]


def sheet(case: Case, index: int, day: date) -> dict[str, str]:
    """A sound value for every field of the case's sheet."""
    by_name = _values(case, index, day)
    filled = {}
    for asked in queries.catalogue_of(case).fields(case.kind, case.profession, case.facts):
        if asked.name in by_name:
            filled[asked.name] = by_name[asked.name]
        elif asked.type == "choice":
            choices = list(asked.choices)
            filled[asked.name] = choices[index % len(choices)] if asked.name == "speciality" else choices[0]
        elif asked.required is not False:
            ends = str(day + timedelta(days=300))
            filled[asked.name] = ends if asked.type == "date" else _BY_TYPE.get(asked.type, "")
    return filled


def _iban(index: int) -> str:
    """A sound account of Luxembourg that nobody else of the demonstration has (ISO 13616)."""
    account = f"001{4_000_000_000_000 + index}"
    return f"LU{98 - int(f'{account}213000') % 97:02d}{account}"


def _legal_number(index: int) -> str:
    """A sound number of a company that does not exist (form 24, founded in 2015)."""
    for order in range(1000 + 2 * index, 9999):
        ten = f"201524{order}"
        check = legal_person_number.check_digit(ten)
        if check is not None:
            return f"{ten}{check}"
    raise ValueError(index)


_BY_TYPE = {"text": "Exemple", "long_text": "Une phrase.", "phone": "+352 621 000 000", "country": "LU"}


def _values(case: Case, index: int, day: date) -> dict[str, str]:
    given, family = person(index)
    postcode, locality = PLACES[index % len(PLACES)]
    issued = str(day - timedelta(days=60 + index))
    number = national_number.make(1955 + index % 40, 1 + index % 12, 1 + index % 28, 100 + index)
    profession = queries.catalogue_of(case).professions[case.profession].label["fr"]
    starts, house = str(day + timedelta(days=10)), str(1 + index * 3)
    address = {"street": STREETS[index % len(STREETS)], "house_number": house, "postcode": postcode,
               "locality": locality, "country": "LU"}  # fmt: skip
    return {
        "national_number": number, "family_name": family, "given_name": given,
        "business_name": f"{profession} {family}", "birth_name": "",
        "legal_number": _legal_number(index), "vat_number": "",
        "trade_register_number": f"B{200_000 + index}",
        "manager_national_number": number, "manager_family_name": family, "manager_given_name": given,
        "starts_on": starts, "ends_on": "", "effective_from": starts,
        "last_day": str(day + timedelta(days=40)),
        "licence_number": f"MS-{10_000 + index}", "licence_issued_on": issued,
        "licence_last_day": str(day + timedelta(days=300)) if case.facts.get("service_declaration") else "",
        "email": case.email, "correspondence_language": case.language, "iban": _iban(index), "bic": "",
        "account_holder": f"{given} {family}", "new_iban": _iban(index + 500),
        "new_account_holder": f"{given} {family}", "provider_code": str(case.code or ""),
        **{f"{place}_{part}": text for place in ("site", "contact") for part, text in address.items()},
    }  # fmt: skip
