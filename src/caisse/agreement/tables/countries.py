"""Countries by their two letters (ISO 3166-1), with their names in three languages.

The names are those of the Unicode Common Locale Data Repository (https://cldr.unicode.org, Unicode-3.0).
"""

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

from caisse.agreement.tables import package_data
from caisse.agreement.tables.reasons import LANGUAGES


@cache
def countries() -> Mapping[str, Mapping[str, str]]:
    """Names by language, by code, in the order of the codes; read once a process."""
    return MappingProxyType(
        {
            row["code"]: MappingProxyType({lang: row[lang] for lang in LANGUAGES})
            for row in package_data.rows(package_data.folder("countries.csv"))
        }
    )
