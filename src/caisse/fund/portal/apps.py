from django.apps import AppConfig


class PortalConfig(AppConfig):
    name = "caisse.fund.portal"
    label = "portal"
