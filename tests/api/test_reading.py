"""What the API tells of an application with two revisions."""

import base64
import json
import re
from typing import Any

import httpx
import pytest

from tests.api.conftest import PLANTED, Shop


def body(answer: httpx.Response, status: int = 200) -> Any:
    assert answer.status_code == status, answer.text
    return answer.json()


def test_a_list_tells_how_each_stands(shop: Shop) -> None:
    [one] = body(shop.api.get("/applications"))
    assert (one["name"], one["sync"], one["health"]["status"]) == ("shop", "Synced", "Healthy")
    assert (one["revision"], one["commit"]["sha"]) == (2, shop.second)
    assert one["sources"] == [
        {"repoURL": shop.world.repo.url, "path": "app", "targetRevision": "main"}
    ]
    assert one["destination"] == {"name": "in-cluster", "namespace": "shop"}
    assert "objects" not in one


def test_a_status_tells_of_each_object(shop: Shop) -> None:
    status = body(shop.api.get("/applications/shop"))
    found = {(o["kind"], o["name"]): (o["sync"], o["health"]["status"]) for o in status["objects"]}
    assert found == {
        ("ConfigMap", "words"): ("Synced", None),
        ("Secret", "keys"): ("Synced", None),
        ("Deployment", "web"): ("Synced", "Healthy"),
    }


def test_history_is_newest_first_and_pages(shop: Shop) -> None:
    rows = body(shop.api.get("/applications/shop/revisions"))
    assert [(r["number"], r["kind"], r["state"], r["commit"]) for r in rows] == [
        (2, "sync", "succeeded", shop.second),
        (1, "sync", "succeeded", shop.first),
    ]
    for query, numbers in (({"limit": 1}, [2]), ({"before": 2}, [1]), ({"before": 1}, [])):
        found = body(shop.api.get("/applications/shop/revisions", **query))
        assert [row["number"] for row in found] == numbers


def test_a_revision_tells_outcomes_commit_and_plan(shop: Shop) -> None:
    path = "/applications/shop/revisions/2"
    revision = body(shop.api.get(path))
    assert revision["commitDetails"]["message"].strip() == "Scale the shop"
    [web] = [o for o in revision["outcomes"] if o["kind"] == "Deployment"]
    assert (web["action"], web["outcome"]) == ("scale", "configured")
    plan = body(shop.api.get(f"{path}/plan"))
    [scaled] = [a for a in plan["actions"] if a["action"] == "scale"]
    assert scaled["fields"][0] | {"owner": ""} == {
        "path": "/spec/replicas", "op": "replace", "from": 1, "to": 3, "owner": "",
    }  # fmt: skip


def test_manifests_are_as_they_were_desired_and_masked(shop: Shop) -> None:
    found = body(shop.api.get("/applications/shop/revisions/1/manifests"))
    by_kind = {one["kind"]: one for one in found}
    assert by_kind["Deployment"]["spec"]["replicas"] == 1
    masked = by_kind["Secret"]["stringData"]["password"]
    assert masked
    assert PLANTED not in masked


def test_two_revisions_are_compared_both_ways(shop: Shop) -> None:
    path = "/applications/shop/revisions"
    [there] = body(shop.api.get(f"{path}/1/diff", to=2))
    assert (there["action"], there["changes"][0].split()[-1]) == ("scale", "1→3")
    [back] = body(shop.api.get(f"{path}/2/diff", to=1))
    assert back["changes"][0].split()[-1] == "3→1"
    assert body(shop.api.get(f"{path}/2/diff", to=2)) == []


def test_a_plan_without_changes_is_empty(shop: Shop) -> None:
    plan = body(shop.api.get("/applications/shop/plan"))
    assert {action["action"] for action in plan["actions"]} == {"none"}
    assert (plan["held"], plan["waits"], plan["faults"]) == (None, False, [])
    assert re.fullmatch("[0-9a-f]{64}", plan["planDigest"])


def test_a_plan_for_another_commit_shows_the_way_back(shop: Shop) -> None:
    plan = body(shop.api.get("/applications/shop/plan", commit=shop.first[:10]))
    assert plan["commit"] == shop.first
    assert [a["changes"][0].split()[-1] for a in plan["actions"] if a["action"] == "scale"] == [
        "3→1"
    ]


def test_an_application_that_is_not_registered_can_be_planned(shop: Shop) -> None:
    text = shop.world.application("other")
    answer = shop.api.http.post("/api/v1/plan", content=text, params={"where": "other.yaml"})
    plan = body(answer)
    assert plan["application"] == "other"
    assert plan["faults"], "objects of another application are refused"


