"""The portal's forms. What is asked comes from the catalogue; whether it is right, too."""

from collections.abc import Container, Mapping, Sequence
from datetime import date
from typing import Any

from django import forms
from django.utils.html import escape
from django.utils.translation import gettext_lazy as _

from caisse.agreement.tables.countries import countries
from caisse.agreement.tables.professions import Catalogue, DocumentType, Fact, Field, Part, SheetFault
from caisse.fund.portal.words import LANGUAGES, day, in_order, language, pick

#: Where a browser finds what it may fill in by itself.
_AUTOCOMPLETE = {
    "given_name": "given-name", "family_name": "family-name", "phone": "tel", "email": "email",
    "business_name": "organization",
}  # fmt: skip
#: Types whose values are short; so are their fields, which says how much is expected.
_SHORT = {
    "bic",
    "code",
    "date",
    "integer",
    "legal_number",
    "national_number",
    "phone",
    "postcode",
    "rcs",
    "vat",
}
_NUMERIC = {"integer", "national_number", "legal_number", "code"}
#: The fault of a field that is required and empty.
_EMPTY = "SHE-001"
_DAYS = ["%d.%m.%Y", "%Y-%m-%d", "%d/%m/%Y"]
DAY_HINT = _("Day, month and year, for example 31/12/2026.")


class PlainForm(forms.Form):
    """A form that a browser always sends, complete or not: the page says what is wrong, nothing is lost."""

    use_required_attribute = False


class StartForm(PlainForm):
    """What an application needs to begin."""

    email = forms.EmailField(
        label=_("E-mail address"),
        max_length=254,
        help_text=_("We send the link to your application there, and everything the fund has to tell you."),
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
    )


class NumberForm(PlainForm):
    """The number of a case to which a link is wanted."""

    number = forms.RegexField(
        r"^\s*\d{4}-\d{6}\s*$",
        label=_("Number of the case"),
        max_length=20,
        help_text=_("It stands in every mail and letter, for example 2026-000123."),
        error_messages={"invalid": _("A number looks like 2026-000123. Compare it with our last mail.")},
    )

    def clean_number(self) -> str:
        return self.cleaned_data["number"].strip()


