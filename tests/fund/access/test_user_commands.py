"""The commands `caisse fund user …`: who is made, what they say, and what they refuse."""

import json
import re

import pytest

from caisse import cli
from caisse.fund.access import queries
from caisse.fund.access.models import User
from caisse.fund.audit.models import AuditEvent
from caisse.fund.notices.models import Mail
from tests.fund.visitors import visitor

EMAIL = "anna@fund.example"


@pytest.fixture
def user(db, home, capsys):
    """Run `caisse fund user …`; the exit code, and what was said."""

    def run(*words: str) -> tuple[int, str]:
        code = cli.run(["fund", "user", *words, "--home", str(home.path)])
        said = capsys.readouterr()
        return code, said.out + said.err

    return run


def test_the_first_administrator_sets_a_password_by_the_link_once(user):
    code, said = user("add", EMAIL, "--name", "Anna", "--role", "administrator", "--language", "de")
    assert code == 0 and "administrator" in said
    made = queries.find_user(EMAIL)
    assert (made.name, made.language, made.has_usable_password()) == ("Anna", "de", False)
    link = re.search(r"https://\S+", said)[0]
    mail = Mail.objects.get()
    assert mail.to == EMAIL and link in mail.text
    path = "/" + link.split("/", 3)[3]
    client = visitor()
    form = client.get(path, follow=True)
    assert "password1" in form.text
    secret = "a long sentence nobody guesses 42"
    client.post(form.request["PATH_INFO"], {"password1": secret, "password2": secret})
    made.refresh_from_db()
    assert made.check_password(secret)
    assert "password1" not in visitor().get(path, follow=True).text, "the link works once"
    # No address, name or link stands in the record.
    for event in AuditEvent.objects.all():
        assert EMAIL not in json.dumps([event.data, event.why, event.subject_id])


def test_a_further_role_needs_no_name_and_makes_no_second_user(user):
    user("add", EMAIL, "--name", "Anna", "--role", "officer")
    code, said = user("add", EMAIL.upper(), "--role", "supervisor", "--json")
    assert code == 0
    told = json.loads(said.splitlines()[0])
    assert told == {"user": User.objects.get().pk, "roles": ["supervisor"]}
    code, said = user("list", "--json")
    (row,) = json.loads(said.splitlines()[0])["users"]
    assert (row["email"], row["roles"]) == (EMAIL, ["officer", "supervisor"])


def test_what_is_wrong_is_told_and_nothing_is_half_done(user):
    code, said = user("add", EMAIL, "--role", "officer")
    assert (code, "--name" in said, User.objects.count()) == (2, True, 0)
    code, said = user("add", EMAIL, "--name", "Anna", "--role", "king")
    assert (code, "officer" in said, User.objects.count()) == (2, True, 0)
    user("add", EMAIL, "--name", "Anna", "--role", "officer")
    code, said = user("add", EMAIL, "--role", "officer")
    assert code == 2 and "Traceback" not in said
    for words in (
        ("end-role", "nobody@fund.example", "--role", "officer", "--why", "left"),
        ("reset-second-factor", "nobody@fund.example", "--why", "lost"),
    ):
        code, said = user(*words)
        assert (code, "No user has this e-mail address" in said) == (2, True)
    code, said = user("end-role", EMAIL, "--role", "officer")
    assert code == 2 and "--why" in said
    code, said = user("end-role", EMAIL, "--role", "editor", "--why", "left")
    assert code == 2


def test_a_role_ends_and_the_user_stays(user):
    user("add", EMAIL, "--name", "Anna", "--role", "officer")
    code, _ = user("end-role", EMAIL, "--role", "officer", "--why", "moved")
    assert code == 0
    assert user("list") == (0, "No user yet.\n")
    assert EMAIL in user("list", "--all")[1]
    assert AuditEvent.objects.filter(why="moved").count() == 1


def test_a_lost_second_factor_is_taken_away_with_a_new_link(user):
    user("add", EMAIL, "--name", "Anna", "--role", "officer")
    code, said = user("reset-second-factor", EMAIL, "--why", "telephone lost", "--json")
    told = json.loads(said.splitlines()[0])
    assert code == 0 and told["removed"] == 0 and told["set_up"].startswith("https://")
    assert Mail.objects.count() == 2
