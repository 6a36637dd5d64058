"""Applications by mail, from real SMTP to the answer: what is kept, what is refused, who may add to a case."""

import os
import re
import signal
import smtplib
import subprocess
import sys
from datetime import timedelta
from email.message import EmailMessage
from email.policy import SMTP

import pytest
from django.utils import timezone

from caisse.fund.casework import queries
from caisse.fund.casework.actions import examination
from caisse.fund.casework.intake import answers, reading
from caisse.fund.casework.intake.addresses import case_address
from caisse.fund.casework.models import Case, CaseDocument, Entry
from caisse.fund.notices import bounced, texts
from caisse.fund.notices.actions import queue_mail
from caisse.fund.notices.models import IncomingMail, Mail
from tests.fund.casework.office import Office, pdf

JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00" + bytes(3000) + b"\xff\xd9"
FIRST = pdf("first")
FRENCH = "Bonjour,\nveuillez trouver ci-joint les documents pour ma demande. Cordialement, Anna\n"
GERMAN = "Guten Tag,\nanbei meine Unterlagen für den Antrag. Mit freundlichen Grüßen\n"
ENGLISH = "Dear sir or madam,\nplease find attached the documents for my application. Kind regards\n"


@pytest.fixture
def post(door):
    """Send a mail through the door and read it, as the worker does; the value is its row."""
    ports = []

    def send(message, *, sender="anna@practice.test", to=("intake@fund.test",), read=True):
        ports.append(ports[0] if ports else door())
        content = message if isinstance(message, bytes) else message.as_bytes(policy=SMTP)
        with smtplib.SMTP("127.0.0.1", ports[0], "client.test") as session:
            session.sendmail(sender, list(to), content)
        row = IncomingMail.objects.order_by("-pk").first()
        if read:
            reading.read_mail(row.pk)
            row.refresh_from_db()
        return row

    return send


_numbers = iter(range(10**6))


def mail(
    *files, text=FRENCH, sender="Anna Muster <anna@practice.test>", subject="Demande de code", **headers
):
    """A mail as a person writes it; files are (name, content) or (name, content, type)."""
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = sender, "intake@fund.test", subject
    made["Message-ID"] = f"<{next(_numbers)}@practice.test>"
    for name, value in headers.items():
        made[name.replace("_", "-")] = value
    made.set_content(text)
    for name, content, *content_type in files:
        main, _, sub = (content_type or ["application/pdf"])[0].partition("/")
        made.add_attachment(content, maintype=main, subtype=sub, filename=name)
    return made


def answer(row):
    assert row.answer is not None
    return row.answer


def test_every_answer_is_there_in_three_languages_with_the_same_holes():
    for name, found in texts.read_texts(answers.TEXTS).items():
        holes = {one: sorted(set(re.findall(r"{(\w+)}", found[one]))) for one in texts.LANGUAGES}
        assert holes["fr"] == holes["de"] == holes["en"], name
        assert all(found[one].strip() for one in texts.LANGUAGES), name


def test_good_pdfs_open_a_case_and_the_answer_leads_to_it(post, home):
    row = post(mail(("autorisation.pdf", pdf("a")), ("rib.pdf", pdf("b", 3))))
    case = Case.objects.get()
    assert (row.outcome, row.case_number) == ("opened", case.number)
    assert (case.kind, case.profession, case.state, case.door) == ("new_code", "", "draft", "mail")
    assert (case.email, case.language, case.assigned_to) == ("anna@practice.test", "fr", None)
    documents = CaseDocument.objects.order_by("pk")
    assert [(one.name, one.kind, one.pages) for one in documents] == [
        ("autorisation.pdf", queries.UNSORTED, 1), ("rib.pdf", queries.UNSORTED, 3),
    ]  # fmt: skip
    sent = answer(row)
    assert (sent.to, sent.language, sent.about_id) == ("anna@practice.test", "fr", case.number)
    assert sent.subject == f"Dossier {case.number} : votre message"
    assert "- autorisation.pdf\n- rib.pdf" in sent.text
    assert sent.headers["Auto-Submitted"] == "auto-replied"
    assert sent.headers["In-Reply-To"] == row.message_id
    assert sent.headers["Reply-To"] == case_address(case.number)
    number, key = re.search(r"/case/([\d-]+)/(\S+)", sent.text).groups()
    assert queries.case_of_key(number, key) == case
    assert Entry.objects.get(kind="mail_received").text == FRENCH.strip()


