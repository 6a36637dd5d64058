from django.apps import AppConfig


class AuthorisationsConfig(AppConfig):
    name = "caisse.fund.authorisations"
    label = "authorisations"
    default_auto_field = "django.db.models.BigAutoField"
