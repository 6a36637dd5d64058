from datetime import timedelta
from pathlib import Path

import pypdfium2
from django.conf import settings
from django.http import HttpResponse

from caisse.fund.casework.actions import examination
from caisse.fund.casework.models import Case, Letter
from caisse.fund.notices.models import Mail
from caisse.fund.registry.models import ProviderCode
from tests.fund.desk.counter import Counter, hidden, page_of, text_of


def words_of(answer: HttpResponse) -> str:
    """What the PDF of an answer says."""
    assert answer["Content-Type"] == "application/pdf", answer.content.decode()[-2000:]
    pages = pypdfium2.PdfDocument(answer.content)
    return " ".join(page.get_textpage().get_text_bounded() for page in pages)


def stored() -> set[Path]:
    return {path for path in settings.HOME.documents.rglob("*") if path.is_file()}


def everything() -> tuple[int, int, int]:
    return Letter.objects.count(), Mail.objects.count(), ProviderCode.objects.count()


def account_change(counter: Counter) -> Case:
    office = counter.office
    holder = office.grant(office.reviewed("physiotherapists"))
    return office.reviewed(
        "physiotherapists", kind="bank_account_change", provider_id=holder.provider_id, code=holder.code
    )


def test_a_letter_is_looked_at_before_it_is_written(counter: Counter) -> None:
    case = counter.office.reviewed("doctors", language="de")
    officer = counter.at("officer")
    before, files = everything(), stored()
    seen = hidden(officer.get(page_of(case, "decide/")), "seen")
    grounds = {
        "seen": seen,
        "outcome": "refused",
        "grounds": "Die Genehmigung ist abgelaufen.",
        "preview": "1",
    }
    shown = officer.post(page_of(case, "decide/"), grounds)
    assert "Die Genehmigung ist abgelaufen." in words_of(shown)
    assert shown["Cache-Control"] == "private, no-store"
    granted = officer.post(page_of(case, "decide/"), {"seen": seen, "outcome": "granted", "preview": "1"})
    assert "90" in words_of(granted)
    asked = officer.post(
        page_of(case, "ask-back/"),
        {"seen": seen, "sheet:iban": "Bitte prüfen.", "general": "", "preview": "1"},
    )
    assert "Bitte prüfen." in words_of(asked)
    case.refresh_from_db()
    assert case.state == "in_review"
    assert everything() == before
    assert stored() == files
    assert case.questions.count() == 0


def test_granted_from_a_day_that_may_be(counter: Counter) -> None:
    case = counter.office.reviewed("doctors")
    officer, day = counter.at("officer"), counter.office.today + timedelta(days=23)
    seen = hidden(officer.get(page_of(case, "decide/")), "seen")
    early = {"seen": seen, "outcome": "granted", "effective_from": "2020-01-01"}
    refused = officer.post(page_of(case, "decide/"), early)
    assert refused.status_code == 409
    assert "2020-01-01" in refused.content.decode()
    assert "The day does not fit" in text_of(refused)
    answer = officer.post(page_of(case, "decide/"), {**early, "effective_from": str(day)}, follow=True)
    assert "Granted, and carried out." in text_of(answer)
    case.refresh_from_db()
    assert case.state == "granted"
    assert ProviderCode.objects.get(code=case.code).valid_from == day
    letter = case.letters.latest("pk")
    shown = officer.get(page_of(case, f"letters/{letter.pk}.pdf"))
    assert str(case.code)[:6] in words_of(shown)
    other = counter.office.submitted("doctors")
    assert officer.get(page_of(other, f"letters/{letter.pk}.pdf")).status_code == 404


def test_a_refusal_needs_grounds_and_the_second_click_changes_nothing(counter: Counter) -> None:
    case = counter.office.reviewed("doctors")
    officer = counter.at("officer")
    seen = hidden(officer.get(page_of(case, "decide/")), "seen")
    bare = officer.post(page_of(case, "decide/"), {"seen": seen, "outcome": "refused"})
    assert bare.status_code == 409
    assert "A reason is needed" in text_of(bare)
    filled = {"seen": seen, "outcome": "refused", "grounds": "Pas d'autorisation."}
    assert officer.post(page_of(case, "decide/"), filled).status_code == 302
    again = officer.post(page_of(case, "decide/"), filled)
    assert again.status_code == 409
    assert "moved on meanwhile" in text_of(again)
    assert "Pas d'autorisation." in text_of(again).replace("&#x27;", "'")
    assert case.decisions.count() == 1
    assert case.letters.filter(kind="refusal").count() == 1


