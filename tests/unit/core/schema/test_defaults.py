from gitops.core.schema.defaults import filled
from gitops.openapi.loader import load_builtin

SERVICE = load_builtin().kind("v1", "Service").root.child("spec")


def test_a_new_value_gets_its_plain_defaults_at_every_depth() -> None:
    made = filled({"ports": [{"port": 80}, {"port": 81, "protocol": "UDP"}]}, SERVICE)
    assert made["ports"] == [{"port": 80, "protocol": "TCP"}, {"port": 81, "protocol": "UDP"}]
