"""What is known of one signature in a document, and the same in words for people."""

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files


@dataclass(frozen=True, slots=True)
class SignatureReport:
    """One signature. Revocation is never asked for over the network, and the words say so.

    ``intact``: the signed bytes are the ones that were signed. ``changed_after``: what was added to the file
    later: nothing, signatures (of others), fields (of a form) or content. ``trusted``: its certificate leads
    to a root the fund trusts, and held at the moment asked for. ``time_source``: trusted_stamp, stamp (by a
    service the fund does not trust), claimed (by the signer's own clock) or none. Times are ISO 8601.
    """

    field: str
    intact: bool
    covers_whole_file: bool = False
    changed_after: str = "content"
    trusted: bool = False
    expired: bool = False
    self_signed: bool = False
    signer: str = ""
    issuer: str = ""
    certificate_sha256: str = ""
    certificate_until: str = ""
    signed_at: str = ""
    time_source: str = "none"
    problem: str = ""

    @property
    def holds(self) -> bool:
        """True when it may be relied on: intact, trusted, and nothing but other signatures came after."""
        return self.intact and self.trusted and self.changed_after in {"nothing", "signatures"}

    def words(self, language: str) -> tuple[str, ...]:
        """What an officer is told, in ``fr``, ``de`` or ``en``, the verdict first."""
        told = ["holds" if self.holds else "does_not_hold"]
        if self.problem:
            return tuple(self._say(key, language) for key in (*told, "unreadable"))
        told.append("intact" if self.intact else "not_intact")
        told.append(f"after_{self.changed_after}")
        told.append(self._standing())
        told += ["by", f"time_{self.time_source}", "revocation"]
        return tuple(self._say(key, language) for key in told)

    def _standing(self) -> str:
        if self.trusted:
            return "trusted"
        if self.expired:
            return "expired"
        return "self_signed" if self.self_signed else "untrusted"

    def _say(self, key: str, language: str) -> str:
        return _words()[key][language].format(
            signer=self.signer,
            issuer=self.issuer,
            until=self.certificate_until[:10],
            at=self.signed_at[:16].replace("T", " "),
        )


@cache
def _words() -> dict[str, dict[str, str]]:
    """The sentences of signature_words.toml, by key and language."""
    source = files("caisse.fund.casework.documents").joinpath("signature_words.toml")
    return tomllib.loads(source.read_text(encoding="utf-8"))
