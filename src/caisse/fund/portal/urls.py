"""Where the portal's pages are. Links that stand in mails end without a slash."""

from django.urls import path, register_converter

from caisse.fund.portal.views import (
    documents,
    exchange,
    filling,
    following,
    front,
    newsletter,
    providers,
    signatures,
    starting,
    statements,
)

app_name = "portal"
_ACCOUNT = "providers/<int:provider_id>/exchange/<int:account_id>/"


class CaseNumber:
    """A case's number in an address."""

    regex = r"[0-9]{4}-[0-9]{6}"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


register_converter(CaseNumber, "case_number")

urlpatterns = [
    path("", front.front, name="front"),
    path("professions/", front.professions, name="professions"),
    path("professions/<str:key>/", front.profession, name="profession"),
    path("apply/<str:key>/", starting.apply, name="apply"),
    path("case/again/<str:token>", starting.open_again, name="open_again"),
    path("case/<case_number:number>/<str:key>", starting.open_link, name="open_link"),
    path("cases/", starting.cases, name="cases"),
    path("cases/link/", starting.again, name="again"),
    path("cases/<case_number:number>/", following.case, name="case"),
    path("cases/<case_number:number>/questions/", filling.facts, name="facts"),
    path("cases/<case_number:number>/sheet/", filling.sheet, name="sheet"),
    path("cases/<case_number:number>/check/", filling.check, name="check"),
    path("cases/<case_number:number>/answers/<int:question_id>/", following.answer, name="answer"),
    path("cases/<case_number:number>/withdraw/", following.withdraw, name="withdraw"),
    path("cases/<case_number:number>/appeal/", following.appeal, name="appeal"),
    path("cases/<case_number:number>/object/", following.object_here, name="object"),
    path("cases/<case_number:number>/adopt/", following.adopt, name="adopt"),
    path("cases/<case_number:number>/profession/", following.choose, name="choose"),
    path("cases/<case_number:number>/letters/<int:letter_id>/", following.letter, name="letter"),
    path("cases/<case_number:number>/documents/", documents.documents, name="documents"),
    path("cases/<case_number:number>/documents/<int:document_id>/", documents.document, name="document"),
    path("cases/<case_number:number>/documents/<int:document_id>/file/", documents.original, name="original"),
    path("cases/<case_number:number>/documents/<int:document_id>/remove/", documents.remove, name="remove"),
    path("objection/<str:token>", following.object_by_link, name="objection"),
    path("providers/<int:provider_id>/", providers.provider, name="provider"),
    path("providers/<int:provider_id>/start/<str:kind>/", providers.start, name="start"),
    path("providers/<int:provider_id>/letters/<int:letter_id>/", providers.letter, name="provider_letter"),
    path("providers/<int:provider_id>/statements/", statements.statements, name="statements"),
    path(
        "providers/<int:provider_id>/statements/<int:statement_id>.csv",
        statements.figures,
        name="statement_figures",
    ),
    path("signatures/", signatures.signatures, name="signatures"),
    path("signatures/<int:signature_id>/", signatures.signature, name="signature"),
    path("signatures/<int:signature_id>/sign/", signatures.sign, name="sign"),
    path("signatures/<int:signature_id>/refuse/", signatures.refuse, name="refuse"),
    path("signatures/<int:signature_id>/record.jws", signatures.record, name="signature_record"),
    path("providers/<int:provider_id>/exchange/", exchange.access, name="exchange"),
    path(f"{_ACCOUNT}collect/", exchange.collect, name="collect_secret"),
    path(f"{_ACCOUNT}password/", exchange.rotate, name="rotate_secret"),
    path(f"{_ACCOUNT}keys/", exchange.add_key, name="add_key"),
    path(f"{_ACCOUNT}keys/<int:key_id>/remove/", exchange.remove_key, name="remove_key"),
    path("newsletter/", newsletter.subscribe, name="newsletter"),
    path("newsletter/confirm/<str:token>", newsletter.confirm, name="newsletter_confirm"),
    path("newsletter/change/<str:token>", newsletter.change, name="newsletter_change"),
    path("newsletter/unsubscribe/<str:token>", newsletter.unsubscribe, name="newsletter_unsubscribe"),
]