def test_what_is_not_accepted_is_named_and_not_granted(counter: Counter) -> None:
    case = counter.office.submitted("doctors")
    examination.take_case(
        case_id=case.pk, officer_id=counter.office.user("officer"), at=counter.office.tick()
    )
    officer = counter.at("officer")
    page = officer.get(page_of(case, "decide/"))
    assert "It cannot be granted yet:" in text_of(page)
    answer = officer.post(page_of(case, "decide/"), {"seen": hidden(page, "seen"), "outcome": "granted"})
    assert answer.status_code == 409
    case.refresh_from_db()
    assert case.state == "in_review"


def test_who_decides_on_an_older_look_is_told(counter: Counter) -> None:
    case = counter.office.reviewed("doctors")
    officer = counter.at("officer")
    seen = hidden(officer.get(page_of(case, "decide/")), "seen")
    document = case.documents.filter(state="accepted").first()
    examination.judge_document(
        document_id=document.pk, accepted=False, reason="Illisible.", officer_id=counter.office.user("colleague"),
        at=counter.office.tick(),
    )  # fmt: skip
    given = {"seen": seen, "outcome": "refused", "grounds": "Une longue phrase."}
    late = officer.post(page_of(case, "decide/"), given)
    assert late.status_code == 409
    assert "moved on meanwhile" in text_of(late)
    assert "Une longue phrase." in text_of(late)
    assert not case.decisions.exists()
    asked = {"seen": seen, "general": "Encore une phrase."}
    late = officer.post(page_of(case, "ask-back/"), asked)
    assert late.status_code == 409
    assert "Encore une phrase." in text_of(late)
    # The page that told holds the new mark: the officer who has looked again may go on.
    insist = {**given, "seen": hidden(late, "seen")}
    assert officer.post(page_of(case, "decide/"), insist).status_code == 302


def test_asking_for_nothing_is_refused(counter: Counter) -> None:
    case = counter.office.reviewed("doctors")
    officer = counter.at("officer")
    seen = hidden(officer.get(page_of(case, "ask-back/")), "seen")
    answer = officer.post(page_of(case, "ask-back/"), {"seen": seen, "general": "  "})
    assert answer.status_code == 400
    assert "Say what is missing or wrong" in text_of(answer)


def test_four_eyes(counter: Counter) -> None:
    case = account_change(counter)
    officer, supervisor = counter.at("officer"), counter.at("supervisor")
    seen = hidden(officer.get(page_of(case, "decide/")), "seen")
    answer = officer.post(page_of(case, "decide/"), {"seen": seen, "outcome": "granted"}, follow=True)
    page = text_of(answer)
    assert "Proposed. A colleague has to confirm it." in page
    assert "You proposed it: a colleague has to confirm." in page
    case.refresh_from_db()
    assert case.state == "proposed"
    mark = hidden(supervisor.get(page_of(case)), "seen")
    own = officer.post(page_of(case, "confirm/"), {"seen": mark})
    assert own.status_code == 409
    assert "Another officer has to confirm this" in text_of(own)
    before = everything()
    assert words_of(supervisor.post(page_of(case, "confirm/"), {"preview": "1"}))
    assert everything() == before
    assert supervisor.post(page_of(case, "confirm/"), {"seen": "stale"}).status_code == 409
    answer = supervisor.post(page_of(case, "confirm/"), {"seen": mark}, follow=True)
    assert "It is carried out when the time to object is over." in text_of(answer)
    case.refresh_from_db()
    assert case.state == "cooling_off"
    late = supervisor.post(page_of(case, "confirm/"), {"seen": mark})
    assert late.status_code == 409
    assert "moved on meanwhile" in text_of(late)


def test_a_proposal_goes_back_with_a_reason(counter: Counter) -> None:
    case = account_change(counter)
    officer, supervisor = counter.at("officer"), counter.at("supervisor")
    seen = hidden(officer.get(page_of(case, "decide/")), "seen")
    officer.post(page_of(case, "decide/"), {"seen": seen, "outcome": "granted"})
    mark = hidden(supervisor.get(page_of(case)), "seen")
    assert supervisor.post(page_of(case, "give-back/"), {"seen": mark, "reason": ""}).status_code == 400
    late = supervisor.post(page_of(case, "give-back/"), {"seen": "stale", "reason": "The holder differs."})
    assert late.status_code == 409
    assert "The holder differs." in text_of(late)
    supervisor.post(page_of(case, "give-back/"), {"seen": mark, "reason": "The holder differs."})
    case.refresh_from_db()
    assert case.state == "in_review"
    assert "Proposal sent back — The holder differs." in text_of(officer.get(page_of(case)))
    gone = supervisor.post(page_of(case, "give-back/"), {"seen": mark, "reason": "Once more, in many words."})
    assert gone.status_code == 409
    assert "Once more, in many words." in text_of(gone)
