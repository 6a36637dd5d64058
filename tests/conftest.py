"""For all tests: what Hypothesis tries. No time is asserted, its own limits of time included.

`make test` tries the same examples each time; `make soak` tries new ones (`--hypothesis-profile=explore`).
"""

from hypothesis import HealthCheck, settings

settings.register_profile("explore", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("same", settings.get_profile("explore"), derandomize=True)
settings.load_profile("same")
