"""Finding providers by what somebody has at hand: a name, a code, a number, a licence, an account."""

from django.db.models import Q

from caisse.fund.registry.models import Provider

#: A field of a sheet -> where the register keeps the same.
_FIELDS = {
    "national_number": ("national", "numbers"),
    "legal_number": ("legal", "numbers"),
    "licence_number": ("", "licences"),
    "iban": ("", "accounts"),
}


def find_providers(text: str, *, limit: int = 50) -> list[Provider]:
    """Providers whose name holds the text, or whose code or number it is or was, by name."""
    wanted = text.strip()
    plain = wanted.replace(" ", "").replace("-", "")
    if not wanted:
        return []
    found = Q(name__icontains=wanted) | Q(numbers__number__iexact=plain) | Q(licences__number__iexact=wanted)
    if plain.isascii() and plain.isdecimal() and len(plain) == 8:
        found |= Q(codes__code=int(plain))
    return list(Provider.objects.filter(found).distinct().order_by("name", "pk")[:limit])


def providers_with(field: str, value: str) -> list[Provider]:
    """Who has or had the national or legal number, the licence or the account of a sheet's field."""
    kind, where = _FIELDS[field]
    if where == "numbers":
        found = Q(numbers__kind=kind, numbers__number=value)
    elif where == "licences":
        found = Q(licences__number__iexact=value)
    else:
        found = Q(accounts__iban=value, accounts__superseded__isnull=True)
    return list(Provider.objects.filter(found).distinct().order_by("pk"))