@pytest.mark.parametrize(("text", "language"), [(FRENCH, "fr"), (GERMAN, "de"), (ENGLISH, "en")])
def test_what_is_no_pdf_is_refused_with_a_remedy_in_the_sender_s_language(post, text, language):
    row = post(
        mail(
            ("good.pdf", pdf()),
            ("scan.pdf", JPEG),
            ("page.htm", b"<!DOCTYPE html><html>", "text/html"),
            text=text,
        )
    )
    assert [tuple(one) for one in row.notes] == [
        ("good.pdf", "kept"),
        ("scan.pdf", "DOC-002"),
        ("page.htm", "DOC-003"),
    ]
    sent = answer(row)
    assert sent.language == language
    from caisse.agreement.tables.reasons import reason

    for code in ("DOC-002", "DOC-003"):
        assert reason(code).text(language).rstrip(".") in sent.text
        assert reason(code).remedy(language) in sent.text
    assert CaseDocument.objects.count() == 1


def test_a_jpeg_alone_opens_nothing_and_says_what_to_do(post):
    row = post(mail(("autorisation.pdf", JPEG, "application/pdf")))
    assert (row.outcome, row.case_number, Case.objects.count()) == ("nothing", "", 0)
    assert "Non retenus :\n- autorisation.pdf\n  Le fichier est une image" in answer(row).text
    assert "/case/" not in answer(row).text


def test_a_mail_in_no_language_we_know_is_answered_in_all_three(post):
    row = post(mail(text="Moien!\n"))
    sent = answer(row)
    assert sent.language == ""
    assert sent.text.index("Bonjour") < sent.text.index("Guten Tag") < sent.text.index("Hello")


def test_ten_parts_of_all_kinds(post):
    files = [(f"{n}.pdf", pdf(f"{n}")) for n in range(5)]
    files += [("photo.jpg", JPEG, "image/jpeg"), ("empty.pdf", b""), ("text.txt", b"abc", "text/plain"),
              ("winmail.dat", b"\x78\x9f\x3e\x22", "application/ms-tnef"), ("cut.pdf", pdf()[:300])]  # fmt: skip
    row = post(mail(*files))
    found = dict(map(tuple, row.notes))
    assert [name for name, code in found.items() if code == "kept"] == [f"{n}.pdf" for n in range(5)]
    assert found["photo.jpg"] == "DOC-002"
    assert found["empty.pdf"] == "DOC-001"
    assert found["winmail.dat"] == "MAI-001"
    assert found["text.txt"].startswith("DOC-") and found["cut.pdf"].startswith("DOC-")
    assert CaseDocument.objects.count() == 5


@pytest.fixture
def case(post):
    """A case that was opened by mail."""
    post(mail(("first.pdf", FIRST)))
    return Case.objects.get()


def sent_about(case):
    return Mail.objects.filter(about_type="case", about_id=case.number).order_by("-pk")


@pytest.mark.parametrize("way", ["subject", "reply", "address"])
def test_a_reply_goes_on_with_its_case(post, case, way):
    subject = f"Re: Dossier {case.number} : votre message" if way == "subject" else "Suite"
    headers = {"In_Reply_To": sent_about(case).first().message_id} if way == "reply" else {}
    to = case_address(case.number) if way == "address" else "intake@fund.test"
    row = post(mail(("second.pdf", pdf("second")), subject=subject, **headers), to=[to])
    assert (row.outcome, row.case_number) == ("continued", case.number)
    assert [one.name for one in case.documents.order_by("pk")] == ["first.pdf", "second.pdf"]
    assert Case.objects.count() == 1
    assert answer(row).subject == f"Dossier {case.number} : votre message"
    assert "/case/" not in answer(row).text, (
        "the link of the first mail goes on to be the one that leads there"
    )


def test_the_same_pdf_sent_twice_is_one_document(post, case):
    post(mail(("again.pdf", FIRST), subject=case.number))
    assert case.documents.count() == 1


@pytest.mark.parametrize("way", ["subject", "reply"])
@pytest.mark.parametrize("exists", [True, False])
def test_a_stranger_who_names_a_case_learns_nothing(post, case, way, exists):
    number = case.number if exists else "2026-999999"
    if way == "reply" and not exists:
        pytest.skip("there is no mail about a case that does not exist")
    headers = {"In_Reply_To": sent_about(case).first().message_id} if way == "reply" else {}
    made = mail(
        ("evil.pdf", pdf("evil")),
        sender="eve@stranger.test",
        subject=number if way == "subject" else "x",
        **headers,
    )
    row = post(made, sender="eve@stranger.test")
    assert row.outcome == "foreign"
    assert case.documents.count() == 1
    sent = answer(row)
    assert sent.to == "eve@stranger.test"
    assert case.number not in sent.subject + sent.text
    assert "anna" not in sent.text
    neutral = answers.body(answers.Told("foreign"), "fr")
    assert sent.text == neutral
    assert "Reply-To" not in sent.headers
    notes = Entry.objects.filter(kind="mail_from_stranger")
    assert [(one.case, one.shown) for one in notes] == ([(case, False)] if exists else [])


