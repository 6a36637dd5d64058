"""From the data of a letter to its subject and its blocks, in one language."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from caisse.fund.printing import letters
from caisse.fund.printing.blocks import Block, box, items, paragraphs, table, values
from caisse.fund.printing.wording import Wording, code_text


@dataclass(frozen=True, slots=True)
class Composed:
    """What a letter says: its subject and what follows the salutation."""

    subject: str
    blocks: list[Block]


Composer = Callable[[Any, Wording], Composed]


def acknowledgement(letter: letters.Acknowledgement, say: Wording) -> Composed:
    blocks = paragraphs(
        say(
            "acknowledgement.opening",
            received_on=letter.received_on,
            request=letter.request,
            case=letter.case,
        )
    )
    if letter.documents:
        blocks += [*paragraphs(say("acknowledgement.documents")), _named(letter.documents)]
    else:
        blocks += paragraphs(say("acknowledgement.no_documents"))
    if letter.missing:
        blocks += [*paragraphs(say("acknowledgement.missing")), _named(letter.missing)]
        by_then = "deadline" if letter.deadline else "no_deadline"
        blocks += paragraphs(say(f"acknowledgement.{by_then}", deadline=letter.deadline))
    else:
        blocks += paragraphs(say("acknowledgement.complete"))
    blocks += paragraphs(say("acknowledgement.no_practice"), _quote(letter.case, say))
    return Composed(say("acknowledgement.subject"), blocks)


def ask_back(letter: letters.AskBack, say: Wording) -> Composed:
    blocks = [
        *paragraphs(say("ask_back.opening", request=letter.request, case=letter.case)),
        _named(letter.points),
        *paragraphs(
            say("ask_back.deadline", deadline=letter.deadline),
            say("ask_back.unaffected"),
            _quote(letter.case, say),
        ),
    ]
    return Composed(say("ask_back.subject"), blocks)


def code_granted(letter: letters.CodeGranted, say: Wording) -> Composed:
    ends = say("words.inclusive", day=say.last_day(letter.valid_until)) if letter.valid_until else ""
    duties = ["duty_documents", "duty_changes", "duty_licence"]
    if letter.exchange != "not_offered":
        duties.append(f"exchange_{letter.exchange}")
    blocks = [
        *paragraphs(say("code_granted.opening", case=letter.case)),
        values(
            [
                (say("words.code"), code_text(letter.code)),
                (say("words.profession"), letter.profession),
                (say("words.site"), letter.site),
                (say("words.valid_from"), say.day(letter.valid_from)),
                (say("words.valid_through"), ends or say("words.open_end")),
            ]
        ),
        *paragraphs(*letter.remarks, say("code_granted.duties")),
        items((say(f"code_granted.{duty}"), "") for duty in duties),
        *_appeal(letter.appeal, say),
    ]
    return Composed(say("code_granted.subject"), blocks)


def refusal(letter: letters.Refusal, say: Wording) -> Composed:
    blocks = [
        *paragraphs(say("refusal.opening", request=letter.request, case=letter.case), say("refusal.grounds")),
        _grounds(letter.grounds),
        *paragraphs(say("refusal.new_application")),
        *_appeal(letter.appeal, say),
    ]
    return Composed(say("refusal.subject"), blocks)


def closed_unanswered(letter: letters.ClosedUnanswered, say: Wording) -> Composed:
    opening = say(
        "closed_unanswered.opening",
        asked_on=letter.asked_on,
        request=letter.request,
        case=letter.case,
        deadline=letter.deadline,
    )
    told = paragraphs(opening, say("closed_unanswered.decision"), say("closed_unanswered.again"))
    return Composed(say("closed_unanswered.subject"), [*told, *_appeal(letter.appeal, say)])


def signature_request(letter: letters.SignatureRequest, say: Wording) -> Composed:
    opening = "signature_request.again" if letter.reminder else "signature_request.opening"
    told = paragraphs(
        say(opening, case=letter.case),
        letter.statement,
        say("signature_request.pages", portal=letter.portal),
        say("signature_request.pdf", case=letter.case),
        say("signature_request.deadline", deadline=letter.deadline),
    )
    return Composed(say("signature_request.subject"), told)


def closed_unsigned(letter: letters.ClosedUnsigned, say: Wording) -> Composed:
    opening = say(
        "closed_unsigned.opening",
        asked_on=letter.asked_on,
        request=letter.request,
        case=letter.case,
        deadline=letter.deadline,
    )
    told = paragraphs(opening, say("closed_unsigned.decision"), say("closed_unsigned.again"))
    return Composed(say("closed_unsigned.subject"), [*told, *_appeal(letter.appeal, say)])


def change_confirmed(letter: letters.ChangeConfirmed, say: Wording) -> Composed:
    opening = say(
        "change_confirmed.opening",
        request=letter.request,
        case=letter.case,
        effective_on=letter.effective_on,
    )
    columns = [say("words.detail"), say("words.before"), say("words.now")]
    rows = [(one.label, one.before or say("words.none"), one.now) for one in letter.changes]
    blocks = [
        *paragraphs(opening),
        *([values([(say("words.code"), code_text(letter.code))])] if letter.code else []),
        table(columns, rows, widths=(3, 4, 4)),
        *paragraphs(say("change_confirmed.check")),
    ]
    return Composed(say("change_confirmed.subject"), blocks)


def licence_warning(letter: letters.LicenceWarning, say: Wording) -> Composed:
    blocks = [
        *paragraphs(say("licence_warning.opening")),
        values(
            [
                (say("licence_warning.licence"), letter.licence),
                (say("licence_warning.number"), letter.number),
                (say("licence_warning.last_day"), say.last_day(letter.valid_until)),
                (say("licence_warning.days_left"), str(letter.days_left)),
                (say("words.code"), ", ".join(map(code_text, (letter.code, *letter.further_codes)))),
            ]
        ),
        *paragraphs(
            say(f"licence_warning.{letter.effect}", from_day=letter.valid_until),
            say("licence_warning.remedy"),
        ),
    ]
    return Composed(say("licence_warning.subject"), blocks)


def code_lapsed(letter: letters.CodeLapsed, say: Wording) -> Composed:
    code = code_text(letter.code)
    blocks = [
        *paragraphs(say(f"code_lapsed.{letter.effect}", code=code, from_day=letter.effective_on)),
        items([(letter.reason, "")]),
        *paragraphs(say("code_lapsed.effect"), say(f"code_lapsed.reopen_{letter.effect}")),
        *_appeal(letter.appeal, say),
    ]
    return Composed(say(f"code_lapsed.subject_{letter.effect}"), blocks)


def code_reopened(letter: letters.CodeReopened, say: Wording) -> Composed:
    code = code_text(letter.code)
    if letter.gap_from and letter.gap_from < letter.effective_on:
        last = say.last_day(letter.effective_on)
        gap = say("code_reopened.gap", gap_from=letter.gap_from, gap_last=last)
    else:
        gap = say("code_reopened.no_gap")
    opening = say("code_reopened.opening", code=code, from_day=letter.effective_on)
    return Composed(say("code_reopened.subject"), paragraphs(opening, gap, say("code_reopened.exchange")))


def code_ended(letter: letters.CodeEnded, say: Wording) -> Composed:
    opening = say(
        "code_ended.opening",
        request=letter.request,
        case=letter.case,
        code=code_text(letter.code),
        last_day=say.last_day(letter.valid_until),
    )
    return Composed(say("code_ended.subject"), paragraphs(opening, say("code_ended.effect")))


def bank_account_notice(letter: letters.BankAccountNotice, say: Wording) -> Composed:
    sender = letter.head.sender
    ways = [
        *([say("bank_account_notice.by_phone", phone=sender.phone)] if sender.phone else []),
        *([say("bank_account_notice.by_email", email=sender.email)] if sender.email else []),
    ] or [say("bank_account_notice.by_post")]
    opening = say(
        "bank_account_notice.opening", requested_on=letter.requested_on, code=code_text(letter.code)
    )
    object_by = say(
        "bank_account_notice.not_yours",
        effective_on=letter.effective_on,
        ways=say("bank_account_notice.or").join(ways),
        case=letter.case,
    )
    blocks = [
        *paragraphs(opening),
        values(
            [
                (say("bank_account_notice.account"), f"… {letter.account_ending}"),
                (say("bank_account_notice.effective"), say.day(letter.effective_on)),
            ]
        ),
        *paragraphs(say("bank_account_notice.yours"), object_by),
    ]
    return Composed(say("bank_account_notice.subject"), blocks)


def association_founded(letter: letters.AssociationFounded, say: Wording) -> Composed:
    opening = say(
        "association_founded.opening", name=letter.name, case=letter.case, from_day=letter.valid_from
    )
    told = ("use", "duties", "statement")
    blocks = [
        *paragraphs(opening),
        values([(say("words.code"), code_text(letter.code))]),
        *paragraphs(say("association_founded.members", on=letter.valid_from)),
        _members(letter.members, say),
        *paragraphs(*(say(f"association_founded.{name}") for name in told)),
    ]
    return Composed(say("association_founded.subject"), blocks)


def association_changed(letter: letters.AssociationChanged, say: Wording) -> Composed:
    first = letter.effective_on
    opening = say(
        f"association_changed.{letter.change}",
        case=letter.case,
        member=letter.member,
        member_code=code_text(letter.member_code),
        name=letter.name,
        code=code_text(letter.code),
        day=say.last_day(first) if letter.change == "left" else first,
    )
    blocks = [
        *paragraphs(opening, say("association_changed.afterwards", on=first)),
        _members(letter.members, say),
        *paragraphs(say("association_founded.duties"), say("association_founded.statement")),
    ]
    return Composed(say(f"association_changed.subject_{letter.change}"), blocks)


def association_ended(letter: letters.AssociationEnded, say: Wording) -> Composed:
    last_day = say.last_day(letter.valid_until)
    if letter.code is None:
        opening = say("association_ended.opening_no_code", name=letter.name, last_day=last_day)
    else:
        code = code_text(letter.code)
        opening = say("association_ended.opening", name=letter.name, code=code, last_day=last_day)
    told = paragraphs(opening, say(f"association_ended.{letter.why}"), say("association_ended.effect"))
    return Composed(say("association_ended.subject"), told)


def exchange_granted(letter: letters.ExchangeGranted, say: Wording) -> Composed:
    blocks = [
        *paragraphs(say("exchange_granted.opening", case=letter.case)),
        values(
            [
                (say("words.code"), code_text(letter.code)),
                (say("exchange_granted.user"), letter.user),
                (say("exchange_granted.where"), letter.where),
                (say("exchange_granted.until"), say.day(letter.collect_by)),
            ]
        ),
        *paragraphs(*(say(f"exchange_granted.{name}") for name in ("collect", "expired", "keys"))),
    ]
    return Composed(say("exchange_granted.subject"), blocks)


def exchange_ended(letter: letters.ExchangeEnded, say: Wording) -> Composed:
    opening = say(
        "exchange_ended.opening",
        user=letter.user,
        code=code_text(letter.code),
        from_day=letter.effective_on,
    )
    told = paragraphs(opening, say(f"exchange_ended.{letter.why}"), say("exchange_ended.answers"))
    return Composed(say("exchange_ended.subject"), told)


def appeal_received(letter: letters.AppealReceived, say: Wording) -> Composed:
    opening = say(
        "appeal_received.opening",
        decided_on=letter.decided_on,
        about=letter.about,
        received_on=letter.received_on,
        case=letter.case,
    )
    session = say("appeal_received.session", session_on=letter.session_on) if letter.session_on else ""
    told = paragraphs(opening, say("appeal_received.next"), session, say("appeal_received.more"))
    return Composed(say("appeal_received.subject"), [*told, *paragraphs(_quote(letter.case, say))])


def appeal_decided(letter: letters.AppealDecided, say: Wording) -> Composed:
    opening = say(
        "appeal_decided.opening",
        session_on=letter.session_on,
        case=letter.case,
        decided_on=letter.decided_on,
        about=letter.about,
    )
    blocks = paragraphs(opening, say(f"appeal_decided.{letter.outcome}"))
    if letter.grounds:
        blocks += [*paragraphs(say("appeal_decided.grounds")), _grounds(letter.grounds)]
    return Composed(say("appeal_decided.subject"), [*blocks, *_appeal(letter.appeal, say)])


def _named(entries: Iterable[letters.Named]) -> Block:
    return items((one.label, one.remark) for one in entries)


def _grounds(grounds: Iterable[letters.Ground]) -> Block:
    return items((one.text, one.article) for one in grounds)


def _members(members: Iterable[letters.Member], say: Wording) -> Block:
    columns = [say("words.member"), say("words.code"), say("words.since")]
    rows = [(one.name, code_text(one.code), say.day(one.member_from)) for one in members]
    return table(columns, rows, widths=(5, 2, 3))


def _appeal(appeal: letters.Appeal | None, say: Wording) -> list[Block]:
    if appeal is None:
        return []
    address = say("appeal.address", address=", ".join(appeal.address)) if appeal.address else ""
    return [box(say("appeal.title"), say(f"appeal.{appeal.to}", days=appeal.days), address)]


def _quote(case: str, say: Wording) -> str:
    return say("letter.quote_reference", reference=case)


COMPOSERS: dict[type[letters.Letter], Composer] = {
    letters.Acknowledgement: acknowledgement,
    letters.AskBack: ask_back,
    letters.CodeGranted: code_granted,
    letters.Refusal: refusal,
    letters.ClosedUnanswered: closed_unanswered,
    letters.SignatureRequest: signature_request,
    letters.ClosedUnsigned: closed_unsigned,
    letters.ChangeConfirmed: change_confirmed,
    letters.LicenceWarning: licence_warning,
    letters.CodeLapsed: code_lapsed,
    letters.CodeReopened: code_reopened,
    letters.CodeEnded: code_ended,
    letters.BankAccountNotice: bank_account_notice,
    letters.AssociationFounded: association_founded,
    letters.AssociationChanged: association_changed,
    letters.AssociationEnded: association_ended,
    letters.ExchangeGranted: exchange_granted,
    letters.ExchangeEnded: exchange_ended,
    letters.AppealReceived: appeal_received,
    letters.AppealDecided: appeal_decided,
}
