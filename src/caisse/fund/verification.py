"""`caisse fund verify`: does everything the fund holds still fit together? Reads only, changes nothing."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from caisse.fund.audit.queries import verify_chain
from caisse.fund.casework import consents, signature_records
from caisse.fund.casework import queries as casework
from caisse.fund.casework.documents.signatures import TrustStore
from caisse.fund.claims import queries as claims
from caisse.fund.exchange import queries, receipts
from caisse.fund.exchange.store import Store, hash_file
from caisse.fund.home import Home
from caisse.fund.notices import queries as mails
from caisse.fund.payments import queries as payments

#: So many files without a row are what crashes of a young fund may have left (ours).
_STRAY_FILES = 10


@dataclass(slots=True)
class Report:
    """What was looked at and every problem found; orphans are files no row speaks of, and harmless."""

    seals: int = 0
    events: int = 0
    unsealed: int = 0
    chain_head: str = ""
    files: int = 0
    bytes: int = 0
    rows: int = 0
    row_bytes: int = 0
    orphans: int = 0
    totals: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {**asdict(self), "sound": not self.problems}

    def as_text(self) -> str:
        """For people."""
        return "\n".join(
            [
                f"audit    {self.events:,} events under {self.seals:,} seals, {self.unsealed:,} unsealed",
                f"         head of the chain {self.chain_head or 'none'}",
                f"files    {self.files:,} of {self.bytes:,} bytes, {self.orphans:,} that no row speaks of",
                f"rows     {self.rows:,} small files of {self.row_bytes:,} bytes in the database",
                *(f"totals   {line}" for line in self.totals),
                *(f"PROBLEM  {problem}" for problem in self.problems),
                "all is sound" if not self.problems else f"{len(self.problems)} problem(s)",
            ]
        )


def verify(home: Home) -> Report:
    """Audit chain, stored files, mailboxes, records of signatures, and the totals of every account."""
    report = Report()
    chain = verify_chain()
    report.seals, report.events, report.unsealed, report.chain_head = (
        chain.seals, chain.events, chain.unsealed, chain.head
    )  # fmt: skip
    if chain.broken:
        report.problems.append(f"audit: {chain.broken}")
    verify_files(Store(home.store), queries.stored_hashes(), report)
    verify_files(Store(home.documents), casework.stored_documents(), report)
    verify_files(Store(home.mail_in), mails.stored_mails(), report)
    report.rows, report.row_bytes = queries.contents_in_rows()
    report.problems += [f"{what} differs from its hash" for what in queries.damaged_row_contents()]
    report.problems += [f"deposit {deposit} {wrong}" for deposit, wrong in queries.unanswered_stages()]
    keys = signature_records.read_keys(receipts.public_keys(home))
    report.problems += TrustStore(home.trust).problems()
    report.problems += consents.broken_records(keys)
    for problem in _verify_totals(report):
        report.problems.append(problem)
    return report


def verify_files(store: Store, stored: Iterable[tuple[str, int, str]], report: Report) -> None:
    """Every file a row speaks of is there, of the right size and content; each is read once.

    ``stored``: SHA-256, size in bytes and what the row is, for every row that needs a file in ``store``.
    """
    known: dict[str, str | None] = {}
    for sha256, size, what in stored:
        if sha256 not in known:
            known[sha256] = _damage(store, sha256, size, report)
        if known[sha256]:
            report.problems.append(f"{what}: file {sha256} {known[sha256]}")
    orphans = sum(sha256 not in known for sha256 in store.every_hash())
    report.orphans += orphans
    if orphans > _STRAY_FILES and not known:
        # A crash between store and commit leaves a file or two; many, and no other, mean another database.
        report.problems.append(f"{store.folder.name}/ holds {orphans} files and the database knows of none")


def _damage(store: Store, sha256: str, size: int, report: Report) -> str | None:
    try:
        found, found_size = hash_file(store.path(sha256))
    except OSError as error:
        return f"cannot be read ({error.strerror})"
    report.files += 1
    report.bytes += found_size
    if found_size != size:
        return f"has {found_size} bytes instead of {size}"
    return None if found == sha256 else "differs from its hash"


def _verify_totals(report: Report) -> Iterator[str]:
    """The sums of claims and of payments."""
    for app, verify_totals in (("claims", claims.verify_totals), ("payments", payments.verify_totals)):
        problems = verify_totals()
        report.totals.append(f"{app}: {len(problems)} problem(s)" if problems else f"{app}: all sums tie")
        yield from (f"{app}: {problem}" for problem in problems)
