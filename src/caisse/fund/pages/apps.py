from django.apps import AppConfig


class PagesConfig(AppConfig):
    name = "caisse.fund.pages"
    label = "pages"
