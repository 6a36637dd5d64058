"""What the HTTPS door says when it says no: a code, what is wrong and how to go on, in three languages."""

import json
from dataclasses import dataclass, field

from caisse.agreement.errors import WrongUse
from caisse.agreement.tables import reasons
from caisse.fund.exchange.errors import DepositRefused, UnknownAccount

#: Problems of the door itself; everything about a deposit has a reason code of the agreement instead.
#: status: {language: (what is wrong, how to go on)}
OWN: dict[int, dict[str, tuple[str, str]]] = {
    400: {
        "fr": ("La requête ne peut pas être lue.", "Comparez-la avec la description sous /api/docs."),
        "de": ("Die Anfrage ist nicht lesbar.", "Vergleichen Sie sie mit der Beschreibung unter /api/docs."),
        "en": ("The request cannot be read.", "Compare it with the description at /api/docs."),
    },
    401: {
        "fr": (
            "Identification requise.",
            "Envoyez le nom d'utilisateur et le mot de passe du compte d'échange.",
        ),
        "de": ("Anmeldung erforderlich.", "Senden Sie Benutzernamen und Passwort des Austauschkontos."),
        "en": ("You have to log in.", "Send the user name and the password of the exchange account."),
    },
    403: {
        "fr": ("Ce réseau n'est pas autorisé.", "Passez par le réseau de santé."),
        "de": ("Dieses Netz ist nicht zugelassen.", "Benutzen Sie das Gesundheitsnetz."),
        "en": ("This network is not allowed.", "Come through the health network."),
    },
    404: {
        "fr": ("Il n'y a rien de ce nom.", "Demandez la liste et reprenez le nom tel quel."),
        "de": (
            "Es gibt nichts dieses Namens.",
            "Rufen Sie die Liste ab und übernehmen Sie den Namen unverändert.",
        ),
        "en": ("There is nothing of this name.", "Ask for the list and use the name as it stands there."),
    },
    405: {
        "fr": ("Cette opération n'existe pas ici.", "Voyez les opérations sous /api/docs."),
        "de": ("Diese Operation gibt es hier nicht.", "Die Operationen stehen unter /api/docs."),
        "en": ("There is no such operation here.", "See the operations at /api/docs."),
    },
    408: {
        "fr": ("Rien n'est arrivé pendant une minute.", "Reprenez l'envoi."),
        "de": ("Eine Minute lang kam nichts an.", "Setzen Sie die Übertragung fort."),
        "en": ("Nothing has arrived for a minute.", "Go on with the upload."),
    },
    409: {
        "fr": ("L'envoi n'en est pas à cet octet.", "Demandez par HEAD où il en est et continuez de là."),
        "de": (
            "Die Übertragung steht nicht bei diesem Byte.",
            "Fragen Sie mit HEAD, wie weit sie ist, und setzen Sie dort fort.",
        ),
        "en": ("The upload is not at this byte.", "Ask with HEAD how far it is and go on from there."),
    },
    412: {
        "fr": ("Cette version de tus n'est pas connue ici.", "Envoyez Tus-Resumable: 1.0.0."),
        "de": ("Diese Version von tus ist hier nicht bekannt.", "Senden Sie Tus-Resumable: 1.0.0."),
        "en": ("This version of tus is not known here.", "Send Tus-Resumable: 1.0.0."),
    },
    415: {
        "fr": (
            "Ce type de contenu n'est pas accepté ici.",
            "Envoyez Content-Type: application/offset+octet-stream.",
        ),
        "de": (
            "Diese Art Inhalt wird hier nicht angenommen.",
            "Senden Sie Content-Type: application/offset+octet-stream.",
        ),
        "en": (
            "This type of content is not taken here.",
            "Send Content-Type: application/offset+octet-stream.",
        ),
    },
    416: {
        "fr": ("Cette partie du fichier n'existe pas.", "Demandez le fichier en entier."),
        "de": ("Diesen Teil der Datei gibt es nicht.", "Rufen Sie die ganze Datei ab."),
        "en": ("The file has no such part.", "Ask for the whole file."),
    },
    423: {
        "fr": ("Le fichier est justement en cours de réception.", "Redemandez dans une seconde."),
        "de": ("Die Datei wird gerade entgegengenommen.", "Fragen Sie in einer Sekunde wieder."),
        "en": ("The file is just being received.", "Ask again in a second."),
    },
    500: {
        "fr": ("Le système est en panne ; rien n'a été décidé.", "Réessayez plus tard, sans rien changer."),
        "de": (
            "Das System ist gestört; nichts wurde entschieden.",
            "Versuchen Sie es später unverändert erneut.",
        ),
        "en": ("The system is broken; nothing was decided.", "Try again later, unchanged."),
    },
}

#: How a refused deposit is answered; any other reason code is a plain 422.
_STATUS = {
    "KEY-001": 409,
    "KEY-004": 409,
    "PRO-003": 403,
    "PRO-004": 403,
    "LIM-001": 413,
    "LIM-002": 429,
    "LIM-003": 429,
    "LIM-005": 429,
}


@dataclass
class Problem(Exception):
    """The request is answered with ``status``; ``detail`` names what was found."""

    status: int
    code: str = ""
    detail: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    def body(self, language: str) -> dict[str, str]:
        """The answer as the caller reads it."""
        if self.code:
            reason = reasons.reason(self.code)
            code, text, remedy = self.code, reason.text(language), reason.remedy(language)
        else:
            code = f"HTTP-{self.status}"
            text, remedy = OWN[self.status][language]
        return {"code": code, "text": f"{text} {self.detail}".strip(), "remedy": remedy}

    def encoded(self, language: str) -> bytes:
        """The answer as UTF-8 JSON."""
        return json.dumps(self.body(language), ensure_ascii=False).encode()


def problem_of(error: Exception) -> Problem:
    """The answer to an error; an unknown one says nothing about itself."""
    match error:
        case Problem():
            return error
        case DepositRefused():
            return Problem(_STATUS.get(error.code, 422), error.code, error.found)
        case UnknownAccount():
            return Problem(401, headers=CHALLENGE)
        case WrongUse():
            return Problem(404)
    return Problem(500)


#: What a caller who has not logged in is asked for.
CHALLENGE = {"WWW-Authenticate": 'Basic realm="caisse", charset="UTF-8"'}


def language_of(accepted: str) -> str:
    """The best language for an Accept-Language header: French unless German or English is preferred."""
    wishes: list[tuple[float, str]] = []
    for entry in accepted.split(","):
        tag, _, quality = entry.partition(";")
        language = tag.strip().lower().split("-")[0]
        if language in reasons.LANGUAGES:
            wishes.append((_quality(quality), language))
    wishes = [wish for wish in wishes if wish[0] > 0]
    return max(wishes, key=lambda wish: wish[0])[1] if wishes else "fr"


def _quality(text: str) -> float:
    name, _, value = text.strip().partition("=")
    try:
        return float(value) if name.strip() == "q" else 1.0
    except ValueError:
        return 0.0
