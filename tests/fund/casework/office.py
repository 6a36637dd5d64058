"""An office for tests: officers, an applicant, sound PDFs, and a case taken as far as a test wants it."""

import io
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Self

import pikepdf
import pypdfium2
from django.utils import timezone

from caisse.agreement.identifiers import national_number, provider_code
from caisse.fund.access.models import User
from caisse.fund.casework import queries
from caisse.fund.casework.actions import applications, board, decisions, examination, files
from caisse.fund.casework.models import Case
from caisse.fund.home import Home

START = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
APPLICANT = "applicant"
IBAN = "LU280019400644750000"

#: Values that satisfy any field of a sheet but days, by the field's type.
BY_TYPE = {
    "text": "Exemple", "long_text": "Une phrase.", "email": "cabinet@example.lu", "phone": "+352 621 123 456",
    "iban": IBAN, "bic": "BCEELULL", "vat": "LU15027442", "rcs": "B123456", "postcode": "L-1234",
    "country": "LU", "integer": "1", "legal_number": "20202200010",
}  # fmt: skip
#: Days of a sheet that are not some days ahead: days after the case was opened, or none at all.
DAYS = {"licence_issued_on": -52, "notified_on": -52, "licence_last_day": None, "ends_on": None}


def pdf(text: str = "Document", pages: int = 1) -> bytes:
    """A sound PDF whose pages show ``text``; different texts make different bytes."""
    made = pikepdf.new()
    font = made.make_indirect(
        pikepdf.Dictionary(
            Type=pikepdf.Name.Font, Subtype=pikepdf.Name.Type1, BaseFont=pikepdf.Name.Helvetica
        )
    )
    for number in range(pages):
        page = made.add_blank_page(page_size=(595, 842))
        page.Resources = pikepdf.Dictionary(Font=pikepdf.Dictionary(F1=font))
        shown = f"{text} {number + 1}".encode("ascii", "replace").decode()
        page.Contents = made.make_stream(f"BT /F1 18 Tf 72 770 Td ({shown}) Tj ET".encode())
    written = io.BytesIO()
    made.save(written)
    return written.getvalue()


