"""Taking a mail apart: what programs and people send, and what somebody with bad intentions sends."""

import base64
import time
from email.message import EmailMessage

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from caisse.fund.casework.intake import message as reading
from caisse.fund.casework.intake.language import detect
from caisse.fund.casework.intake.message import SEALED, TOO_COMPLEX, TOO_MANY, WINMAIL, read_message

PDF = b"%PDF-1.7\n%a small one\n%%EOF\n"


def raw(*lines, body=b"text\r\n"):
    return (
        b"\r\n".join(line if isinstance(line, bytes) else line.encode("utf-8") for line in lines)
        + b"\r\n\r\n"
        + body
    )


def mail(**headers):
    found = EmailMessage()
    for name, value in {
        "From": "Anna <anna@practice.test>",
        "Subject": "Demande",
        "Message-ID": "<1@p.test>",
        **headers,
    }.items():
        found[name.replace("_", "-")] = value
    found.set_content("Bonjour,\nvoici mes documents.\n")
    return found


def part(content_type, *headers, body=b"x"):
    return raw(f"Content-Type: {content_type}", *headers, body=body)


def multipart(*parts, kind="mixed", head=("From: anna@practice.test",)):
    content = b"".join(b"--B\r\n" + one + b"\r\n" for one in parts) + b"--B--\r\n"
    return raw(*head, f'Content-Type: multipart/{kind}; boundary="B"', body=content)


def test_an_ordinary_mail():
    found = mail(In_Reply_To="<a@fund.test>", References="<b@fund.test> <a@fund.test>")
    found.add_attachment(PDF, maintype="application", subtype="pdf", filename="autorisation d'exercer.pdf")
    found.add_attachment(b"\xff\xd8\xff", maintype="image", subtype="jpeg", filename="photo.jpg")
    found["Content-Language"] = "fr-LU"
    read = read_message(found.as_bytes())
    assert (read.sender, read.subject, read.message_id) == ("anna@practice.test", "Demande", "<1@p.test>")
    assert read.refers_to == ("<a@fund.test>", "<b@fund.test>")
    assert (read.language, read.automatic, read.trouble) == ("fr", False, "")
    assert read.text == "Bonjour,\nvoici mes documents."
    assert [(one.name, one.content, one.trouble) for one in read.attachments] == [
        ("autorisation d'exercer.pdf", PDF, ""), ("photo.jpg", b"\xff\xd8\xff", ""),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("disposition", "content_type", "name"),
    [
        ("attachment; filename*=UTF-8''d%C3%A9cision.pdf", "application/pdf", "décision.pdf"),
        ("attachment; filename*0*=UTF-8''d%C3%A9; filename*1*=cision.pdf", "application/pdf", "décision.pdf"),
        ('attachment; filename="=?utf-8?B?ZMOpY2lzaW9uLnBkZg==?="', "application/pdf", "décision.pdf"),
        (
            'attachment; filename="=?iso-8859-1?Q?d=E9cision?= =?iso-8859-1?Q?.pdf?="',
            "application/pdf",
            "décision.pdf",
        ),
        ("attachment", 'application/pdf; name="=?utf-8?Q?d=C3=A9cision.pdf?="', "décision.pdf"),
        ("attachment; filename=décision.pdf", "application/pdf", "décision.pdf"),
        (b'attachment; filename="d\xe9cision.pdf"', "application/pdf", "décision.pdf"),
        ('attachment; filename="=?nonsense?B?ZMOp?="', "application/pdf", "?"),
        ("attachment; filename*=nonsense''d%C3%A9", "application/pdf", None),
        ("attachment; filename=" + "x" * 5000, "application/pdf", "?"),
        ("attachment", "application/pdf", "1"),
    ],
)
def test_names_as_programs_write_them(disposition, content_type, name):
    if isinstance(disposition, str):
        disposition = disposition.encode()
    one = part(content_type, b"Content-Disposition: " + disposition, body=PDF)
    (found,) = read_message(multipart(one)).attachments
    assert found.content.startswith(b"%PDF")
    assert name is None or found.name == name


@pytest.mark.parametrize(
    ("subject", "says"),
    [
        ("=?utf-8?B?RGVtYW5kZSDDqQ==?=", "Demande é"),
        ("=?iso-8859-1?Q?Demande_=E9?=", "Demande é"),
        ("Demande é", "Demande é"),
        ("=?utf-8?B?====?=", None),
        ("=?made-up?Q?x?=", None),
        ("=?utf-8?Q?x=0ABcc:_eve@x.test?=", "x Bcc: eve@x.test"),
        ("x" * 9000, ""),
    ],
)
def test_subjects_as_programs_write_them(subject, says):
    read = read_message(raw("From: anna@practice.test", "Subject: " + subject))
    assert says is None or read.subject == says
    assert read.subject.isprintable()


