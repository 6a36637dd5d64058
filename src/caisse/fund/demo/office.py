"""A believable office: some forty cases in all states, staff with their roles, a session of the Board.

Every case goes through the same actions as a real one, at a clock that runs from three months ago to now;
its documents are specimens of one page.
"""

import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.conf import settings
from django.utils import timezone

from caisse.fund.access.actions import create_user, grant_role
from caisse.fund.access.models import User
from caisse.fund.casework import queries
from caisse.fund.casework.actions import applications, board, decisions, examination, files, signatures
from caisse.fund.casework.models import BoardItem, Case
from caisse.fund.demo import papers
from caisse.fund.demo.scenes import SCENES, Scene
from caisse.fund.registry.loading import Watch

#: Who works in the office: role and name. Nobody has a password; `caisse fund user` gives a link to set one.
STAFF = {
    "officer": "Olivia Officer", "supervisor": "Simon Supervisor", "board_secretary": "Sarah Secretary",
    "editor": "Emil Editor", "auditor": "Aline Auditor", "administrator": "Adam Administrator",
}  # fmt: skip
_APPLICANT = "applicant of the demonstration"

#: What an officer asks back, and why one refuses.
QUESTION = {
    "fr": "L'adresse indiquée est-elle bien celle du lieu d'exercice ?",
    "de": "Ist die angegebene Adresse wirklich die des Ausübungsortes?",
    "en": "Is the address given really that of the practice site?",
}
GROUNDS = {
    "fr": "L'autorisation présentée ne couvre pas l'activité demandée.",
    "de": "Die vorgelegte Genehmigung deckt die beantragte Tätigkeit nicht.",
    "en": "The authorisation presented does not cover the activity applied for.",
}


@dataclass
class Office:
    """The staff at work; ``at`` moves ten minutes with every act and never beyond ``now``."""

    now: datetime
    staff: dict[str, User]
    at: datetime
    session: int = 0
    cases: dict[str, Case] = field(default_factory=dict)

    def tick(self) -> datetime:
        self.at = min(self.at + timedelta(minutes=10), self.now)
        return self.at

    def officer(self, role: str = "officer") -> int:
        return self.staff[role].pk

    def play(self, index: int, scene: Scene) -> None:
        """Take one case as far as its scene says."""
        self.at = max(self.at, self.now - timedelta(days=scene.days_ago))
        case = self._open(index, scene)
        self.cases[scene.name] = case
        if scene.until == "draft":
            return
        self._complete(index, scene, case)
        applications.submit_case(case_id=case.pk, by=_APPLICANT, at=self.tick())
        if scene.until not in ("submitted", "withdrawn"):
            examination.take_case(case_id=case.pk, officer_id=self.officer(), at=self.tick())
        ENDINGS.get(scene.until, _nothing)(self, case)

    def _open(self, index: int, scene: Scene) -> Case:
        given, family = papers.person(index)
        before = self.cases.get(scene.after)
        name = f"{given}.{family}.{index}".lower().encode("ascii", "ignore").decode()
        new = applications.NewCase(
            scene.kind, scene.profession, f"{name}@demo.example", scene.language, scene.door,
            provider_id=before.provider_id if before else None, code=before.code if before else None,
        )  # fmt: skip
        opened = applications.open_case(new=new, by=_APPLICANT, at=self.tick())
        return Case.objects.get(pk=opened.case_id)

    def _complete(self, index: int, scene: Scene, case: Case) -> None:
        asked = queries.catalogue_of(case).facts_for(case.kind, case.profession)
        facts = {fact.key: scene.facts.get(fact.key, False) for fact in asked}
        applications.answer_facts(case_id=case.pk, facts=facts, by=_APPLICANT, at=self.tick())
        case.refresh_from_db()
        values = papers.sheet(case, index, timezone.localdate(self.at))
        if scene.others:
            codes = [case.code, *(self.cases[name].code for name in scene.others)]
            values |= {"association_name": "Cabinet de l'Exemple", "members": "\n".join(map(str, codes))}
        if scene.ends_in is not None:
            values["licence_last_day"] = str(timezone.localdate(self.now) + timedelta(days=scene.ends_in))
        applications.fill_sheet(case_id=case.pk, values=values, by=_APPLICANT, at=self.tick())
        for wanted in queries.requirements(case):
            if not wanted.online:
                self.attach(case, wanted.document, wanted.part)
        case.refresh_from_db()

    def attach(self, case: Case, kind: str, part: str = "") -> None:
        """Hand in a specimen of a document, with the days its kind asks for."""
        known, day = queries.catalogue_of(case).documents[kind], timezone.localdate(self.at)
        path = settings.HOME.staging / f"demo-{uuid.uuid4().hex}"
        title = f"{known.label[case.language]} {part}".strip()
        holder = case.sheet.get("family_name") or case.sheet.get("manager_family_name", "")
        path.write_bytes(papers.specimen(title, holder, day, f"{case.number}/{kind}/{part}"))
        arriving = files.Arriving(
            path=path, name=f"{kind}.pdf", kind=kind, part=part,
            issued_on=day - timedelta(days=30) if known.issued != "none" else None,
            expires_on=day + timedelta(days=300) if known.expires == "required" else None,
        )  # fmt: skip
        files.receive_file(case_id=case.pk, arriving=arriving, by=_APPLICANT, at=self.tick())

    def accept_all(self, case: Case) -> None:
        for document in case.documents.filter(state="received"):
            examination.judge_document(
                document_id=document.pk, accepted=True, officer_id=self.officer(), at=self.tick()
            )

    def propose(self, case: Case, outcome: str) -> str:
        self.accept_all(case)
        grounds = GROUNDS[case.language] if outcome == "refused" else ""
        return decisions.propose_decision(
            case_id=case.pk,
            verdict=decisions.Verdict(outcome, grounds),
            officer_id=self.officer(),
            at=self.tick(),
        )

    def decide(self, case: Case, outcome: str) -> None:
        if self.propose(case, outcome) == "proposed":
            decisions.confirm_decision(case_id=case.pk, officer_id=self.officer("supervisor"), at=self.tick())
        case.refresh_from_db()

    def ask_back(self, case: Case) -> None:
        examination.ask_back(
            case_id=case.pk,
            questions=[("", QUESTION[case.language])],
            officer_id=self.officer(),
            at=self.tick(),
        )

    def ask_signatures(self, case: Case) -> None:
        self.accept_all(case)
        signatures.ask_signatures(case_id=case.pk, officer_id=self.officer(), at=self.tick())

    def to_board(self, case: Case) -> None:
        self.accept_all(case)
        board.send_to_board(
            case_id=case.pk, recommendation="Dossier complet ; avis favorable.", officer_id=self.officer(),
            at=self.tick(),
        )  # fmt: skip

    def hold_session(self) -> None:
        """Hold the session that is planned: the Board decides as the scenes say."""
        board.convene_session(session_id=self.session, by="demonstration", at=self.tick())
        wanted = {
            self.cases[s.name].pk: s.until.removeprefix("board ") for s in SCENES if s.name in self.cases
        }
        secretary = self.officer("board_secretary")
        for item in BoardItem.objects.filter(session_id=self.session).order_by("position"):
            outcome = wanted[item.case_id]
            note = "" if outcome == "granted" else "Les locaux sont à revoir."
            board.record_outcome(
                item_id=item.pk, outcome=outcome, note_text=note, officer_id=secretary, at=self.tick()
            )
        board.close_session(
            session_id=self.session, present="P. Président\nM. Membre\nA. Assesseur", by="demonstration",
            at=self.tick(),
        )  # fmt: skip
        for scene in SCENES:
            if scene.until.startswith("board"):
                self.cases[scene.name].refresh_from_db()

    def plan_session(self, days: int) -> None:
        day = timezone.localdate(self.at) + timedelta(days=days)
        self.session = board.plan_session(day=day, by="demonstration", at=self.tick())


