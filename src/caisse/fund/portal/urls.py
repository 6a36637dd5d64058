"""Where the portal's pages are. Links that stand in mails end without a slash."""

from django.urls import path

from caisse.fund.portal.views import documents, filling, following, front, newsletter, providers, starting

app_name = "portal"

urlpatterns = [
    path("", front.front, name="front"),
    path("professions/", front.professions, name="professions"),
    path("professions/<str:key>/", front.profession, name="profession"),
    path("apply/<str:key>/", starting.apply, name="apply"),
    path("case/again/<str:token>", starting.open_again, name="open_again"),
    path("case/<str:number>/<str:key>", starting.open_link, name="open_link"),
    path("cases/", starting.cases, name="cases"),
    path("cases/link/", starting.again, name="again"),
    path("cases/<str:number>/", following.case, name="case"),
    path("cases/<str:number>/questions/", filling.facts, name="facts"),
    path("cases/<str:number>/sheet/", filling.sheet, name="sheet"),
    path("cases/<str:number>/check/", filling.check, name="check"),
    path("cases/<str:number>/answers/<int:question_id>/", following.answer, name="answer"),
    path("cases/<str:number>/withdraw/", following.withdraw, name="withdraw"),
    path("cases/<str:number>/appeal/", following.appeal, name="appeal"),
    path("cases/<str:number>/object/", following.object_here, name="object"),
    path("cases/<str:number>/adopt/", following.adopt, name="adopt"),
    path("cases/<str:number>/profession/", following.choose, name="choose"),
    path("cases/<str:number>/letters/<int:letter_id>/", following.letter, name="letter"),
    path("cases/<str:number>/documents/", documents.documents, name="documents"),
    path("cases/<str:number>/documents/<int:document_id>/", documents.document, name="document"),
    path("cases/<str:number>/documents/<int:document_id>/file/", documents.original, name="original"),
    path("cases/<str:number>/documents/<int:document_id>/remove/", documents.remove, name="remove"),
    path("objection/<str:token>", following.object_by_link, name="objection"),
    path("providers/<int:provider_id>/", providers.provider, name="provider"),
    path("providers/<int:provider_id>/start/<str:kind>/", providers.start, name="start"),
    path("providers/<int:provider_id>/letters/<int:letter_id>/", providers.letter, name="provider_letter"),
    path("newsletter/", newsletter.subscribe, name="newsletter"),
    path("newsletter/confirm/<str:token>", newsletter.confirm, name="newsletter_confirm"),
    path("newsletter/change/<str:token>", newsletter.change, name="newsletter_change"),
    path("newsletter/unsubscribe/<str:token>", newsletter.unsubscribe, name="newsletter_unsubscribe"),
]
