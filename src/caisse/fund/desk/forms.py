"""The forms of the desk. What is required for good is decided by actions; forms only read what was typed."""

from datetime import date
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.html import escape
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from caisse.agreement.tables.professions.answers import impossible_dates
from caisse.fund.casework import queries
from caisse.fund.casework.models import Case, CaseDocument, place_of
from caisse.fund.casework.refusal_reasons import offered_reasons
from caisse.fund.desk import words
from caisse.fund.desk.words import pick

LONGEST = 20_000


def day_field(label: Any, *, required: bool = False, help_text: Any = "") -> forms.DateField:
    """A day, as browsers give it."""
    widget = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    return forms.DateField(
        label=label, required=required, help_text=help_text, widget=widget, input_formats=["%Y-%m-%d"]
    )


def words_field(label: Any, *, rows: int = 3, required: bool = True, help_text: Any = "") -> forms.CharField:
    """Some sentences."""
    return forms.CharField(
        label=label, required=required, help_text=help_text, max_length=LONGEST,
        widget=forms.Textarea(attrs={"rows": rows}),
    )  # fmt: skip


class FilterForm(forms.Form):
    """What a queue is narrowed down to."""

    text = forms.CharField(label=_("Number, code, name or address"), required=False, max_length=120)
    kind = forms.ChoiceField(label=_("Kind of case"), required=False)
    profession = forms.ChoiceField(label=_("Profession"), required=False)

    def __init__(self, *args: Any, catalogue: Any, **kwargs: Any) -> None:
        """``catalogue``: of the day, for the names of kinds and professions."""
        super().__init__(*args, **kwargs)
        everything = [("", _("All"))]
        self.fields["kind"].choices = everything + [
            (k, pick(v.label)) for k, v in catalogue.case_kinds.items()
        ]
        self.fields["profession"].choices = everything + [
            (key, pick(one.label)) for key, one in catalogue.professions.items() if one.offered
        ]


class AssignForm(forms.Form):
    """To whom a case is given."""

    to = forms.TypedChoiceField(label=_("Assign to"), required=False, coerce=int, empty_value=None)

    def __init__(self, *args: Any, colleagues: list[tuple[int, str]], **kwargs: Any) -> None:
        """``colleagues``: (id, name) of those who work on cases."""
        super().__init__(*args, **kwargs)
        self.fields["to"].choices = [("", _("Nobody: back to the queue")), *colleagues]


class NoteForm(forms.Form):
    """A note for colleagues."""

    text = words_field(_("Note for colleagues"), help_text=_("The applicant does not see it."))


class ProfessionForm(forms.Form):
    """Which profession a case is about that came by mail."""

    profession = forms.ChoiceField(label=_("Profession"))

    def __init__(self, *args: Any, case: Case, **kwargs: Any) -> None:
        """``case``: offered are the professions that have such a procedure."""
        super().__init__(*args, **kwargs)
        catalogue = queries.catalogue_of(case)
        self.fields["profession"].choices = [
            (key, pick(one.label))
            for key, one in catalogue.professions.items()
            if queries.offers(catalogue, case.kind, key)
        ]


class JudgeForm(forms.Form):
    """Accept or refuse one document. ``judged``: when it was judged last, as the officer saw it."""

    offered = forms.ChoiceField(label=_("Reason for a refusal"), required=False)
    reason = words_field(_("In your own words"), required=False)
    judged = forms.CharField(required=False, widget=forms.HiddenInput, max_length=40)

    def __init__(self, *args: Any, document: CaseDocument, language: str, on: Any, **kwargs: Any) -> None:
        """``language``: the applicant's, in which reasons are written."""
        super().__init__(*args, **kwargs)
        self.language = language
        self.reasons = {one.key: one for one in offered_reasons(document.kind, on)}
        self.fields["offered"].choices = [
            ("", _("None of these")),
            *((key, pick(one.label)) for key, one in self.reasons.items()),
        ]
        self.fields["reason"].help_text = _("The applicant reads it. Language: %(language)s.") % {
            "language": words.word(words.LANGUAGES, language)
        }

    def whole_reason(self) -> str:
        """The reason as the applicant reads it: the offered text, then the officer's own words."""
        chosen = self.reasons.get(self.cleaned_data["offered"])
        parts = (chosen.text[self.language] if chosen else "", self.cleaned_data["reason"].strip())
        return "\n".join(part for part in parts if part)