@dataclass
class Office:
    """Acts at a clock of its own, which moves one step with every act."""

    home: Home
    at: datetime = START
    users: dict[str, int] = field(default_factory=dict)
    step: timedelta = timedelta(minutes=1)

    @classmethod
    def earlier_today(cls, home: Home) -> Self:
        """An office whose next 360 acts lie before now and on the day of now, even after midnight."""
        now = timezone.localtime()
        begun = max(now - timedelta(hours=6), now.replace(hour=0, minute=0, second=0, microsecond=0))
        return cls(home, at=begun.astimezone(UTC), step=(now - begun) / 360)

    def tick(self, **passed: float) -> datetime:
        self.at += timedelta(**passed) if passed else self.step
        return self.at

    @property
    def today(self) -> date:
        return timezone.localdate(self.at)

    def user(self, name: str) -> int:
        """The id of the user of that name, made on first use."""
        if name not in self.users:
            made = User.objects.create(
                email=f"{name}@example.lu", name=name.title(), language="fr", created_at=self.at
            )
            self.users[name] = made.pk
        return self.users[name]

    def open(self, profession: str = "doctors", kind: str = "new_code", **more: object) -> Case:
        """A draft of an applicant without account, who writes French unless told otherwise."""
        given = {"email": "applicant@example.lu", "language": "fr", "door": "portal", **more}
        new = applications.NewCase(kind=kind, profession=profession, **given)
        opened = applications.open_case(new=new, by=APPLICANT, at=self.tick())
        return Case.objects.get(pk=opened.case_id)

    def upload(self, content: bytes) -> Path:
        """A complete upload in staging."""
        path = self.home.staging / f"test-{self.tick().timestamp()}"
        path.write_bytes(content)
        return path

    def attach(
        self, case: Case, kind: str, part: str = "", content: bytes | None = None, **more: object
    ) -> int:
        """Hand in a document, dated as its type wants."""
        wanted = queries.catalogue_of(case).documents.get(kind)
        dates: dict[str, object] = {}
        if wanted is not None and wanted.issued != "none":
            dates["issued_on"] = self.today - timedelta(days=30)
        if wanted is not None and wanted.expires == "required":
            dates["expires_on"] = self.today + timedelta(days=700)
        content = pdf(f"{kind} {part} {case.number} {self.at}") if content is None else content
        arriving = files.Arriving(
            path=self.upload(content), name=f"{kind}.pdf", kind=kind, part=part, **{**dates, **more}
        )
        return files.receive_file(case_id=case.pk, arriving=arriving, by=APPLICANT, at=self.tick())

    def complete(self, case: Case, facts: dict[str, bool] | None = None, **sheet: str) -> Case:
        """Answer, fill in and attach all that is asked for; facts are "no" unless given."""
        catalogue = queries.catalogue_of(case)
        asked = {fact.key: False for fact in catalogue.facts_for(case.kind, case.profession)}
        applications.answer_facts(
            case_id=case.pk, facts={**asked, **(facts or {})}, by=APPLICANT, at=self.tick()
        )
        case.refresh_from_db()
        applications.fill_sheet(
            case_id=case.pk, values={**filled(case), **sheet}, by=APPLICANT, at=self.tick()
        )
        for wanted in queries.requirements(case):
            if not wanted.online:
                self.attach(case, wanted.document, wanted.part)
        case.refresh_from_db()
        return case

    def submit(self, case: Case) -> Case:
        applications.submit_case(case_id=case.pk, by=APPLICANT, at=self.tick())
        case.refresh_from_db()
        return case

    def submitted(self, profession: str = "doctors", **more: object) -> Case:
        """A complete application, handed in."""
        return self.submit(self.complete(self.open(profession, **more)))

    def reviewed(self, profession: str = "doctors", officer: str = "officer", **more: object) -> Case:
        """A complete application that an officer took, with every document accepted."""
        case = self.submitted(profession, **more)
        examination.take_case(case_id=case.pk, officer_id=self.user(officer), at=self.tick())
        self.accept_all(case, officer)
        case.refresh_from_db()
        return case

    def accept_all(self, case: Case, officer: str = "officer") -> None:
        for document in case.documents.filter(state="received"):
            examination.judge_document(
                document_id=document.pk, accepted=True, officer_id=self.user(officer), at=self.tick()
            )

    def grant(
        self, case: Case, officer: str = "officer", second: str = "supervisor", **verdict: object
    ) -> Case:
        """Decide in the applicant's favour, by two officers where the catalogue asks for them."""
        state = decisions.propose_decision(
            case_id=case.pk, verdict=decisions.Verdict("granted", **verdict), officer_id=self.user(officer),
            at=self.tick(),
        )  # fmt: skip
        if state == "proposed":
            decisions.confirm_decision(case_id=case.pk, officer_id=self.user(second), at=self.tick())
        case.refresh_from_db()
        return case

    def board_decides(self, case: Case, outcome: str, note: str = "", officer: str = "officer") -> Case:
        """Bring a reviewed case before the next session of the Board, which decides it."""
        session = board.plan_session(day=self.today + timedelta(days=10), by="test", at=self.tick())
        board.send_to_board(
            case_id=case.pk, recommendation="Avis joint.", officer_id=self.user(officer), at=self.tick()
        )
        board.convene_session(session_id=session, by="test", at=self.tick())
        board.record_outcome(
            item_id=case.board_items.get().pk, outcome=outcome, note_text=note,
            officer_id=self.user("secretary"), at=self.tick(),
        )  # fmt: skip
        case.refresh_from_db()
        return case


def text_of(home: Home, sha256: str) -> str:
    """The text of a kept PDF, as another tool reads it."""
    document = pypdfium2.PdfDocument(home.documents / sha256[:2] / sha256[2:])
    try:
        return "\n".join(page.get_textpage().get_text_range() for page in document)
    finally:
        document.close()


def filled(case: Case) -> dict[str, str]:
    """A sound value for every field of the case's sheet; persons are made up."""
    born = 1950 + case.pk % 50
    values = {}
    for asked in queries.catalogue_of(case).fields(case.kind, case.profession, case.facts):
        if asked.type == "national_number":
            value = national_number.make(born, 5, 17, case.pk % 1000)
        elif asked.type == "choice":
            value = next(iter(asked.choices))
        elif asked.type == "code":
            value = str(case.code or provider_code.make(520017))
        elif asked.type == "date":
            days = DAYS.get(asked.name, 9)
            value = "" if days is None else str(timezone.localdate(case.opened_at) + timedelta(days=days))
        else:
            value = BY_TYPE.get(asked.type, "")
        values[asked.name] = value
    return values
