"""One believable document of every kind, as plain data; synthetic persons only."""

from typing import Any

from caisse.agreement.identifiers import provider_code

CODE = int(provider_code.make(900417))
COMMON = int(provider_code.make(905002))
OTHER = int(provider_code.make(900552))

SENDER = {
    "name": "Caisse nationale de santé",
    "department": "Gestion prestataires",
    "lines": ["B.P. 1023", "L-1010 Luxembourg"],
    "phone": "+352 27 57-1",
    "email": "prestataires@caisse.example",
    "website": "caisse.example",
    "place": "Luxembourg",
}
HEAD = {
    "sender": SENDER,
    "to": ["Dr Élodie Strœmberg-Weiß", "Cabinet dentaire", "17, rue des Œillets", "L-4321 Esch-sur-Alzette"],
    "on": "2026-11-22",
    "reference": "2026-000123",
    "contact": "Gestion prestataires",
}
CASE = {"head": HEAD, "case": "2026-000123"}
REQUEST = {
    "fr": "Nouveau code prestataire : médecin-dentiste",
    "de": "Neuer Leistungserbringercode: Zahnarzt",
    "en": "New provider code: dentist",
}
BOARD = {"to": "board", "days": 40, "address": ["Caisse nationale de santé", "L-1010 Luxembourg"]}
COUNCIL = {"to": "arbitral_council", "days": 40}
MEMBERS = [
    {"name": "Dr Élodie Strœmberg-Weiß", "code": CODE, "member_from": "2026-12-01"},
    {"name": "Dr Nuno Fernandes Calção", "code": OTHER, "member_from": "2026-12-01"},
]
DOCUMENTS = [
    {"label": "Copie de l'autorisation d'exercer"},
    {"label": "Relevé d'identité bancaire", "remark": "Page 2 illisible"},
]
GROUNDS = [
    {
        "text": "L'autorisation d'exercer n'est plus en vigueur depuis le 1er mars 2026.",
        "article": "Loi modifiée du 29 avril 1983, art. 32bis",
    },
    {"text": "Aucun lieu d'exercice au Luxembourg n'a été déclaré."},
]


def amounts(month: int, lines: int) -> dict[str, int]:
    """A month in which the figures balance."""
    return {
        "month": month,
        "lines": lines,
        "asked_cents": 10_000 * lines + 57,
        "paid_cents": 8_800 * lines,
        "patient_cents": 1_200 * lines,
        "refused_cents": 57,
    }