@pytest.mark.parametrize(
    "sender",
    [
        "", "nobody", "a@b.test, c@d.test", "<a@b.test> <c@d.test>", "a@b.test\r\nFrom: c@d.test", "x" * 9000 + "@b.test",
        '"a@b.test" <>', "undisclosed:;", "müller@b.test", "a@b.test (" + "(" * 500, "<a@[127.0.0.1]>",
    ],
)  # fmt: skip
def test_a_mail_that_does_not_say_who_wrote_it_has_no_sender(sender):
    assert read_message(raw(f"From: {sender}", "Subject: x")).sender == ""


@pytest.mark.parametrize(
    ("header", "automatic"),
    [
        ("Auto-Submitted: auto-replied", True),
        ("Auto-Submitted: auto-generated (rejected)", True),
        ("Auto-Submitted: no", False),
        ("Precedence: bulk", True),
        ("Precedence: first-class", False),
        ("List-Id: <news.x.test>", True),
        ("X-Autoreply: yes", True),
        ('Content-Type: multipart/report; boundary="B"', True),
        ("X-Mailer: Outlook", False),
    ],
)
def test_machines_are_recognised(header, automatic):
    assert read_message(raw("From: anna@practice.test", header)).automatic is automatic


def test_mail_systems_are_machines():
    assert read_message(raw("From: MAILER-DAEMON@relay.test")).automatic


def test_outlook_s_own_package_and_sealed_mails_are_called_what_they_are():
    found = read_message(
        multipart(
            part("application/ms-tnef; name=winmail.dat"),
            part("application/octet-stream; name=WINMAIL.DAT"),
            part("application/pkcs7-mime; smime-type=enveloped-data; name=smime.p7m"),
            part("application/octet-stream; name=secret.pgp"),
            part("application/pkcs7-signature; name=smime.p7s"),
            part("text/calendar; name=invite.ics"),
        )
    ).attachments
    assert [(one.name, one.trouble) for one in found] == [
        ("winmail.dat", WINMAIL), ("WINMAIL.DAT", WINMAIL), ("smime.p7m", SEALED), ("secret.pgp", SEALED),
    ]  # fmt: skip


def test_an_opaque_mail_as_a_whole_is_called_what_it_is():
    (found,) = read_message(
        raw(
            "From: a@b.test",
            "Content-Type: application/pkcs7-mime; name=smime.p7m",
            "Content-Transfer-Encoding: base64",
        )
    ).attachments
    assert found.trouble == SEALED


def test_small_pictures_of_a_signature_are_not_attachments_but_others_are():
    html = part("text/html", body=b'<p>Bonjour</p><img src="cid:logo@x"><img src="cid:scan@x">')
    picture = ("Content-Disposition: inline", "Content-ID: <logo@x>")
    scan = part("image/jpeg; name=scan.jpg", "Content-ID: <scan@x>", body=b"\xff\xd8" + bytes(60_000))
    other = part("image/png; name=other.png", "Content-ID: <other@x>", body=b"\x89PNG")
    loose = part("image/png; name=loose.png", body=b"\x89PNG")
    read = read_message(
        multipart(html, part("image/png; name=logo.png", *picture, body=b"\x89PNG"), scan, other, loose)
    )
    assert [one.name for one in read.attachments] == ["scan.jpg", "other.png", "loose.png"]
    assert read.text == "Bonjour"


def test_a_forwarded_mail_gives_what_is_in_it():
    inner = mail()
    inner.add_attachment(PDF, maintype="application", subtype="pdf", filename="inner.pdf")
    outer = mail()
    outer.add_attachment(inner)
    read = read_message(outer.as_bytes())
    assert [one.name for one in read.attachments] == ["inner.pdf"]
    assert read.text == "Bonjour,\nvoici mes documents."


def test_a_web_page_or_text_with_a_name_is_an_attachment():
    read = read_message(
        multipart(part("text/plain", body=b"Bonjour"), part("text/html; name=page.htm", body=b"<html>"),
                  part("text/plain", "Content-Disposition: attachment", body=b"loose"))
    )  # fmt: skip
    assert [one.name for one in read.attachments] == ["page.htm", "2"]
    assert read.text == "Bonjour"


