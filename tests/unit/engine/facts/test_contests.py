"""Who wants what another application holds."""

from gitops.engine.facts.contests import Contests
from tests.helpers.values import deployment

WEB, API = deployment("web"), deployment("api")


def test_what_is_wanted_of_a_holder_is_known_until_it_is_noted_anew() -> None:
    contests = Contests()
    contests.note("shop", {WEB: "blog", API: "wiki"})
    contests.note("mail", {WEB: "blog"})
    assert contests.of("blog") == {WEB: "mail"}, "the first by name"
    assert contests.of("wiki") == {API: "shop"}
    assert contests.of("shop") == {}
    assert contests.wanting("blog", [WEB, API]) == {"shop", "mail"}
    assert contests.wanting("blog", [API]) == set()
    contests.note("mail", {})
    assert contests.of("blog") == {WEB: "shop"}
    contests.note("shop", {API: "wiki"})
    assert contests.of("blog") == {}
    assert contests.wanting("blog", [WEB]) == set()
