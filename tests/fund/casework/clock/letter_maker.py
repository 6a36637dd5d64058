"""Makes every letter that waits, in a process of its own: a fork has none of the typesetter's threads, and would hang.

Says "ready" before the first, so that it is killed at work and not while Python starts.
"""

import django

if __name__ == "__main__":
    django.setup()
    from tests.fund.casework.clock import year

    print("ready", flush=True)
    year.make_all_letters()