def sample(kind: str, language: str = "fr") -> dict[str, Any]:
    """Fresh data of a kind."""
    request = REQUEST[language]
    association = {"name": "Cabinet dentaire du Parc", "code": COMMON}
    session = {
        "sender": SENDER,
        "on": "2026-11-22",
        "number": "2026-12",
        "held_on": "2026-12-09",
        "time": "14:30",
        "place": "Salle du Conseil",
    }
    asked = {"applicant": "Audition Moselle s.à r.l.", "request": "Agrément : audioprothésiste"}
    samples: dict[str, dict[str, Any]] = {
        "acknowledgement": {
            **CASE,
            "request": request,
            "received_on": "2026-11-20",
            "documents": DOCUMENTS,
            "missing": [{"label": "Copie d'une pièce d'identité"}],
            "deadline": "2026-12-20",
        },
        "ask_back": {**CASE, "request": request, "points": DOCUMENTS, "deadline": "2026-12-20"},
        "code_granted": {
            **CASE,
            "code": CODE,
            "profession": "Médecin-dentiste",
            "site": ["17, rue des Œillets", "L-4321 Esch-sur-Alzette"],
            "valid_from": "2026-12-01",
            "valid_until": "2028-01-01",
            "exchange": "optional",
            "appeal": BOARD,
        },
        "refusal": {**CASE, "request": request, "grounds": GROUNDS, "appeal": BOARD},
        "closed_unanswered": {
            **CASE,
            "request": request,
            "asked_on": "2026-09-01",
            "deadline": "2026-10-01",
            "appeal": BOARD,
        },
        "signature_request": {
            **CASE,
            "statement": "Je consens à la fondation de l’association « Les Tilleuls ».",
            "deadline": "2026-10-30",
            "portal": "https://portal.fund.example",
        },
        "closed_unsigned": {
            **CASE,
            "request": request,
            "asked_on": "2026-09-01",
            "deadline": "2026-10-30",
            "appeal": BOARD,
        },
        "change_confirmed": {
            **CASE,
            "request": request,
            "code": CODE,
            "effective_on": "2026-12-01",
            "changes": [
                {"label": "Lieu d'exercice", "before": "3, rue Haute", "now": "17, rue des Œillets"},
                {"label": "Téléphone", "now": "+352 99 99 99"},
            ],
        },
        "licence_warning": {
            "head": HEAD,
            "code": CODE,
            "licence": "Autorisation de radioprotection",
            "number": "RP-2021/0456",
            "valid_until": "2026-12-22",
            "days_left": 30,
            "effect": "suspended",
        },
        "code_lapsed": {
            "head": HEAD,
            "code": CODE,
            "effect": "suspended",
            "effective_on": "2026-11-22",
            "reason": "L'autorisation d'exercer est arrivée à échéance.",
            "appeal": BOARD,
        },
        "code_reopened": {
            "head": HEAD,
            "code": CODE,
            "effective_on": "2026-11-22",
            "gap_from": "2026-11-01",
        },
        "code_ended": {**CASE, "request": request, "code": CODE, "valid_until": "2027-01-01"},
        "bank_account_notice": {
            **CASE,
            "code": CODE,
            "requested_on": "2026-11-20",
            "effective_on": "2026-12-06",
            "account_ending": "5 000",
        },
        "association_founded": {**CASE, **association, "valid_from": "2026-12-01", "members": MEMBERS},
        "association_changed": {
            **CASE,
            **association,
            "change": "joined",
            "member": "Dr Nuno Fernandes Calção",
            "member_code": OTHER,
            "effective_on": "2026-12-01",
            "members": MEMBERS,
        },
        "association_ended": {
            "head": HEAD,
            **association,
            "valid_until": "2027-01-01",
            "why": "too_few",
        },
        "exchange_granted": {
            **CASE,
            "code": CODE,
            "user": f"{CODE}-lab",
            "where": "https://portal.caisse.example/exchange",
            "collect_by": "2026-12-06",
        },
        "exchange_ended": {
            "head": HEAD,
            "code": CODE,
            "user": f"{CODE}-lab",
            "effective_on": "2026-12-01",
            "why": "code_suspended",
        },
        "appeal_received": {
            **CASE,
            "about": "2026-000077",
            "decided_on": "2026-10-12",
            "received_on": "2026-11-19",
            "session_on": "2026-12-09",
        },
        "appeal_decided": {
            **CASE,
            "about": "2026-000077",
            "decided_on": "2026-10-12",
            "session_on": "2026-12-09",
            "outcome": "rejected",
            "grounds": GROUNDS,
            "appeal": COUNCIL,
        },
        "annual_statement": {
            "head": {**HEAD, "reference": "R2025-31-17-2"},
            "year": 2025,
            "association": association["name"],
            "code": COMMON,
            "member": "Dr Élodie Strœmberg-Weiß",
            "member_codes": [CODE],
            "periods": [
                {"valid_from": "2025-01-01", "valid_until": "2025-04-01"},
                {"valid_from": "2025-07-01", "valid_until": "2026-01-01"},
            ],
            "months": [amounts(month, 100 + month) for month in (1, 2, 3, 7, 8, 9, 10, 11, 12)],
            "own": [amounts(month, 40 + month) for month in (1, 2, 3, 7, 8)],
            "basis": "service",
            "decided_on": "2026-11-22",
            "replaces": {"reference": "R2025-31-17", "on": "2026-02-03"},
        },
        "board_agenda": {
            **session,
            "items": [
                {
                    "case": "2026-000140",
                    **asked,
                    "proposal": "Accorder l'agrément",
                    "summary": "Dossier complet.",
                }
            ],
        },
        "board_minutes": {
            **session,
            "chair": "Mme Claudine Reuland",
            "present": ["Mme Claudine Reuland", "M. Piet Ostendorf"],
            "excused": ["M. Armand Kieffer"],
            "items": [{"case": "2026-000140", **asked, "outcome": "granted", "grounds": "Dossier complet."}],
        },
    }
    return samples[kind]
