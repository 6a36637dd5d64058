"""The pure part both parties run before anything is decided: identify, validate, read and check a file."""

from collections.abc import Buffer
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import date
from hashlib import sha256

from caisse.agreement.errors import InvalidFileName, UnknownLayout
from caisse.agreement.findings import Finding, findings_from_frame, is_refused
from caisse.agreement.layouts import catalogue, names
from caisse.agreement.layouts.catalogue import Layout
from caisse.agreement.layouts.chunks import Reopen
from caisse.agreement.layouts.names import FileName
from caisse.agreement.layouts.reading import Document, read
from caisse.agreement.layouts.validation import LIMITS, Limits, declared_type
from caisse.agreement.rules.batch import Batch
from caisse.agreement.rules.file_checks import check_file


@dataclass(frozen=True, slots=True)
class Examination:
    """What is known about one file; ``document`` is None when it could not be read, ``size`` is bytes."""

    name: str
    parsed_name: FileName | None
    layout: Layout | None
    document: Document | None
    findings: tuple[Finding, ...]
    sha256: str
    size: int

    @property
    def conform(self) -> bool:
        """True when the file can be judged: it was read and no finding is an error."""
        return self.document is not None and not is_refused(self.findings)


def examine_file(
    name: str,
    content: Buffer,
    *,
    on: date,
    provider: int | None = None,
    executor: Executor | None = None,
    limits: Limits = LIMITS,
    known_sha256: str | None = None,
    reopen: Reopen | None = None,
) -> Examination:
    """Examine a file as if deposited on the day ``on``; wrong content is a finding, never an error.

    ``provider`` is the code of the account that deposits, when there is one; ``known_sha256`` the content's
    hash when the caller has it already, ``reopen`` how the executor's processes get the content themselves.
    """
    view = memoryview(content).cast("B")
    digest = known_sha256 or sha256(view).hexdigest()
    parsed, findings = _identify(name, provider)
    layout, layout_findings = _choose_layout(parsed, view, on)
    findings += layout_findings
    document: Document | None = None
    if layout is not None:
        reading = read(view, layout, executor=executor, limits=limits, reopen=reopen)
        document = reading.document
        findings += reading.findings
    if document is not None:
        if parsed is not None:
            findings += _disagreements(parsed, document)
        findings += _checked(document)
    return Examination(name, parsed, layout, document, tuple(findings), digest, len(view))


def _identify(name: str, provider: int | None) -> tuple[FileName | None, list[Finding]]:
    """Steps 1 and 2 of the receiver's check list, as far as the name goes."""
    try:
        parsed = names.parse(name)
    except InvalidFileName:
        return None, [Finding("NAM-001", found=name[:160], expected=names.RULE)]
    findings: list[Finding] = []
    prefix = names.prefix_of(parsed.frame)
    if parsed.prefix != prefix:
        findings.append(Finding("NAM-002", found=parsed.prefix, expected=prefix))
    if provider is not None and parsed.provider != provider:
        findings.append(Finding("PRO-003", found=f"{parsed.provider:08d}", expected=f"{provider:08d}"))
    return parsed, findings


def _choose_layout(
    parsed: FileName | None, view: memoryview, on: date
) -> tuple[Layout | None, list[Finding]]:
    """The layout to read by: the one the content declares, else the one the name claims."""
    declared = declared_type(view)
    claimed = (parsed.frame, parsed.type, parsed.layout) if parsed else None
    layout = _published(declared) or _published(claimed)
    if layout is None:
        wanted = claimed or declared
        found = f"{wanted[0]}_{wanted[1]}_{wanted[2]:03d}" if wanted else None
        follows = None if parsed else "NAM-001"
        return None, [Finding("LAY-001", found=found, expected=_known(on), follows=follows)]
    if not layout.in_force(on):
        until = f", until {layout.accepted_until}" if layout.accepted_until else ""
        period = f"{layout.label} from {layout.accepted_from}{until}"
        return layout, [Finding("LAY-002", found=f"{layout.label} on {on}", expected=period)]
    return layout, []


def _published(key: tuple[str, str, int] | None) -> Layout | None:
    try:
        return None if key is None else catalogue.find(*key)
    except UnknownLayout:
        return None


def _known(on: date) -> str:
    return ", ".join(
        layout.label
        for layout in catalogue.all_layouts()
        if layout.direction == "request" and layout.in_force(on)
    )


def _disagreements(parsed: FileName, document: Document) -> list[Finding]:
    """The same facts stand in the name and in the file: one finding for each that differs."""
    header = document.header
    pairs = {
        "provider": (parsed.provider, header.get("billing_provider")),
        "year": (parsed.year, header.get("year")),
        "number": (parsed.number, header.get("number")),
        "frame": (parsed.frame, header.get("frame")),
        "type": (parsed.type, header.get("type")),
        "layout": (parsed.layout, header.get("layout")),
    }
    return [
        Finding(
            "NAM-003", found=f"{part}: {inside} in the file", expected=f"{part}: {outside}, as in the name"
        )
        for part, (outside, inside) in pairs.items()
        if inside is not None and inside != outside
    ]


def _checked(document: Document) -> tuple[Finding, ...]:
    """The file-level checks, for the files that ask for something."""
    if document.layout.direction != "request":
        return ()
    batch = Batch(document.header, document.tables["invoices"], document.tables["lines"])
    return findings_from_frame(check_file(batch))