def test_a_dry_run_is_the_plan_of_the_chosen_objects(shop: Shop) -> None:
    order = {"dryRun": True, "commit": shop.first, "resources": ["apps:deployment:web"]}
    plan = body(shop.api.post("/applications/shop/sync", order))
    assert [(a["kind"], a["action"]) for a in plan["actions"]] == [("Deployment", "scale")]


def test_the_trail_is_listed_filtered_and_exported(shop: Shop) -> None:
    records = body(shop.api.get("/audit", application="shop"))
    assert [r["sequence"] for r in records] == sorted(
        (r["sequence"] for r in records), reverse=True
    )
    about = body(shop.api.get("/audit", object="Deployment shop/web", outcome="configured"))
    assert [r["revision"] for r in about] == [2]
    assert len(body(shop.api.get("/audit", limit=1))) == 1
    assert body(shop.api.get("/audit", until="2001-01-01T00:00:00Z")) == []
    assert body(shop.api.get("/audit", actor="nobody")) == []
    lines = shop.api.http.get(
        "/api/v1/audit", params={"order": "oldest"}, headers={"Accept": "application/x-ndjson"}
    )
    exported = [json.loads(line) for line in lines.text.splitlines()]
    assert [r["sequence"] for r in exported] == list(range(1, len(exported) + 1))


def test_the_trail_is_verified_against_a_head(shop: Shop) -> None:
    verdict = body(shop.api.get("/audit/verify"))
    assert verdict["faults"] == []
    assert body(shop.api.get("/audit/verify", head=verdict["head"]))["faults"] == []
    wrong = f"{verdict['records']}:{'0' * 64}"
    assert body(shop.api.get("/audit/verify", head=wrong))["faults"]


def test_versions_name_tools_and_cluster(shop: Shop) -> None:
    versions = body(shop.api.get("/version"))
    assert versions["kubernetes"].startswith("v1.")
    assert versions["gitops"]


def test_the_page_of_routes_lists_each(shop: Shop) -> None:
    page = shop.api.http.get("/docs").text
    assert shop.api.http.get("/").text == page
    for path in body(shop.api.http.get("/openapi.json"))["paths"]:
        assert f"<code>{path}</code>" in page


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/applications/nix", 404, "not-found"),
        ("/applications/nix/plan", 404, "not-found"),
        ("/applications/nix/events", 404, "not-found"),
        ("/applications/nix/revisions", 404, "not-found"),
        ("/applications/shop/revisions/99", 404, "not-found"),
        ("/applications/shop/revisions/99/plan", 404, "not-found"),
        ("/applications/shop/revisions/1/diff?to=99", 404, "not-found"),
        ("/applications/shop/revisions/0", 400, "usage"),
        ("/applications/shop/revisions/x", 400, "usage"),
        ("/applications/shop/revisions?limit=0", 400, "usage"),
        ("/applications/shop/plan?commit=nix", 422, "source"),
        ("/audit?since=yesterday", 400, "invalid"),
        ("/audit?colour=red", 400, "usage"),
        ("/audit/verify?head=x", 400, "invalid"),
        ("/nowhere", 404, "not-found"),
    ],
)
def test_what_cannot_be_told_is_one_sentence(shop: Shop, path: str, status: int, code: str) -> None:
    error = body(shop.api.get(path), status)["error"]
    assert error["code"] == code
    assert error["message"]
    assert set(error) == {"code", "message", "where", "remedy"}
    assert "Traceback" not in json.dumps(error)


def spread(path: str) -> list[str]:
    """A route's path with every place filled in by what there is."""
    filled = path.replace("{name}", "shop")
    return [filled.replace("{number}", number) for number in ("1", "2")]


def test_no_route_returns_a_planted_secret(shop: Shop) -> None:
    forms = [PLANTED, base64.b64encode(PLANTED.encode()).decode(), PLANTED[3:20]]
    specification = body(shop.api.http.get("/openapi.json"))
    asked = 0
    for path, methods in specification["paths"].items():
        for place in {one for one in spread(path) if "get" in methods}:
            queries: list[dict[str, str]] = [{}, {"to": "2"}, {"to": "1"}, {"commit": shop.first}]
            for query in queries:
                answer = shop.api.http.get(place, params=query)
                asked += 1
                assert not [form for form in forms if form in answer.text], (place, query)
    assert asked > 60
    planned = shop.api.http.post("/api/v1/plan", content=shop.world.application("other"))
    assert not [form for form in forms if form in planned.text]
