from gitops.core.health.aggregate import culprit
from gitops.model.health import Health, HealthStatus
from gitops.model.objects import ObjectId

WEB, DB = (ObjectId("apps", "Deployment", "shop", name) for name in ("web", "db"))
FINE, BROKEN = Health(HealthStatus.HEALTHY), Health(HealthStatus.DEGRADED, "crashed")


def test_the_object_that_makes_an_application_unhealthy_is_told() -> None:
    assert culprit([(DB, FINE), (WEB, BROKEN)]) == WEB


def test_among_equals_the_first_by_identity_is_told() -> None:
    assert culprit([(WEB, BROKEN), (DB, BROKEN)]) == DB


def test_nothing_is_told_where_no_object_has_a_health() -> None:
    assert culprit([]) is None
