"""Where mail programs end a newsletter subscription in one click (RFC 8058)."""

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from caisse.fund.notices.errors import LinkNotValid
from caisse.fund.notices.subscriptions import unsubscribe


@csrf_exempt
@never_cache
@require_POST
def one_click(request: HttpRequest, token: str) -> HttpResponse:
    """End the subscription of the link: no cookie, no session, no page. A link that is not ours is a 404."""
    if request.POST.get("List-Unsubscribe") != "One-Click":
        return HttpResponse("List-Unsubscribe=One-Click is missing.\n", status=400, content_type="text/plain")
    try:
        unsubscribe(token=token, by="mail program", at=timezone.now())
    except LinkNotValid as refusal:
        return HttpResponse(f"{refusal}\n", status=404, content_type="text/plain")
    return HttpResponse("Unsubscribed.\n", content_type="text/plain")
