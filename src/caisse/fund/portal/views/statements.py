"""The annual statements of a provider in an association: to read, to keep, as data."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from caisse.fund.access import queries as access
from caisse.fund.access.gates import provider_page
from caisse.fund.payments import queries as payments
from caisse.fund.portal import holdings, reach
from caisse.fund.registry import queries as register
from caisse.fund.registry.actions.reading import note_reading


def _note(request: HttpRequest, provider_id: int) -> None:
    """Who reads for the owner is on the record."""
    if not access.may_act_for(request.user, provider_id, "owner", timezone.localdate()):
        note_reading(
            provider_id=provider_id, what="statements", by=reach.actor(request), at=timezone.now()
        )  # fmt: skip


@never_cache
@require_safe
@provider_page("casework")
def statements(request: HttpRequest, provider_id: int) -> HttpResponse:
    """The statements that stand, the latest year first."""
    name = register.names_of([provider_id])[provider_id]
    _note(request, provider_id)
    found = [holdings.statement(one) for one in payments.statements_of(member_id=provider_id)]
    return render(
        request, "portal/statements.html", {"provider_id": provider_id, "name": name, "statements": found}
    )


@never_cache
@require_safe
@provider_page("casework")
def figures(request: HttpRequest, provider_id: int, statement_id: int) -> HttpResponse:
    """The figures of one statement as CSV, amounts in cents."""
    found = [one for one in payments.statements_of(member_id=provider_id) if one.pk == statement_id]
    if not found:
        raise Http404
    _note(request, provider_id)
    answer = HttpResponse(payments.statements_csv(found), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{found[0].reference}.csv"'
    return answer
