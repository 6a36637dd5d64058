from tests.fund.claims.conftest import fund, keepers, other_laboratory

__all__ = ["fund", "keepers", "other_laboratory"]