def test_whoever_has_the_address_with_the_key_may_add_but_the_answer_goes_to_the_applicant(post, case):
    made = mail(("annex.pdf", pdf("annex")), sender="secretary@practice.test")
    row = post(made, sender="secretary@practice.test", to=[case_address(case.number)])
    assert row.outcome == "continued"
    assert case.documents.count() == 2
    assert answer(row).to == "anna@practice.test"


def test_a_key_of_another_case_is_worth_nothing(post, case):
    address = case_address("2026-000999").replace("000999", case.number[-6:])
    row = post(
        mail(("evil.pdf", pdf()), sender="eve@stranger.test"), sender="eve@stranger.test", to=[address]
    )
    assert row.outcome == "opened", "to the intake it is a mail like any other"
    assert case.documents.count() == 1


def test_what_is_missing_is_told_once_the_profession_is_known(post, home):
    office = Office(home)
    case = office.open("doctors", email="anna@practice.test", language="de")
    row = post(mail(("a.pdf", pdf()), subject=case.number))
    labels = [one.label["de"] for one in queries.missing(case, on=timezone.localdate())]
    assert labels
    assert answer(row).language == "de", "the case's language, whatever the mail's"
    assert "Es fehlt noch:\n- " + labels[0] in answer(row).text


def test_a_closed_case_takes_nothing_more(post, home):
    office = Office(home)
    case = office.open("doctors", email="anna@practice.test")
    from caisse.fund.casework.actions.applications import withdraw_case

    withdraw_case(case_id=case.pk, by="applicant", at=office.tick())
    row = post(mail(("late.pdf", pdf()), subject=case.number))
    assert case.documents.count() == 0
    assert "est clos" in answer(row).text
    assert Entry.objects.filter(kind="mail_received").count() == 1


def test_a_document_sent_by_mail_can_be_sorted(post, case, now):
    document = case.documents.get()
    from caisse.fund.casework.actions.applications import choose_profession

    choose_profession(case_id=case.pk, profession="doctors", by="t", at=now)
    case.refresh_from_db()
    wanted = queries.requirements(case)[0]
    examination.sort_document(document_id=document.pk, kind=wanted.document, by="t", at=now)
    document.refresh_from_db()
    assert document.kind == wanted.document


@pytest.mark.parametrize(
    "headers",
    [
        {"Auto_Submitted": "auto-replied"}, {"Precedence": "bulk"}, {"List_Id": "<x.test>"},
        {"From": "intake@fund.test"}, {"From": "noreply@fund.test"}, {"From": "MAILER-DAEMON@relay.test"},
    ],
)  # fmt: skip
def test_machines_and_ourselves_are_never_answered(post, headers):
    made = mail(("a.pdf", pdf()))
    for name, value in headers.items():
        del made[name.replace("_", "-")]
        made[name.replace("_", "-")] = value
    row = post(made)
    assert (row.outcome, row.answer) == ("automatic", None)
    assert (Case.objects.count(), Mail.objects.count()) == (0, 0)


def test_a_report_of_failure_to_the_intake_is_not_answered(post):
    row = post(mail(("a.pdf", pdf())), sender="")
    assert (row.outcome, row.answer) == ("automatic", None)


def test_a_report_to_the_bounce_address_reaches_the_mail_it_is_about(post, case):
    from caisse.fund.notices.addresses import bounce_address
    from tests.fund.notices.newsletter import report

    sent = sent_about(case).first()
    Mail.objects.filter(pk=sent.pk).update(state="sent")
    found = report(sent.pk)
    row = post(found["content"], sender="", to=[bounce_address(sent.pk)])
    assert row.outcome == "report"
    sent.refresh_from_db()
    assert sent.bounced_at is not None
    forged = post(found["content"] + b"x", sender="", to=["bounces+1-aaaaaaaaaaaaaaaa@fund.test"])
    assert forged.outcome == "automatic"
    assert bounced.read_report(found["content"]).permanent


def test_a_sender_gets_only_so_many_answers_an_hour(post, mail_config, door):
    for number in range(7):
        post(mail(text=f"Bonjour {number}"))
    assert Mail.objects.count() == 5
    other = post(mail(sender="bob@practice.test"), sender="bob@practice.test")
    assert other.answer is not None
    IncomingMail.objects.update(read_at=timezone.now() - timedelta(hours=2))
    assert post(mail()).answer is not None


