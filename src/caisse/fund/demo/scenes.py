"""The cases of the demonstration office: who applies for what, how, how long ago, and how far it has come."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Scene:
    """One case. ``until``: how far the office takes it; ``after``: the earlier scene whose provider asks.

    ``others``: the earlier scenes whose providers found an association with it. ``ends_in``: days from now on
    after which the authorisation is over; without any it has no end.
    """

    name: str
    profession: str
    until: str
    days_ago: int
    kind: str = "new_code"
    language: str = "fr"
    door: str = "portal"
    facts: dict[str, bool] = field(default_factory=dict)
    after: str = ""
    others: tuple[str, ...] = ()
    ends_in: int | None = None


#: Every state a case can be in occurs, and every seed profession with it.
SCENES = (
    Scene("doctor", "doctors", "granted", 88, facts={"radiation": True}, ends_in=75),
    Scene("second doctor", "doctors", "granted", 86, language="de", ends_in=21),
    Scene("third doctor", "doctors", "granted", 85, language="en", ends_in=5),
    Scene("visiting doctor", "doctors", "granted", 84, facts={"service_declaration": True}),
    Scene("dentist", "dentists", "granted", 83, language="de", facts={"radiation": True}),
    Scene("psychotherapist", "psychotherapists", "granted", 82),
    Scene("laboratory", "laboratories", "granted", 80),
    Scene("physiotherapist", "physiotherapists", "granted", 78, language="de"),
    Scene("second physiotherapist", "physiotherapists", "granted", 77),
    Scene("dietician", "dieticians", "granted", 76),
    Scene("nurse", "nurses", "granted", 74),
    Scene("midwife", "midwives", "granted", 73, language="en"),
    Scene("speech therapist", "speech_therapists", "granted", 72),
    Scene("shoemaker", "orthopaedists", "board granted", 70),
    Scene("acoustician", "hearing_aid_acousticians", "board granted", 69, facts={"company": True}),
    Scene("taxi", "taxis", "board refused", 68, language="de"),
    Scene("ocularist", "ocularists", "board adjourned", 66),
    Scene("pharmacist", "pharmacists", "in_review", 12, facts={"new_concession": True}),
    Scene("optician", "opticians", "incomplete", 15),
    Scene("refused nurse", "nurses", "refused", 60),
    Scene("refused midwife", "midwives", "appealed", 58, language="de"),
    Scene("late answer", "podiatrists", "answered", 25),
    Scene("never answered", "psychotherapists", "lapsed", 87, language="en"),
    Scene("changed mind", "dieticians", "withdrawn", 30),
    Scene("new doctor", "doctors", "submitted", 2, facts={"radiation": False}),
    Scene("new dentist", "dentists", "submitted", 1, language="en"),
    Scene("new laboratory", "laboratories", "submitted", 1, language="de"),
    Scene("new psychotherapist", "psychotherapists", "submitted", 0),
    Scene("in hand", "physiotherapists", "in_review", 4, language="de"),
    Scene("in hand too", "nurses", "in_review", 3),
    Scene("next board", "medical_device_traders", "awaiting_board", 9, facts={"company": True}),
    Scene("next board too", "orthopaedists", "awaiting_board", 8, language="de"),
    Scene("asked back", "dentists", "incomplete", 6, facts={"radiation": True}),
    Scene("just begun", "midwives", "draft", 1),
    Scene("begun long ago", "doctors", "draft", 45, language="de"),
    Scene("moved", "doctors", "granted", 20, kind="address_change", after="doctor"),
    Scene("second site", "doctors", "in_review", 5, kind="new_site", language="de", after="second doctor"),
    Scene("account waits", "dentists", "cooling_off", 4, kind="bank_account_change", language="de",
          after="dentist"),
    Scene("account proposed", "nurses", "proposed", 2, kind="bank_account_change", after="nurse"),
    Scene("licence renewed", "doctors", "submitted", 1, kind="licence_renewal", language="en",
          after="third doctor"),
    Scene("stops", "midwives", "granted", 10, kind="end_of_activity", language="en", after="midwife"),
    Scene("manager", "hearing_aid_acousticians", "submitted", 2, kind="manager_change", after="acoustician"),
    Scene("together", "physiotherapists", "awaiting_signatures", 0, kind="association",
          facts={"founding": True}, after="second physiotherapist", others=("physiotherapist",)),
)  # fmt: skip

GIVEN = ("Anne", "Marc", "Sophie", "Luc", "Claire", "Tom", "Léa", "Paul", "Nora", "Jean", "Eva", "Max")
FAMILY = ("Muster", "Exemple", "Specimen", "Beispiel", "Modèle", "Exemplaire", "Vorbild", "Sample")
STREETS = ("rue de l'Exemple", "Musterstrooss", "avenue du Modèle", "route d'Essai")
PLACES = (("1234", "Luxembourg"), ("4321", "Esch-sur-Alzette"), ("9234", "Diekirch"), ("6543", "Echternach"))
