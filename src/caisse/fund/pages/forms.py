"""How every form is drawn: `{{ form }}` gives error summary, labels, hints, and says what is required."""

from django.forms.renderers import TemplatesSetting


class Renderer(TemplatesSetting):
    """Django's forms with the templates of this room."""

    form_template_name = "pages/forms/form.html"
    field_template_name = "pages/forms/field.html"