@pytest.mark.parametrize(
    ("charset", "body", "says"),
    [
        ("utf-8", "é".encode(), "é"), ("iso-8859-1", b"\xe9", "é"), ("utf-8", b"\xe9", "é"), ("made-up", "é".encode(), "é"),
        ("us-ascii", "é".encode(), "é"), ("utf-16", "é".encode("utf-16"), "é"), ("utf-7", b"x", "x"),
        ("base64", b"x", "x"), ("unicode_escape", b"a\\ud800b", "a?b"), ("zlib", b"x", "x"), ("idna", b"x", "x"),
    ],
)  # fmt: skip
def test_words_in_a_wrong_or_unknown_charset_are_read_all_the_same(charset, body, says):
    assert (
        read_message(raw("From: a@b.test", f"Content-Type: text/plain; charset={charset}", body=body)).text
        == says
    )


def test_a_damaged_encoding_gives_what_can_be_read():
    one = part(
        "application/pdf; name=x.pdf",
        "Content-Transfer-Encoding: base64",
        body=base64.b64encode(PDF)[:-2] + b"!",
    )
    (found,) = read_message(multipart(one)).attachments
    assert found.content.startswith(b"%PDF-1.7")


def nested(levels):
    content = raw("Content-Type: text/plain")
    for level in range(levels):
        boundary = f"b{level}".encode()
        content = raw(
            b'Content-Type: multipart/mixed; boundary="' + boundary + b'"',
            body=b"--" + boundary + b"\r\n" + content + b"\r\n--" + boundary + b"--\r\n",
        )
    return b"From: a@b.test\r\n" + content


@pytest.mark.parametrize(
    "content",
    [
        nested(5_000),
        multipart(*[part("application/pdf", body=PDF)] * 5_000),
        raw(*["X-Filler: x"] * 50_000),
        raw("Subject: " + "x" * 5_000_000),
        raw("From: " + "(" * 60_000),
        raw("From: " + ",".join(["a@b.test"] * 6_000)),
        raw("Content-Type: multipart/mixed; boundary=" + "x" * 60_000),
        raw("Content-Type: multipart/mixed; " + "; ".join(f"a*{n}*=x" for n in range(6_000))),
        raw("From: a@b.test", 'Content-Type: multipart/mixed; boundary=""', body=b"--\r\n" * 300_000),
        raw("From: a@b.test", 'Content-Type: multipart/mixed; boundary="B"', body=b"--B\r\n" * 300_000),
        raw("From: a@b.test", 'Content-Type: multipart/mixed; boundary="B"', body=b"--B\r\n\r\n\r\n" * 300_000),
        raw("From: a@b.test", "Content-Type: text/html", body=b"<" * 3_000_000),
        raw("From: a@b.test", "Content-Type: text/html", body=b"<script" * 500_000),
        raw("From: a@b.test", "Content-Type: text/html", body=b"cid:" * 500_000),
        b"", b"\r\n\r\n", b"\n\n", b"\x00" * 100_000, b"From a@b.test\r\n\r\n",
    ],
    ids=lambda content: f"{content[:40]!r}",
)  # fmt: skip
def test_a_mail_built_to_hurt_is_read_or_refused_within_a_moment(content):
    start = time.process_time()
    read = read_message(content)
    assert time.process_time() - start < 20, "not measured as a speed: it must end at all"
    assert len(read.attachments) <= reading.MOST_ATTACHMENTS + 1


def test_a_mail_of_too_many_or_too_nested_parts_is_refused_whole():
    assert read_message(nested(30)).trouble == TOO_COMPLEX
    assert read_message(multipart(*[part("application/pdf", body=PDF)] * 300)).trouble == TOO_COMPLEX
    assert read_message(nested(10)).trouble == ""


def test_more_attachments_than_anybody_sends_are_named():
    found = read_message(multipart(*[part("application/pdf", body=PDF)] * 60)).attachments
    assert len(found) == reading.MOST_ATTACHMENTS + 1
    assert [one.trouble for one in found[-2:]] == ["", TOO_MANY]


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_damage_never_raises(data):
    found = mail()
    found.add_attachment(PDF, maintype="application", subtype="pdf", filename="é.pdf")
    content = bytearray(found.as_bytes())
    for _ in range(data.draw(st.integers(1, 12))):
        place = data.draw(st.integers(0, len(content) - 1))
        content[place : place + data.draw(st.integers(0, 9))] = data.draw(st.binary(max_size=9))
        if not content:
            break
    read = read_message(bytes(content))
    assert read.subject.isprintable() or not read.subject


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Bonjour, veuillez trouver ci-joint les documents pour ma demande. Cordialement", "fr"),
        ("Guten Tag, anbei meine Unterlagen für den Antrag. Mit freundlichen Grüßen", "de"),
        ("Dear sir or madam, please find attached the documents for my application.", "en"),
        ("Moien, hei sinn meng Dokumenter. Merci", None),
        ("", None),
        ("2026", None),
        ("Bonjour Guten Tag Hello", None),
    ],
)
def test_the_language_of_a_mail_is_told_or_left_open(text, language):
    assert detect(text) == language
