"""Where the pages of the desk are, under /desk/."""

from django.urls import path, register_converter

from caisse.fund.desk.views import (
    asking,
    board,
    cases,
    consents,
    deciding,
    documents,
    newsletter,
    outbox,
    queues,
    register,
    staff,
)


class CaseNumber:
    """A case's number in an address: 2026-000123."""

    regex = "[0-9]{4}-[0-9]{6}"

    def to_python(self, value: str) -> str:
        """The number as it is."""
        return value

    def to_url(self, value: str) -> str:
        """The number as it is."""
        return value


register_converter(CaseNumber, "case")
app_name = "desk"
_CASE = "cases/<case:number>/"
_DOCUMENT = f"{_CASE}documents/<int:document_id>/"
urlpatterns = [
    path("", queues.front, name="front"),
    path("queues/<slug:name>/", queues.queue, name="queue"),
    path("next/", queues.take_next, name="take_next"),
    path(_CASE, cases.case, name="case"),
    path(f"{_CASE}take/", cases.take, name="take"),
    path(f"{_CASE}assign/", cases.assign, name="assign"),
    path(f"{_CASE}note/", cases.note, name="note"),
    path(f"{_CASE}profession/", cases.profession, name="profession"),
    path(f"{_CASE}record/", cases.audit, name="case_audit"),
    path(f"{_CASE}ask-back/", asking.ask_back, name="ask_back"),
    path(f"{_CASE}decide/", deciding.decide, name="decide"),
    path(f"{_CASE}confirm/", deciding.confirm, name="confirm"),
    path(f"{_CASE}give-back/", deciding.give_back, name="give_back"),
    path(f"{_CASE}letters/<int:letter_id>.pdf", deciding.letter, name="letter"),
    path(_DOCUMENT, documents.document, name="document"),
    path(f"{_DOCUMENT}page-<int:page>.png", documents.picture, name="picture"),
    path(f"{_DOCUMENT}original.pdf", documents.original, name="original"),
    path(f"{_DOCUMENT}signatures/", documents.signed, name="signed"),
    path(f"{_DOCUMENT}signatures/assign/", consents.assign, name="assign_signature"),
    path(f"{_CASE}signatures/", consents.ask, name="ask_signatures"),
    path(f"{_CASE}signatures/letter/", consents.tell, name="tell_signer"),
    path(f"{_CASE}hand-over/", consents.offer_again, name="offer_again"),
    path(f"{_DOCUMENT}judge/", documents.judge, name="judge"),
    path(f"{_DOCUMENT}sort/", documents.sort, name="sort"),
    path(f"{_DOCUMENT}days/", documents.dates, name="dates"),
    path("board/", board.sessions, name="board"),
    path("board/<int:session_id>/", board.session, name="session"),
    path("board/<int:session_id>/convene/", board.convene, name="convene"),
    path("board/<int:session_id>/close/", board.close, name="close"),
    path("board/<int:session_id>/items/<int:item_id>/", board.record, name="record"),
    path("board/<int:session_id>/<slug:what>.pdf", board.paper, name="session_paper"),
    path("expiring/", register.expiring, name="expiring"),
    path("register/", register.search, name="register"),
    path("register/<int:provider_id>/", register.provider, name="provider"),
    path("register/<int:provider_id>/accounts/<int:account_id>/", register.account, name="account"),
    path("register/<int:provider_id>/letters/<int:letter_id>.pdf", register.letter, name="provider_letter"),
    path("newsletter/", newsletter.newsletter, name="newsletter"),
    path("newsletter/new/", newsletter.write, name="new_issue"),
    path("newsletter/<int:issue_id>/", newsletter.issue, name="issue"),
    path("newsletter/<int:issue_id>/write/", newsletter.write, name="write_issue"),
    path("newsletter/<int:issue_id>/send/", newsletter.send, name="send_issue"),
    path("newsletter/<int:issue_id>/call-back/", newsletter.call_back, name="call_back_issue"),
    path("newsletter/<int:issue_id>/proof/", newsletter.proof, name="proof"),
    path("newsletter/<int:issue_id>/discard/", newsletter.discard, name="discard_issue"),
    path("outbox/", outbox.outbox, name="outbox"),
    path("outbox/release/", outbox.release, name="release"),
    path("outbox/<int:mail_id>/again/", outbox.send_again, name="send_again"),
    path("staff/", staff.staff, name="staff"),
    path("staff/<int:user_id>/", staff.member, name="member"),
    path("staff/<int:user_id>/roles/", staff.grant_role, name="grant_role"),
    path("staff/<int:user_id>/roles/end/", staff.end_role, name="end_role"),
    path("staff/<int:user_id>/reset/", staff.reset, name="reset_factor"),
    path("staff/<int:user_id>/active/", staff.set_active, name="set_active"),
    path("audit/", staff.audit, name="audit"),
]
