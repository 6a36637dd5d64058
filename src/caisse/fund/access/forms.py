"""What a person says of himself when he signs up, beside what django-allauth asks for."""

from django import forms
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from caisse.fund.access.models import User


class NameForm(forms.Form):
    """The name, as the person wants to be addressed."""

    name = forms.CharField(
        label=_("First name and surname"),
        max_length=120,
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )

    field_order = ("name", "email", "password1", "password2")

    def signup(self, request: HttpRequest, user: User) -> None:
        """Nothing is left to do: the adapter has kept the name."""
