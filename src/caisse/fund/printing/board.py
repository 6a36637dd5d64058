"""From the data of a Board session to the pages of its agenda or its minutes."""

from caisse.fund.printing import sessions
from caisse.fund.printing.blocks import Block, heading, paragraphs, table, values
from caisse.fund.printing.composing import Composed
from caisse.fund.printing.wording import Wording


def agenda(session: sessions.BoardAgenda, say: Wording) -> Composed:
    columns = [say(f"board_agenda.{name}") for name in ("number", "case", "request", "proposal")]
    rows = [
        (str(number), item.case, _asked(item.applicant, item.request), _text(item.proposal, item.summary))
        for number, item in enumerate(session.items, 1)
    ]
    blocks = [
        _session(session, say),
        heading(say("board_agenda.items")),
        *_listed(columns, rows, say("board_agenda.none")),
    ]
    return Composed(say("board_agenda.subject"), [*blocks, *paragraphs(say("board_agenda.confidential"))])


def minutes(session: sessions.BoardMinutes, say: Wording) -> Composed:
    columns = [say(f"board_agenda.{name}") for name in ("number", "case", "request")]
    rows = [
        (
            str(number),
            item.case,
            _asked(item.applicant, item.request),
            _text(say(f"board_minutes.{item.outcome}"), item.grounds),
        )
        for number, item in enumerate(session.items, 1)
    ]
    attendance = values(
        [
            (say("board_minutes.chair"), session.chair),
            (say("board_minutes.present"), session.present),
            (say("board_minutes.excused"), session.excused),
        ]
    )
    blocks = [
        _session(session, say),
        attendance,
        heading(say("board_minutes.items")),
        *_listed([*columns, say("board_minutes.outcome")], rows, say("board_minutes.none")),
        *paragraphs(say("board_agenda.confidential")),
        {
            "kind": "signatures",
            "title": say("board_minutes.signatures"),
            "who": [say("board_minutes.the_chair"), say("board_minutes.the_secretary")],
        },
    ]
    return Composed(say("board_minutes.subject"), blocks)


def _session(session: sessions.Session, say: Wording) -> Block:
    return values(
        [
            (say("board_agenda.session"), session.number),
            (say("board_agenda.day"), say.day(session.held_on)),
            (say("board_agenda.time"), session.time),
            (say("board_agenda.place"), session.place),
        ]
    )


def _listed(columns: list[str], rows: list[tuple[str, ...]], nothing: str) -> list[Block]:
    return [table(columns, rows, widths=(1, 3, 7, 7))] if rows else paragraphs(nothing)


def _asked(applicant: str, request: str) -> str:
    return f"{' '.join(applicant.split())}\n{request}"


def _text(first: str, more: str) -> str:
    return f"{first}\n{more}"