def _nothing(_office: Office, _case: Case) -> None:
    """The scene ends where the case is."""


def _withdraw(office: Office, case: Case) -> None:
    applications.withdraw_case(case_id=case.pk, by=_APPLICANT, at=office.tick())


def _answered(office: Office, case: Case) -> None:
    office.ask_back(case)
    question = case.questions.get()
    answer = {"fr": "Oui.", "de": "Ja.", "en": "Yes."}[case.language]
    applications.answer_question(
        question_id=question.pk, case_id=case.pk, answer=answer, by=_APPLICANT, at=office.tick()
    )
    applications.submit_case(case_id=case.pk, by=_APPLICANT, at=office.tick())


def _lapsed(office: Office, case: Case) -> None:
    office.ask_back(case)
    case.refresh_from_db()
    if case.due_on is not None:
        late = office.now - timedelta(days=1)
        applications.lapse_case(case_id=case.pk, by="clock", at=max(late, office.at))


def _appealed(office: Office, case: Case) -> None:
    office.decide(case, "refused")
    applications.file_appeal(
        case_id=case.pk, text=GROUNDS[case.language], received_on=timezone.localdate(office.at),
        email=case.email, door="portal", by=_APPLICANT, at=office.tick(),
    )  # fmt: skip


ENDINGS = {
    "granted": lambda office, case: office.decide(case, "granted"),
    "refused": lambda office, case: office.decide(case, "refused"),
    "cooling_off": lambda office, case: office.decide(case, "granted"),
    "proposed": lambda office, case: office.propose(case, "granted"),
    "incomplete": lambda office, case: office.ask_back(case),
    "answered": _answered,
    "appealed": _appealed,
    "lapsed": _lapsed,
    "withdrawn": _withdraw,
    "awaiting_signatures": lambda office, case: office.ask_signatures(case),
    "awaiting_board": lambda office, case: office.to_board(case),
    "board granted": lambda office, case: office.to_board(case),
    "board refused": lambda office, case: office.to_board(case),
    "board adjourned": lambda office, case: office.to_board(case),
}


def load_office(*, by: str, at: datetime, watch: Watch) -> dict[str, int]:
    """Fill the office with the cases of `scenes.SCENES`; how many cases and members of staff there are."""
    begin = at - timedelta(days=90)
    staff = {}
    for role, name in STAFF.items():
        email = f"{name.replace(' ', '.').lower()}@demo.example"
        staff[role] = create_user(email=email, name=name, language="fr", by=by, at=begin)
        grant_role(user=staff[role], role=role, valid_from=timezone.localdate(begin), by=by, at=begin)
    office = Office(at, staff, begin)
    office.plan_session(days=35)
    held = False
    for index, scene in enumerate(sorted(SCENES, key=lambda one: -one.days_ago)):
        if scene.days_ago < 50 and not held:
            office.at = max(office.at, at - timedelta(days=52))
            office.hold_session()
            office.plan_session(days=70)
            held = True
        watch("cases", index, len(SCENES))
        office.play(index, scene)
    return {"cases": len(SCENES), "staff": len(staff)}
