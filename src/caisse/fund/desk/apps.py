from django.apps import AppConfig


class DeskConfig(AppConfig):
    name = "caisse.fund.desk"
    label = "desk"
