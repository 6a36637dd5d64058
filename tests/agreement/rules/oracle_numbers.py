"""Days and check digits as the oracle reckons them: from their definitions, sharing nothing with the package."""

from calendar import monthrange
from datetime import date, timedelta


def months_later(day: date, months: int) -> date:
    """The day after the deadline: the last day that counts has the same number as ``day``."""
    year, month = day.year + (day.month - 1 + months) // 12, (day.month - 1 + months) % 12 + 1
    return date(year, month, min(day.day, monthrange(year, month)[1])) + timedelta(days=1)


def holds(day: date, start: date, end: date | None) -> bool:
    return start <= day and (end is None or day < end)


def luhn(eleven: str) -> int:
    total = 0
    for place, digit in enumerate(reversed(eleven)):
        doubled = int(digit) * 2 if place % 2 == 0 else int(digit)
        total += doubled - 9 if doubled > 9 else doubled
    return -total % 10


def verhoeff(eleven: str) -> int:
    """The check digit, by the symmetries of a pentagon: 0-4 turn, 5-9 turn and flip."""

    def after(first: int, second: int) -> int:
        turn, flip = first % 5, first >= 5
        moved = (turn - second % 5) if flip else (turn + second % 5)
        return moved % 5 + (5 if flip != (second >= 5) else 0)

    permute = [1, 5, 7, 6, 2, 8, 3, 0, 9, 4]
    check = 0
    for place, digit in enumerate(reversed(eleven), start=1):
        value = int(digit)
        for _ in range(place % 8):
            value = permute[value]
        check = after(check, value)
    return next(digit for digit in range(10) if after(check, digit) == 0)


def right_provider(code: int) -> bool:
    return 10_000_000 <= code <= 99_999_999 and code // 100 % 97 == code % 100


def number_faults(number: int) -> list[str]:
    """PER-001, PER-002, PER-003 as far as they hold."""
    text = str(number)
    if len(text) != 13 or number < 0:
        return ["PER-001"]
    year, month, day = int(text[:4]), int(text[4:6]), int(text[6:8])
    exists = month <= 12 and day <= (31 if month == 0 else monthrange(year, month)[1])
    faults = [] if exists else ["PER-001"]
    if int(text[11]) != luhn(text[:11]):
        faults.append("PER-002")
    if int(text[12]) != verhoeff(text[:11]):
        faults.append("PER-003")
    return faults