def test_a_sender_opens_only_so_many_cases_a_day_and_is_told_so_once(post, mail_config):
    row = post(mail(("a.pdf", pdf("1"))))
    mail_config(cases_per_day=2, answers_per_hour=1)
    assert post(mail(("a.pdf", pdf("2")))).outcome == "opened"
    over = mail(("a.pdf", pdf("3")))
    refused = post(over)
    assert (refused.outcome, refused.case_number) == ("over_limit", "")
    assert "trop de dossiers" in answer(refused).text
    again = post(mail(("a.pdf", pdf("4"))))
    assert (again.outcome, again.answer) == ("over_limit", None)
    # Somebody else, and a reply to a case that is open, come through.
    other = mail(("b.pdf", pdf("5")), sender="ben@practice.test")
    assert post(other, sender="ben@practice.test").outcome == "opened"
    reply = post(mail(("c.pdf", pdf("6")), In_Reply_To=row.answer.message_id))
    assert (reply.outcome, reply.case_number) == ("continued", row.case_number)
    assert Case.objects.count() == 3
    # A day later the same mail opens its case.
    IncomingMail.objects.update(read_at=timezone.now() - timedelta(days=1, minutes=1))
    over["X-Again"] = "1"
    assert post(over).outcome == "opened"


def put_off(post, *args, **more):
    with pytest.raises(smtplib.SMTPDataError) as refused:
        post(*args, **more)
    assert refused.value.smtp_code == 451
    return refused.value.smtp_error.decode()


def test_senders_open_only_so_many_cases_a_day_together_and_the_rest_waits(post, mail_config, home):
    staged = {one for one in home.staging.rglob("*") if one.is_file()}
    row = post(mail(("a.pdf", pdf("1"))))
    mail_config(cases_per_day_in_all=2)
    ben = {"sender": "ben@practice.test"}
    second = mail(("b.pdf", pdf("2")), **ben)
    # Not read yet, it may open a case: the next one waits already.
    waiting = post(second, **ben, read=False)
    late, carla = mail(("c.pdf", pdf("3")), sender="carla@practice.test"), "carla@practice.test"
    assert "Try again later" in put_off(post, late, sender=carla)
    assert reading.read_mail(waiting.pk) == "opened"
    put_off(post, late, sender=carla)
    assert (IncomingMail.objects.count(), Case.objects.count()) == (2, 2)
    assert len([one for one in home.mail_in.rglob("*") if one.is_file()]) == 2
    assert {one for one in home.staging.rglob("*") if one.is_file()} == staged
    # The mail server that did not hear our "250", a reply, its address with the key, and machines get in.
    assert post(second, **ben, read=False).pk == waiting.pk
    reply = post(mail(("d.pdf", pdf("4")), In_Reply_To=row.answer.message_id))
    assert (reply.outcome, reply.case_number) == ("continued", row.case_number)
    named = post(mail(("e.pdf", pdf("5")), subject=f"Dossier {row.case_number}"))
    assert (named.outcome, named.case_number) == ("continued", row.case_number)
    keyed = post(mail(("f.pdf", pdf("6"))), sender=carla, to=[case_address(row.case_number)])
    assert (keyed.outcome, keyed.case_number) == ("continued", row.case_number)
    stranger = mail(("g.pdf", pdf("7")), sender=carla, subject=f"Dossier {row.case_number}")
    assert post(stranger, sender=carla).outcome == "foreign"
    assert post(mail(Auto_Submitted="auto-replied")).outcome == "automatic"
    assert post(mail(), sender="").outcome == "automatic"
    assert Case.objects.count() == 2
    # A day later the same mail, which its server kept, opens its case.
    IncomingMail.objects.update(read_at=timezone.now() - timedelta(days=1, minutes=1))
    assert post(late, sender=carla).outcome == "opened"


def test_no_cap_over_all_senders_puts_nothing_off(post, mail_config):
    mail_config(cases_per_day_in_all=0)
    assert post(mail(("a.pdf", pdf("1")))).outcome == "opened"
    assert post(mail(("a.pdf", pdf("2")))).outcome == "opened"