class SortForm(forms.Form):
    """Which of the documents asked for a PDF is that came without saying so."""

    place = forms.ChoiceField(label=_("This document is"))

    def __init__(self, *args: Any, case: Case, **kwargs: Any) -> None:
        """``case``: what it asks for comes first."""
        super().__init__(*args, **kwargs)
        wanted = [(place_of(one.document, one.part), pick(one.label)) for one in queries.requirements(case)]
        asked = {place for place, _label in wanted}
        others = [
            (key, pick(kind.label))
            for key, kind in queries.catalogue_of(case).documents.items()
            if key not in asked
        ]
        self.fields["place"].choices = [(_("Asked for"), wanted), (_("Others"), others)] if wanted else others


class DatesForm(forms.Form):
    """The days that stand on a document; on ``on`` it cannot be issued later."""

    issued_on = day_field(_("Issued on"))
    expires_on = day_field(_("Valid until"), help_text=_("The last day on which it holds, as printed on it."))

    def __init__(self, *args: Any, on: date, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.on = on

    def clean(self) -> dict[str, Any]:
        given = self.cleaned_data
        for one in impossible_dates(given.get("issued_on"), given.get("expires_on"), self.on):
            self.add_error(one.field, pick(one.texts))
        return given


class AskBackForm(forms.Form):
    """What is asked of the applicant: for a field, for a document, or in general."""

    seen = forms.CharField(widget=forms.HiddenInput, max_length=40)

    def __init__(self, *args: Any, places: list[tuple[str, str, str]], **kwargs: Any) -> None:
        """``places``: (place, label, what stands there)."""
        super().__init__(*args, **kwargs)
        self.places = [place for place, _label, _shown in places]
        for place, label, shown in places:
            self.fields[place] = forms.CharField(
                label=label, required=False, max_length=2000, help_text=escape(shown)
            )
        self.fields["general"] = words_field(_("The application as a whole"), required=False, rows=4)

    def questions(self) -> list[tuple[str, str]]:
        """What each question is about, and its words."""
        asked = [(place, self.cleaned_data[place]) for place in self.places]
        return [
            (about, text.strip())
            for about, text in [*asked, ("", self.cleaned_data["general"])]
            if text.strip()
        ]


class VerdictForm(forms.Form):
    """The decision of an officer."""

    seen = forms.CharField(widget=forms.HiddenInput, max_length=40)
    outcome = forms.ChoiceField(
        label=_("Decision"),
        choices=[
            ("granted", pgettext_lazy("decide", "Grant")),
            ("refused", pgettext_lazy("decide", "Refuse")),
        ],
        widget=forms.RadioSelect,
    )
    effective_from = day_field(
        _("Holds from"), help_text=_("Only for a grant; empty: the day the applicant wants.")
    )
    grounds = words_field(
        _("Grounds"), required=False, rows=6,
        help_text=_("Needed for a refusal. One ground a line; the letter gives them as they stand here."),
    )  # fmt: skip


class ReturnForm(forms.Form):
    """Why a proposed decision goes back."""

    seen = forms.CharField(widget=forms.HiddenInput, max_length=40)
    reason = words_field(
        _("Why it goes back"), help_text=_("Your colleague reads it; the applicant does not.")
    )


class RecommendationForm(forms.Form):
    """What the office recommends to the Board."""

    seen = forms.CharField(widget=forms.HiddenInput, max_length=40)
    recommendation = words_field(_("Recommendation to the Board"), rows=4)


class SessionForm(forms.Form):
    """A new session of the Board."""

    day = day_field(_("Day of the session"), required=True)

    def clean_day(self) -> date:
        """A session is planned ahead."""
        day: date = self.cleaned_data["day"]
        if day < timezone.localdate():
            raise forms.ValidationError(_("This day is past. Choose today or a later one."))
        return day


class OutcomeForm(forms.Form):
    """What the Board decided on a case."""

    outcome = forms.ChoiceField(
        label=_("Decision of the Board"), choices=list(words.OUTCOMES.items()), widget=forms.RadioSelect
    )
    effective_from = day_field(_("Holds from"))
    note = words_field(
        _("Grounds"), required=False, help_text=_("Needed for a refusal; they stand in minutes and letter.")
    )


class PresentForm(forms.Form):
    """Who was present at a session."""

    present = words_field(_("Present"), rows=5, help_text=_("One name a line; the first is in the chair."))


class FindForm(forms.Form):
    """Whom to look for in the register."""

    q = forms.CharField(
        label=_("Name, code or number"), max_length=120, min_length=2,
        help_text=_("Part of a name, a code, a national or legal person number, a licence's number."),
    )  # fmt: skip


class AsOfForm(forms.Form):
    """On which day, and as it was known when."""

    on = day_field(_("On the day"))
    known_at = forms.DateTimeField(
        label=_("As it was known at"), required=False, help_text=_("Empty: as it is known now."),
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"],
    )  # fmt: skip


class RecordForm(forms.Form):
    """Which events of the record to look at: about one thing, or those of a day."""

    case = forms.RegexField(r"^[0-9]{4}-[0-9]{6}$", label=_("Number of a case"), required=False)
    day = day_field(_("Day"))
    user = forms.TypedChoiceField(label=_("Done by"), required=False, coerce=int, empty_value=None)
    action = forms.RegexField(
        r"^[a-z_.]*$", label=_("What was done"), required=False, max_length=80,
        help_text=_("The beginning of its name, such as case.read."),
    )  # fmt: skip

    def __init__(self, *args: Any, users: list[tuple[int, str]], **kwargs: Any) -> None:
        """``users``: (id, name) of everybody who has or had a role."""
        super().__init__(*args, **kwargs)
        self.fields["user"].choices = [("", _("Anybody")), *users]


class NewUserForm(forms.Form):
    """A new member of the staff."""

    name = forms.CharField(label=_("Name"), max_length=120)
    email = forms.EmailField(label=_("E-mail address"), max_length=254)
    language = forms.ChoiceField(label=_("Language"), choices=list(words.LANGUAGES.items()))
    role = forms.ChoiceField(label=_("Role"), choices=list(words.ROLES.items()))


class RoleForm(forms.Form):
    """A further role for a user."""

    role = forms.ChoiceField(label=_("Role"), choices=list(words.ROLES.items()))
    valid_from = day_field(_("From"), required=True)


class WhyForm(forms.Form):
    """Why something is done to a user; it goes into the record."""

    why = forms.CharField(label=_("Reason"), max_length=200, help_text=_("It goes into the record."))


class IssueForm(forms.Form):
    """A newsletter in three languages."""

    professions = forms.MultipleChoiceField(
        label=_("For the professions"), required=False, widget=forms.CheckboxSelectMultiple,
        help_text=_("None chosen: for all."),
    )  # fmt: skip

    def __init__(self, *args: Any, catalogue: Any, **kwargs: Any) -> None:
        """``catalogue``: of the day, for the names of the professions."""
        super().__init__(*args, **kwargs)
        self.fields["professions"].choices = [
            (key, pick(one.label)) for key, one in catalogue.professions.items() if one.offered
        ]
        for language, name in words.LANGUAGES.items():
            named = {"language": name}
            self.fields[f"subject_{language}"] = forms.CharField(
                label=_("Subject, %(language)s") % named, required=False, max_length=200
            )
            self.fields[f"body_{language}"] = forms.CharField(
                label=_("Text, %(language)s") % named, required=False, max_length=50_000,
                widget=forms.Textarea(attrs={"rows": 12}),
                help_text=_("Markdown: a blank line between paragraphs, **bold**, [words](https://address)."),
            )  # fmt: skip

    def texts(self) -> dict[str, dict[str, str]]:
        """Language -> subject and body."""
        given = self.cleaned_data
        return {
            language: {"subject": given[f"subject_{language}"], "body": given[f"body_{language}"]}
            for language in words.LANGUAGES
        }


class SendForm(forms.Form):
    """When a newsletter leaves."""

    send_at = forms.DateTimeField(
        label=_("Send at"), required=False, help_text=_("Empty: at once."),
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"],
    )  # fmt: skip