class WordsForm(PlainForm):
    """One text of the visitor's own."""

    text = forms.CharField(
        label=_("Your words"), max_length=8000, widget=forms.Textarea(attrs={"rows": 8}), strip=True
    )

    def __init__(self, *args: Any, label: Any = None, help_text: Any = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["text"].label = label or self.fields["text"].label
        self.fields["text"].help_text = help_text


class NewsletterForm(PlainForm):
    """Language and professions of a subscription."""

    language = forms.ChoiceField(label=_("Language"), choices=tuple(LANGUAGES.items()))
    professions = forms.MultipleChoiceField(
        label=_("Professions"),
        help_text=_("Without a choice you get every issue."),
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )

    def __init__(self, *args: Any, catalogue: Catalogue, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        names = [(key, pick(one.label)) for key, one in catalogue.professions.items() if one.offered]
        self.fields["professions"].choices = sorted(names, key=lambda pair: in_order(pair[1]))


class SubscribeForm(NewsletterForm):
    """A new subscription."""

    email = forms.EmailField(
        label=_("E-mail address"), max_length=254, widget=forms.EmailInput(attrs={"autocomplete": "email"})
    )
    field_order = ("email", "language", "professions")


class FactsForm(PlainForm):
    """The yes/no questions that decide what is asked for, and how many there are of what is asked apiece."""

    def __init__(
        self, facts: Sequence[Fact], parts: Sequence[Part], data: Mapping[str, Any] | None, **kwargs: Any
    ) -> None:
        super().__init__(data, **kwargs)
        for fact in facts:
            self.fields[fact.key] = forms.ChoiceField(
                label=pick(fact.question),
                help_text=escape(pick(fact.help)) if pick(fact.help) else "",
                choices=(("yes", _("Yes")), ("no", _("No"))),
                widget=forms.RadioSelect,
                error_messages={"required": _("Answer yes or no.")},
            )
        for part in parts:
            self.fields[f"count-{part.key}"] = forms.IntegerField(
                label=pick(part.question), min_value=1, max_value=part.most
            )

    @property
    def facts(self) -> dict[str, bool]:
        """The answers given, also when others are missing."""
        given = ((name, self.cleaned_data.get(name)) for name in self.fields if "-" not in name)
        return {name: value == "yes" for name, value in given if value in ("yes", "no")}

    @property
    def counts(self) -> dict[str, int]:
        """The numbers given."""
        given = ((name, self.cleaned_data.get(name)) for name in self.fields if name.startswith("count-"))
        return {name.removeprefix("count-"): value for name, value in given if value}


class CheckboxInput(forms.CheckboxInput):
    """A box that stands for the only choice of a field: ticked it sends the choice's key."""

    def __init__(self, key: str) -> None:
        super().__init__(check_test=lambda value: value == key)
        self.key = key

    def format_value(self, value: Any) -> str:  # noqa: ARG002
        return self.key

    def value_from_datadict(self, data: Mapping[str, Any], files: Any, name: str) -> str:  # noqa: ARG002
        return data.get(name, "")


class SheetField(forms.Field):
    """A field of a sheet as it was typed; the catalogue judges it. ``required`` only marks it."""

    def validate(self, value: Any) -> None:
        """Nothing: `Catalogue.check_sheet` says what is wrong."""


def _steering(name: str) -> dict[str, str]:
    """Keeps what was typed and puts the form in again; without a script the next "Save" does.

    Until it is there nothing can be typed that would be lost; the field itself keeps the focus.
    """
    others = ("input", "textarea", "button", f"select:not(#id_{name})")
    return {
        "hx-post": "", "hx-trigger": "change", "hx-include": "closest form", "hx-vals": '{"go": "look"}',
        "hx-target": "#sheet", "hx-select": "#sheet", "hx-swap": "outerHTML show:none",
        "hx-disabled-elt": ", ".join(f"#sheet {one}" for one in others),
    }  # fmt: skip


class SheetForm(PlainForm):
    """The information sheet. ``values`` are shown as typed, with the faults found in them, if any.

    A change of a field in ``steering`` fetches the sheet anew: others are asked by its value.
    """

    template_name = "portal/forms/sheet.html"

    def __init__(
        self, fields: Sequence[Field], values: Mapping[str, str], faults: Sequence[SheetFault] | None,
        steering: Container[str] = (),
    ) -> None:  # fmt: skip
        days = {one.name for one in fields if one.type == "date"}
        values = {name: day(value) if name in days else value for name, value in values.items()}
        bound = None if faults is None else values
        super().__init__(bound, initial=values)
        self._asked = fields
        for field in fields:
            self.fields[field.name] = _sheet_field(field, values)
            if field.name in steering:
                self.fields[field.name].widget.attrs |= _steering(field.name)
        told = [fault for fault in faults or () if fault.field in self.fields]
        for fault in told:
            self.add_error(fault.field, pick(fault.texts))
        # Those that are required and empty, and the others at fault: the head of the page tells them apart.
        empty = [fault.field for fault in told if fault.code == _EMPTY]
        self.empty = [self[name] for name in empty]
        self.mistaken = [self[name] for name in self.errors if name not in empty]

    def sections(self) -> list[tuple[str, list[forms.BoundField]]]:
        """The fields under the headings of their sections, in order."""
        found: dict[str, list[forms.BoundField]] = {}
        for field in self._asked:
            found.setdefault(pick(field.section_label), []).append(self[field.name])
        return list(found.items())


def _sheet_field(field: Field, values: Mapping[str, str]) -> SheetField:
    label, hints = pick(field.label), [pick(field.help)]
    if field.type == "choice" and len(field.choices) == 1:
        [(key, only)] = field.choices.items()
        label, widget = pick(only), CheckboxInput(key)
    elif field.type in ("choice", "country"):
        widget = forms.Select(choices=_choices(field, values.get(field.name, "")))
    elif field.type in ("long_text", "codes"):
        widget = forms.Textarea(attrs={"rows": 5})
    else:
        widget = forms.TextInput(attrs=_attributes(field))
    if field.type == "date":
        hints.append(str(DAY_HINT))
    hint = escape(" ".join(filter(None, hints)))
    initial = "LU" if field.type == "country" and field.required is True else ""
    return SheetField(
        label=label, help_text=hint, widget=widget, required=field.required is True,
        initial=values.get(field.name) or initial,
    )  # fmt: skip


def _choices(field: Field, typed: str) -> list[tuple[str, str]]:
    names = countries() if field.type == "country" else field.choices
    named = [(key, names[key][language()]) for key in names]
    if field.type == "country":
        named.sort(key=lambda pair: in_order(pair[1]))
    # What somebody wrote before, by mail or under another rule, is shown as it stands.
    foreign = [(typed, typed)] if typed and typed not in names else []
    return [("", "–"), *foreign, *named]


def _attributes(field: Field) -> dict[str, str]:
    found = {}
    if field.name in _AUTOCOMPLETE:
        found["autocomplete"] = _AUTOCOMPLETE[field.name]
    if field.type in _SHORT or field.name.endswith("house_number"):
        found["class"] = "short"
    if field.type in _NUMERIC:
        found["inputmode"] = "numeric"
    elif field.type in ("email", "phone"):
        found["inputmode"] = "tel" if field.type == "phone" else "email"
    return found


class MarkedDay(forms.DateField):
    """A day that is marked as required, but can follow later: a file is not lost for want of its date."""

    def validate(self, value: Any) -> None:
        """Nothing: `queries.missing` says what is wanted."""


class DocumentForm(PlainForm):
    """One document: the file and the days that stand on it, as far as its type bears any."""

    def __init__(
        self, kind: DocumentType | None, data: Any = None, files: Any = None, *, prefix: str,
        dates: Mapping[str, date | None] | None = None, replaces: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(data, files, prefix=prefix, initial=dates or {})
        self.fields["file"] = forms.FileField(
            label=_("Another file in its place (PDF)") if replaces else _("File (PDF)"),
            required=False,
            allow_empty_file=True,
            max_length=None,
            widget=forms.FileInput(attrs={"accept": "application/pdf,.pdf"}),
        )
        if kind is not None:
            self._add_day("issued_on", _("Date of issue"), kind.issued)
            self._add_day("expires_on", _("Last day on which it is valid"), kind.expires)

    def _add_day(self, name: str, label: Any, rule: str) -> None:
        if rule == "none":
            return
        self.fields[name] = MarkedDay(
            label=label, required=rule == "required", input_formats=_DAYS, help_text=DAY_HINT,
            widget=forms.DateInput(attrs={"class": "short"}),
            error_messages={"invalid": _("This is no day. Write it as 31/12/2026.")},
        )  # fmt: skip

    @property
    def days(self) -> dict[str, date | None]:
        """The days given that can be read."""
        return {name: self.cleaned_data.get(name) for name in ("issued_on", "expires_on")}

    @property
    def pairs(self) -> list[tuple[forms.BoundField, Any]]:
        """The fields with their errors, as the summary takes them."""
        return [(field, field.errors) for field in self.visible_fields()]
