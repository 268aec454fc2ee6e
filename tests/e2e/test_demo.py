"""`gitops demo`, as a newcomer runs it: one command, then commits, mistakes and hand-made changes.

The folder has a space in its name and PATH holds nothing but the system's own programs.
"""

import json
import signal
import socket
import stat
from collections.abc import Iterator

import httpx
import pytest

from tests.helpers.controlplane import eventually
from tests.helpers.demo import DemoRun
from tests.helpers.waiting import WAIT_S
from tests.helpers.webhooks import GITHUB_PUSH, sign

pytestmark = pytest.mark.xdist_group("demo")

EXAMPLES = {
    "examples",
    "ingress-nginx",
    "kubernetes-bootcamp",
    "kubia",
    "myblog",
    "mysql",
    "tomcat",
    "two-pods",
    "workloads",
}
PRODUCTION = "kubernetes-bootcamp/overlays/production/kustomization.yaml"


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DemoRun]:
    """One that runs in the foreground, for tests that leave it running."""
    run = DemoRun(tmp_path_factory.mktemp("demo") / "my shop")
    try:
        run.start()
        yield run
    finally:
        run.purge()


@pytest.fixture
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DemoRun]:
    """One that a test starts and stops itself."""
    run = DemoRun(tmp_path_factory.mktemp("demo") / "a b")
    run.folder.mkdir()
    try:
        yield run
    finally:
        run.purge()


def as_github(demo: DemoRun) -> httpx.Response:
    """Tell the demo of a push to its repository, as GitHub does."""
    facts = demo.facts
    repository = {"clone_url": f"file://{facts['remote']}"}
    body = json.dumps(GITHUB_PUSH | {"repository": repository}).encode()
    headers = {
        "X-GitHub-Event": "push",
        "X-Hub-Signature-256": f"sha256={sign(facts['webhookSecret'], body)}",
        "Content-Type": "application/json",
    }
    url = f"{facts['url']}/api/webhook"
    return httpx.post(url, content=body, headers=headers, timeout=WAIT_S)


def test_every_example_runs_and_the_last_line_is_the_address(demo: DemoRun) -> None:
    assert demo.lines[-1] == f"ready {demo.facts['url']}"
    assert {each["name"] for each in demo.json("list")} == EXAMPLES
    assert "9 of 9 applications are synced and healthy" in demo.errors


def test_demo_json_is_for_its_owner_and_every_place_in_it_exists(demo: DemoRun) -> None:
    facts = demo.facts
    for name in ("demo.json", "gitops.yaml", "kubeconfig"):
        assert stat.S_IMODE((demo.directory / name).stat().st_mode) == 0o600
    assert facts["remote"] == str(demo.directory / "remote.git")
    assert facts["work"] == str(demo.directory / "work")
    assert facts["kubeconfig"] == str(demo.directory / "kubeconfig")
    assert len(facts["webhookSecret"]) >= 32
    assert demo.git("log", "--format=%an %s", "-1", "--reverse").startswith("Demo ")


def test_a_push_scales_at_once_by_the_signed_webhook(demo: DemoRun) -> None:
    commit = demo.push("kubia/replicationcontroller.yaml", "replicas: 1 ", "replicas: 3 ")
    revision = demo.wait_for_revision("kubia", kind="sync", trigger="webhook")
    assert revision["commit"] == commit
    assert revision["state"] == "succeeded"
    demo.kubectl.wait("jsonpath={.status.readyReplicas}=3", "rc/kubia")


def test_a_poll_hardly_ever_finds_a_push_before_its_webhook_comes(demo: DemoRun) -> None:
    assert "pollInterval: 15m\n" in (demo.directory / "gitops.yaml").read_text()


def test_an_image_that_cannot_be_pulled_goes_back_by_itself(demo: DemoRun) -> None:
    bad = demo.push(PRODUCTION, "newTag: v1", "newTag: v3-pull-error")
    failed = demo.wait_for_revision("kubernetes-bootcamp", kind="sync", state="failed")
    assert failed["commit"] == bad
    back = demo.wait_for_revision("kubernetes-bootcamp", kind="rollback")
    assert (back["state"], back["trigger"], back["source"]) == ("succeeded", "health", 1)
    image = "jsonpath={.spec.template.spec.containers[0].image}"
    assert demo.kubectl("get", "deployment", "kubernetes-bootcamp", "-o", image).endswith(":v1")


def test_what_is_scaled_by_hand_is_healed(demo: DemoRun) -> None:
    demo.kubectl("scale", "rc", "mytomcat", "--replicas=4")
    revision = demo.wait_for_revision("tomcat", kind="heal")
    assert revision["trigger"] == "drift"
    demo.kubectl.wait("jsonpath={.spec.replicas}=2", "rc/mytomcat")


def test_a_second_start_says_that_it_runs_and_where(demo: DemoRun) -> None:
    answer = demo.gitops("demo")
    assert answer.returncode == 1
    assert f"the demo already runs at {demo.facts['url']}" in answer.stderr
    assert "gitops demo stop --directory" in answer.stderr


def test_a_port_in_use_is_one_sentence_and_leaves_nothing_running(own: DemoRun) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        answer = own.gitops("demo", "--port", str(port))
    assert answer.returncode == 1
    assert f"127.0.0.1:{port}: port {port} is in use; choose another" in answer.stderr
    assert own.processes() == []


def test_a_folder_with_something_else_is_left_alone(own: DemoRun) -> None:
    own.directory.mkdir()
    (own.directory / "thesis.txt").write_text("mine")
    answer = own.gitops("demo")
    assert answer.returncode == 1
    assert "the directory holds something that is not a demo's" in answer.stderr
    assert own.gitops("demo", "stop", "--purge").returncode == 0
    assert (own.directory / "thesis.txt").read_text() == "mine"


def test_it_stops_by_ctrl_c_starts_again_where_it_was_and_survives_no_crash(own: DemoRun) -> None:
    own.start()
    first = own.facts
    own.push("kubia/replicationcontroller.yaml", "replicas: 1 ", "replicas: 2 ")
    own.wait_for_revision("kubia", trigger="webhook")
    assert own.end(signal.SIGINT) == 0
    assert own.processes() == []

    own.start("--no-webhook")
    assert own.facts == first
    assert not (own.directory / "remote.git" / "hooks" / "post-receive").exists()
    assert "pollInterval: 60s\n" in (own.directory / "gitops.yaml").read_text()
    assert own.json("history", "kubia")[0]["number"] == 2
    own.kubectl.wait("jsonpath={.status.readyReplicas}=2", "rc/kubia")
    own.push("kubia/replicationcontroller.yaml", "replicas: 2 ", "replicas: 3 ")
    assert as_github(own).status_code == 202
    assert own.wait_for_revision("kubia", trigger="webhook", number=3)["actor"] == "octocat"
    assert own.end(signal.SIGKILL) == -signal.SIGKILL
    eventually(lambda: own.processes() == [], "the end of what the demo started")


def test_detached_it_stays_until_it_is_stopped(own: DemoRun) -> None:
    started = own.gitops("demo", "--detach")
    assert started.returncode == 0, started.stderr
    assert started.stdout.splitlines()[-1] == f"ready {own.facts['url']}"
    assert len(own.json("list")) == len(EXAMPLES)
    assert own.processes() != []
    stopped = own.gitops("demo", "stop", "--purge")
    assert stopped.stdout == "stopped in .gitops-demo, and the directory is removed\n"
    assert own.processes() == []
    assert not own.directory.exists()
    assert own.gitops("demo", "stop").stdout == "nothing runs in .gitops-demo\n"