def test_the_same_mail_by_another_way_is_answered_once(post):
    made = mail(("a.pdf", pdf())).as_bytes(policy=SMTP)
    post(made)
    again = post(b"Received: from another.test by relay.test; Sun, 22 Nov 2026 10:00:00 +0100\r\n" + made)
    assert again.outcome == "repeat"
    assert (IncomingMail.objects.count(), Case.objects.count(), Mail.objects.count()) == (2, 1, 1)
    other = mail(("a.pdf", pdf("other")))
    del other["Message-ID"]
    other["Message-ID"] = IncomingMail.objects.first().message_id
    assert post(other).outcome == "opened", "the same id on another content is another mail"


def test_nothing_of_a_mail_can_be_put_into_the_headers_of_the_answer(post):
    made = mail(("a.pdf", pdf())).as_bytes(policy=SMTP)
    made = re.sub(rb"Message-ID: [^\r]*", b"Message-ID: <a@b>\r\n Bcc: eve@x.test", made).replace(
        b"Subject: Demande de code", b"Subject: =?utf-8?Q?x=0D=0ABcc:_eve@x.test?="
    )
    row = post(made)
    assert row.outcome == "opened"
    from caisse.fund.notices.writing import message_bytes

    head = message_bytes(answer(row)).split(b"\r\n\r\n")[0]
    assert b"eve" not in head


def test_names_of_files_are_shown_without_tricks(post):
    row = post(mail(("../../etc/\u202egpj.pdf", pdf()), ("a\tb.pdf", JPEG)))
    text = answer(row).text
    assert "\u202e" not in text and ".." not in text.replace("...", "") and "\t" not in text
    assert CaseDocument.objects.get().name == "gpj.pdf"


def test_a_mail_that_does_not_say_who_wrote_it_is_kept_and_not_answered(post):
    row = post(mail(("a.pdf", pdf()), sender="a@b.test, c@d.test"))
    assert (row.outcome, row.answer, Case.objects.count()) == ("unreadable", None, 0)


def test_a_mail_built_of_too_many_parts_is_answered_with_the_reason(post):
    row = post(mail(*[(f"{n}.pdf", pdf("same")) for n in range(260)]))
    assert row.outcome == "nothing"
    assert [code for _name, code in row.notes] == ["MAI-004"]
    assert "MAI" not in answer(row).text and "n'a pas pu être lu" in answer(row).text


def test_a_changed_file_is_not_read(post, home):
    from caisse.fund.exchange.errors import StoreDamaged

    row = post(mail(), read=False)
    path = home.mail_in / row.sha256[:2] / row.sha256[2:]
    path.write_bytes(path.read_bytes() + b"x")
    with pytest.raises(StoreDamaged):
        reading.read_mail(row.pk)


_READ = """
import django; django.setup()
import sys
from dataclasses import replace
from django.conf import settings
settings.FUND = replace(settings.FUND, mail=replace(
    settings.FUND.mail, intake="intake@fund.test", bounces="bounces@fund.test", sender="noreply@fund.test"))
from caisse.fund.casework.intake.reading import read_mail
print(read_mail(int(sys.argv[1])))
"""


@pytest.mark.parametrize(
    "point", ["intake.opened", "intake.filed", "intake.read.before_commit", "intake.read.after_commit"]
)
def test_a_reader_that_is_killed_doubles_nothing(post, tmp_path, point):
    row = post(mail(("a.pdf", pdf("a")), ("b.pdf", pdf("b"))), read=False)
    order = tmp_path / "fault"
    order.write_text(point)

    def work():
        return subprocess.run(
            [sys.executable, "-c", _READ, str(row.pk)], env={**os.environ, "CAISSE_FAULT": str(order)},
            capture_output=True, check=False,
        )  # fmt: skip

    assert work().returncode == -signal.SIGKILL
    done = work()
    assert done.stdout == b"opened\n", done.stderr
    assert (Case.objects.count(), CaseDocument.objects.count(), Mail.objects.count()) == (1, 2, 1)
    assert Entry.objects.filter(kind="mail_received").count() == 1
    number, key = re.search(r"/case/([\d-]+)/(\S+)", Mail.objects.get().text).groups()
    assert queries.case_of_key(number, key) == Case.objects.get(), (
        "the link that was sent is the one that works"
    )


def test_a_letter_s_mail_can_be_answered_too(post, case, now):
    from caisse.fund.casework.models import Letter

    letter = Letter.objects.create(
        case=case, kind="x", language="fr", to=case.email, content={}, ordered_at=now
    )
    sent = queue_mail(to=case.email, subject="x", text="x", about=("letter", letter.pk), by="t", at=now)
    row = post(mail(("b.pdf", pdf("b")), In_Reply_To=Mail.objects.get(pk=sent).message_id))
    assert (row.outcome, row.case_number) == ("continued", case.number)
