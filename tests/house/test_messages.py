"""Every text of the interface is there in French and German, and what is compiled is what is written."""

from pathlib import Path

import pytest

from tests.house import messages

CATALOGUES = [
    pytest.param(room, language, id=f"{room.name}-{language}")
    for room in messages.rooms()
    if len(messages.template_of(room))
    for language in messages.LANGUAGES
]


@pytest.mark.parametrize(("room", "language"), CATALOGUES)
def test_a_catalogue_is_complete_and_up_to_date(room: Path, language: str) -> None:
    path = messages.po_file(room, language)
    assert path.exists(), "make messages"
    catalog = messages.updated(room, language)
    assert path.read_bytes() == messages.as_po(catalog), "make messages"
    assert path.with_suffix(".mo").read_bytes() == messages.as_mo(catalog), "make messages"
    assert messages.untranslated(catalog) == []
    assert messages.faults(catalog) == []


def test_texts_are_found_in_templates_and_code(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text(
        """{% load i18n %}<p>
          {% translate "One (text" %} it's {{ not|this }}
        {% blocktranslate with n=a.b trimmed %}
            Two {{ n }}
            lines
        {% endblocktranslate %}
            {% blocktranslate count n=x %}{{ n }} thing{% plural %}{{ n }} things{% endblocktranslate %}
        {% translate "May" context "month" %} <b title='{% translate "In an attribute" %}'>
        {{ _("In a variable")|upper }}{% comment %}{% translate "Not this" %}{% endcomment %}"""
    )
    code = tmp_path / "code.py"
    code.write_text(
        'x = _("Four")\ny = ngettext_lazy("%(n)d day", "%(n)d days", "n")\nz = gettext_lazy("Fi" "ve")\n'
    )
    found = {(str(text), context) for path in (page, code) for _, text, _, context in messages.texts_of(path)}
    assert found == {
        ("One (text", None), ("Two %(n)s lines", None), ("('%(n)s thing', '%(n)s things')", None), ("May", "month"),
        ("In an attribute", None), ("In a variable", None), ("Four", None), ("('%(n)d day', '%(n)d days')", None),
        ("Five", None),
    }  # fmt: skip


def test_a_missing_a_doubtful_and_a_wrong_translation_are_found() -> None:
    catalog = messages.Catalog(locale="fr")
    catalog.add("missing")
    catalog.add(("one", "many"), ("un", ""))
    catalog.add("doubtful", "douteux", flags=["fuzzy"])
    catalog.add("for %(name)s", "pour %(nom)s", flags=["python-format"])
    assert messages.untranslated(catalog) == ["missing", "one", "doubtful"]
    (fault,) = messages.faults(catalog)
    assert fault.startswith("for %(name)s")
