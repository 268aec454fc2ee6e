"""Resource actions on the real control plane: what they write, what stays, and what is refused."""

import base64
from pathlib import Path
from typing import Any

import pytest
import yaml

from gitops.controlplane.processes import ControlPlane
from gitops.core.actions.built_in import RESTARTED_AT
from gitops.errors import ConflictError, InputError, NotFoundError
from gitops.model.acting import Wish
from gitops.model.events import Event
from gitops.model.health import HealthStatus
from gitops.model.revision import OutcomeKind, RecordKind, Revision, RevisionKind, RevisionState
from gitops.ports import Patch, TrailQuery
from tests.helpers.controlplane import Kubectl
from tests.helpers.edge import scalable
from tests.helpers.outage import Outage
from tests.helpers.service import BY_HAND, config_map, deployment, start_world
from tests.helpers.walk import Walk, changes

WITHOUT_REPLICAS = deployment().replace("  replicas: 1\n", "")
CRON_JOB = """\
apiVersion: batch/v1
kind: CronJob
metadata: {name: nightly}
spec:
  schedule: "0 3 * * *"
  jobTemplate:
    metadata: {labels: {part: nightly}}
    spec:
      template:
        spec:
          restartPolicy: Never
          containers: [{name: dump, image: "registry.example/dump:v1"}]
"""
JOB = """\
apiVersion: batch/v1
kind: Job
metadata: {name: migrate}
spec:
  template:
    spec:
      restartPolicy: Never
      containers: [{name: migrate, image: "registry.example/migrate:v1"}]
"""
TEMPLATE_NOTE = ".spec.template.metadata.annotations"


def start(walk: Walk, *texts: str, **spec: Any) -> None:
    """Push an application with these manifests and wait until it stands."""
    walk.world.push("app/all.yaml", "---\n".join(texts))
    walk.world.declare(**spec)
    walk.settled("demo")


def ask(walk: Walk, action: str, named: str, **params: str) -> Event:
    """Run an action and wait for its end."""
    after = walk.service.events.newest
    ticket = walk.service.act("demo", Wish(action, named, "", params), BY_HAND)
    done = walk.service.outcome_of("demo", ticket, after, 60)
    assert done is not None, walk.world.story()
    return done


def run(walk: Walk, action: str, named: str, **params: str) -> Revision:
    """Run an action; its revision."""
    done = ask(walk, action, named, **params)
    assert done.revision is not None, done
    return walk.service.reading.revision("demo", done.revision)


def refused(walk: Walk) -> list[tuple[str, str, str]]:
    """Actor, what, and why of everything that the trail tells as refused, newest first."""
    records = walk.service.reading.trail(TrailQuery("demo", kind=RecordKind.REFUSED))
    return [(r.actor, r.payload["what"], r.payload["message"]) for r in records]


def let_no_more_pods_in(walk: Walk) -> None:
    """A quota that the one pod there is uses up; it holds once it was counted."""
    within = ("-n", walk.namespace)
    walk.kubectl(*within, "create", "quota", "none", "--hard=pods=1")
    walk.kubectl.wait("jsonpath={.status.used.pods}=1", *within, "quota/none")


def test_a_restart_renews_the_pods_and_is_no_drift(walk: Walk) -> None:
    start(walk, deployment())
    before = walk.get("deployment/web", ".status.observedGeneration")
    revision = run(walk, "restart", "deployment/web")
    assert (revision.kind, revision.state) == (RevisionKind.ACTION, RevisionState.SUCCEEDED)
    assert revision.healthy
    assert revision.message == f"restart Deployment {walk.namespace}/web"
    assert (revision.trigger.actor, revision.digest, revision.manifests) == (
        BY_HAND.actor,
        "",
        None,
    )
    (outcome,) = revision.outcomes
    assert (outcome.action, outcome.outcome) == ("restart", OutcomeKind.CONFIGURED)
    assert RESTARTED_AT in outcome.changes[0]
    assert int(walk.get("deployment/web", ".status.observedGeneration")) > int(before)
    stamp = walk.get("deployment/web", f"{TEMPLATE_NOTE}.kubectl\\.kubernetes\\.io/restartedAt")
    assert stamp.endswith("Z")

    assert walk.at_rest("demo").sync == "Synced"
    assert walk.kinds("demo") == [RevisionKind.SYNC, RevisionKind.ACTION]
    walk.world.push("app/all.yaml", deployment(image="registry.example/web:v2"))
    walk.poll()
    assert walk.world.closed(number=3).state is RevisionState.SUCCEEDED
    kept = walk.get("deployment/web", f"{TEMPLATE_NOTE}.kubectl\\.kubernetes\\.io/restartedAt")
    assert kept == stamp
    assert walk.service.reading.verify(None).faults == ()


def test_what_an_action_records_is_no_place_to_go_back_to(walk: Walk) -> None:
    start(walk, deployment())
    run(walk, "restart", "deploy/web")
    done = walk.rollback("demo", 2)
    assert (
        done.data["error"]["message"] == "revision 2 keeps no manifests: nothing was desired by it"
    )
    done = walk.rollback("demo")
    assert "no earlier healthy revision" in done.data["error"]["message"]
    assert walk.world.sync().message == "already synced at revision 2"


def test_replicas_that_git_leaves_out_are_scaled_and_stay(walk: Walk) -> None:
    start(walk, WITHOUT_REPLICAS)
    revision = run(walk, "scale", "deployments.apps/web", replicas="3")
    assert changes(revision) == ["scale web 1→3"]
    assert revision.message == f"scale Deployment {walk.namespace}/web with replicas=3"
    assert revision.summary == {"scale": 1}
    walk.settled("demo")
    assert walk.get("deployment/web", ".status.readyReplicas") == "3"
    again = ask(walk, "scale", "deployment/web", replicas="3")
    assert (again.revision, again.data["state"]) == (None, "unchanged")
    walk.world.push("app/all.yaml", WITHOUT_REPLICAS.replace("web:v1", "web:v2"))
    walk.poll()
    walk.world.closed(number=3)
    assert walk.get("deployment/web", ".spec.replicas") == "3"


def test_replicas_that_git_states_are_refused_and_the_trail_says_so(walk: Walk) -> None:
    start(walk, deployment(replicas=2))
    with pytest.raises(ConflictError, match=r"changes spec\.replicas, which Git states") as error:
        ask(walk, "scale", "deployment/web", replicas="5")
    assert "change it in Git" in str(error.value)
    actor, what, why = refused(walk)[0]
    assert (actor, what) == (BY_HAND.actor, "action scale deployment/web with replicas=5")
    assert "which Git states" in why
    assert walk.kinds("demo") == [RevisionKind.SYNC]
    assert walk.get("deployment/web", ".spec.replicas") == "2"


@pytest.mark.parametrize(
    "spec",
    [
        {"syncPolicy": {"drift": "report"}},
        {"ignoreDifferences": [{"group": "apps", "kind": "*", "jsonPointers": ["/spec/replicas"]}]},
    ],
)
def test_what_nothing_sets_back_may_be_changed_also_where_git_states_it(
    walk: Walk, spec: dict[str, Any]
) -> None:
    start(walk, deployment(replicas=2), **spec)
    revision = run(walk, "scale", "deployment/web", replicas="4")
    assert revision.state is RevisionState.SUCCEEDED
    walk.at_rest("demo")
    assert walk.get("deployment/web", ".spec.replicas") == "4"
    assert walk.kinds("demo") == [RevisionKind.SYNC, RevisionKind.ACTION]
    differs = "it differs from Git in spec.replicas until the next sync" in revision.message
    assert differs is ("syncPolicy" in spec)


def test_a_suspended_application_lets_git_be_overruled(walk: Walk) -> None:
    start(walk, deployment(replicas=2))
    walk.service.suspend("demo", BY_HAND, suspended=True)
    run(walk, "scale", "deployment/web", replicas="4")
    walk.at_rest("demo")
    assert walk.get("deployment/web", ".spec.replicas") == "4"
    heal = walk.after("demo", lambda: walk.service.suspend("demo", BY_HAND, suspended=False))
    assert heal.kind is RevisionKind.HEAL
    assert walk.get("deployment/web", ".spec.replicas") == "2"


def test_a_deployment_is_paused_and_resumed(walk: Walk) -> None:
    start(walk, deployment())
    run(walk, "pause", "deployment/web")
    assert walk.get("deployment/web", ".spec.paused") == "true"
    with pytest.raises(ConflictError, match="it is paused, and a rollout would wait"):
        ask(walk, "restart", "deployment/web")
    with pytest.raises(ConflictError, match="it is paused already"):
        ask(walk, "pause", "deployment/web")
    run(walk, "resume", "deployment/web")
    assert walk.get("deployment/web", ".spec.paused") == ""
    assert walk.settled("demo").sync == "Synced"


def test_a_cron_job_is_suspended_and_run_once_by_hand(walk: Walk) -> None:
    start(walk, CRON_JOB)
    assert changes(run(walk, "suspend", "cronjob/nightly")) == ["configure 1 field: spec.suspend"]
    assert walk.get("cronjob/nightly", ".spec.suspend") == "true"
    revision = run(walk, "create-job", "cj/nightly")
    (outcome,) = revision.outcomes
    assert (outcome.id.kind, outcome.outcome) == ("Job", OutcomeKind.CREATED)
    job = walk.live(f"job/{outcome.id.name}")
    assert job["metadata"]["annotations"]["cronjob.kubernetes.io/instantiate"] == "manual"
    assert job["metadata"]["labels"]["part"] == "nightly"
    assert job["metadata"]["ownerReferences"][0]["name"] == "nightly"
    run(walk, "resume", "cronjob/nightly")
    assert walk.get("cronjob/nightly", ".spec.suspend") == "false"
    assert walk.settled("demo").sync == "Synced"
    assert [o.id.kind for o in walk.world.status().objects] == ["CronJob"]


def test_a_job_is_suspended_resumed_and_terminated(walk: Walk) -> None:
    walk.world.push("app/all.yaml", JOB.replace("migrate:v1", "migrate:pull-error"))
    walk.world.declare(syncPolicy={"healthDeadline": "1s", "retry": {"limit": 0}})
    walk.world.closed()
    walk.at_rest("demo")
    run(walk, "suspend", "job/migrate")
    walk.kubectl.wait("condition=Suspended", "-n", walk.namespace, "job/migrate")
    assert walk.get("job/migrate", ".spec.suspend") == "true"
    resumed = ask(walk, "resume", "jobs.batch/migrate")
    assert resumed.data["state"] == "failed", "what was Suspended before is no end"
    assert walk.get("job/migrate", ".spec.suspend") == "false"
    ended = run(walk, "terminate", "job/migrate")
    assert ended.state is RevisionState.SUCCEEDED
    assert changes(ended) == ["configure 1 field: status.conditions[1]"]
    status = walk.world.wait_for(
        lambda: (s := walk.world.status()).health.status is HealthStatus.DEGRADED and s, "Failed"
    )
    assert status.objects[0].health.message == "Job was terminated by hand"
    with pytest.raises(ConflictError, match="it has ended"):
        ask(walk, "terminate", "job/migrate")


def test_a_project_limits_what_actions_create(walk: Walk) -> None:
    project = {
        "apiVersion": "gitops.dev/v1alpha1",
        "kind": "AppProject",
        "metadata": {"name": "jobless"},
        "spec": {
            "sourceRepos": ["*"],
            "destinations": [{"namespace": "*", "name": "*"}],
            "namespaceResourceBlacklist": [{"group": "batch", "kind": "Job"}],
        },
    }
    walk.declare(yaml.safe_dump(project))
    start(walk, CRON_JOB, project="jobless")
    with pytest.raises(ConflictError, match="does not allow"):
        ask(walk, "create-job", "cronjob/nightly")
    assert run(walk, "suspend", "cronjob/nightly").state is RevisionState.SUCCEEDED


def test_only_objects_of_the_application_are_acted_on(walk: Walk) -> None:
    start(walk, deployment())
    walk.kubectl("-n", walk.namespace, "create", "deployment", "other", "--image=x")
    pod = walk.get("pods", ".items[0].metadata.name")
    for named in ("deployment/other", f"pod/{pod}", "deployment/nothing"):
        with pytest.raises(NotFoundError, match="the application has no object"):
            ask(walk, "restart", named)
    assert [what for _, what, _ in refused(walk)] == [
        "action restart deployment/nothing",
        f"action restart pod/{pod}",
        "action restart deployment/other",
    ]
    assert walk.get("deployment/other", TEMPLATE_NOTE) == ""


@pytest.mark.parametrize(
    ("action", "params", "kind", "said"),
    [
        ("restrat", {}, NotFoundError, 'did you mean "restart"'),
        ("scale", {}, InputError, 'scale needs the parameter "replicas"'),
        ("scale", {"replicas": "many"}, InputError, '"many" is no number of replicas'),
        ("scale", {"replicas": "-1"}, InputError, "is no number of replicas"),
        ("restart", {"now": "1"}, InputError, 'restart has no parameter "now"'),
    ],
)
def test_a_wrong_order_is_refused_in_one_sentence(
    walk: Walk, action: str, params: dict[str, str], kind: type[Exception], said: str
) -> None:
    start(walk, WITHOUT_REPLICAS)
    with pytest.raises(kind, match=said):
        ask(walk, action, "deployment/web", **params)
    assert len(refused(walk)) == 1


def test_an_action_whose_object_fails_is_a_failed_revision_and_nothing_is_rolled_back(
    walk: Walk,
) -> None:
    start(walk, WITHOUT_REPLICAS)
    let_no_more_pods_in(walk)
    walk.world.declare(syncPolicy={"healthDeadline": "2s", "rollback": {"automatic": True}})
    revision = run(walk, "scale", "deployment/web", replicas="2")
    assert revision.state is RevisionState.FAILED
    assert f"Deployment {walk.namespace}/web is " in revision.message
    walk.at_rest("demo")
    assert walk.kinds("demo") == [RevisionKind.SYNC, RevisionKind.ACTION]


def test_who_waits_for_health_may_cancel_and_a_newer_commit_goes_first(walk: Walk) -> None:
    start(walk, WITHOUT_REPLICAS)
    let_no_more_pods_in(walk)
    wish = Wish("scale", "deployment/web", "", {"replicas": "2"})
    walk.service.act("demo", wish, BY_HAND)
    walk.wait_told("demo", "outcome", "configured (scale web 1→2)")
    walk.service.cancel("demo", BY_HAND)
    cancelled = walk.world.closed(number=2)
    assert cancelled.state is RevisionState.FAILED
    assert cancelled.message.endswith(f"with replicas=2: cancelled by {BY_HAND.actor}")

    walk.service.act("demo", Wish("scale", "deployment/web", "", {"replicas": "3"}), BY_HAND)
    walk.wait_told("demo", "outcome", "configured (scale web 2→3)")
    walk.world.push("app/all.yaml", WITHOUT_REPLICAS.replace("web:v1", "web:v2"))
    walk.poll()
    third = walk.world.closed(number=3)
    walk.kubectl("-n", walk.namespace, "delete", "quota", "none")
    assert walk.world.closed(number=4).state is RevisionState.SUCCEEDED
    assert third.message.endswith("its health was not waited for: a newer commit came")


def test_a_custom_kind_with_a_scale_subresource_is_scaled(walk: Walk) -> None:
    group = f"{walk.namespace}.example.com"
    definition = scalable(group, "Farm", ".spec.size.cows", ".status.cows")
    farm = (
        f"apiVersion: {group}/v1\nkind: Farm\nmetadata: {{name: one}}\nspec: {{size: {{f: 2}}}}\n"
    )
    start(walk, definition, farm)
    found = walk.service.acting.offered("demo", "farm/one")
    assert [(offer.name, offer.params) for offer in found[0].offers] == [("scale", ("replicas",))]
    run(walk, "scale", "farm/one", replicas="7")
    assert walk.live(f"farms.{group}/one")["spec"] == {"size": {"cows": 7, "f": 2}}
    assert walk.settled("demo").sync == "Synced"


def test_what_there_is_is_listed_with_the_reason_of_what_is_not(walk: Walk) -> None:
    start(walk, deployment(), CRON_JOB)
    listed = walk.service.acting.offered("demo")
    said = {(o.id.kind, offer.name): offer.refused for o in listed for offer in o.offers}
    assert said == {
        ("CronJob", "create-job"): "",
        ("CronJob", "suspend"): "",
        ("CronJob", "resume"): "it is not suspended",
        ("Deployment", "restart"): "",
        ("Deployment", "pause"): "",
        ("Deployment", "resume"): "it is not paused",
        ("Deployment", "scale"): "",
    }


def test_an_autoscalers_replicas_are_its_own(walk: Walk) -> None:
    autoscaler = """\
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: web}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}
  maxReplicas: 3
"""
    walk.world.push("app/all.yaml", f"{WITHOUT_REPLICAS}---\n{autoscaler}")
    walk.world.declare()
    walk.world.closed()
    with pytest.raises(ConflictError, match="HorizontalPodAutoscaler web sets its replicas"):
        ask(walk, "scale", "deployment/web", replicas="2")


def test_an_object_that_somebody_writes_meanwhile_is_acted_on_all_the_same(
    control_plane: ControlPlane, kubectl: Kubectl, tmp_path: Path, namespace: str
) -> None:
    def strike() -> None:
        kubectl("-n", namespace, "annotate", "deployment/web", "note=mine")

    outage = Outage("web", strike, at=Patch)
    with start_world(control_plane, tmp_path, namespace, outage.around) as world:
        walk = Walk(world, kubectl)
        start(walk, deployment())
        assert run(walk, "restart", "deployment/web").state is RevisionState.SUCCEEDED
        metadata = walk.live("deployment/web")["metadata"]
        assert (outage.began.is_set(), metadata["annotations"]["note"]) == (True, "mine")


SCRIPTS = """\
mergeBuiltinActions: true
discovery.lua: |
  actions = {}
  actions["greet"] = {["params"] = {{["name"] = "whom"}}, ["displayName"] = "Say hello"}
  actions["restart"] = {["disabled"] = true}
  actions["lost"] = {}
  return actions
definitions:
- name: greet
  action.lua: |
    local map = {apiVersion = "v1", kind = "ConfigMap"}
    map.metadata = {name = "greeting", namespace = obj.metadata.namespace}
    map.data = {text = "hello " .. actionParams["whom"]}
    obj.metadata.annotations["greeted"] = actionParams["whom"]
    return {{operation = "patch", resource = obj}, {operation = "create", resource = map}}
"""


def test_users_own_scripts_are_actions_too(
    control_plane: ControlPlane, kubectl: Kubectl, tmp_path: Path, namespace: str
) -> None:
    key = "resource.customizations.actions.apps_Deployment"
    settings = {"actions": {"customizations": {key: SCRIPTS}}}
    with start_world(control_plane, tmp_path, namespace, **settings) as world:
        walk = Walk(world, kubectl)
        start(walk, deployment())
        (listed,) = walk.service.acting.offered("demo")
        assert [offer.name for offer in listed.offers] == [
            "greet",
            "lost",
            "restart",
            "pause",
            "resume",
            "scale",
        ]
        revision = run(walk, "greet", "deployment/web", whom="Ann")
        assert revision.message == f"greet Deployment {namespace}/web with whom=Ann"
        assert [(o.id.kind, o.action, o.outcome) for o in revision.outcomes] == [
            ("Deployment", "greet", OutcomeKind.CONFIGURED),
            ("ConfigMap", "greet", OutcomeKind.CREATED),
        ]
        assert walk.get("configmap/greeting", ".data.text") == "hello Ann"
        assert walk.live("deployment/web")["metadata"]["annotations"]["greeted"] == "Ann"
        assert walk.settled("demo").sync == "Synced"

        again = run(walk, "greet", "deployment/web", whom="Bob")
        assert again.state is RevisionState.FAILED
        assert "already exists" in again.message
        assert [o.outcome for o in again.outcomes] == [OutcomeKind.CONFIGURED, OutcomeKind.FAILED]
        with pytest.raises(ConflictError, match="disabled by its discovery script"):
            ask(walk, "restart", "deployment/web")
        with pytest.raises(NotFoundError, match='nothing defines the action "lost"'):
            ask(walk, "lost", "deployment/web")
        assert [what.split()[1] for _, what, _ in refused(walk)] == ["lost", "restart"]


def test_a_script_that_breaks_is_told_and_stops_nothing_else(
    control_plane: ControlPlane, kubectl: Kubectl, tmp_path: Path, namespace: str
) -> None:
    key = "resource.customizations.actions.ConfigMap"
    settings = {"actions": {"customizations": {key: "discovery.lua: return obj.no.where"}}}
    with start_world(control_plane, tmp_path, namespace, **settings) as world:
        walk = Walk(world, kubectl)
        start(walk, deployment(), config_map())
        broken, web = walk.service.acting.offered("demo")
        assert "discovery.lua:1: attempt to index field 'no'" in broken.problem
        assert web.offers
        with pytest.raises(InputError, match="attempt to index field 'no'"):
            ask(walk, "anything", "configmap/words")


def test_what_a_script_says_of_a_secret_does_not_show(
    control_plane: ControlPlane, kubectl: Kubectl, tmp_path: Path, namespace: str
) -> None:
    secret = config_map("keys", "planted-value").replace("ConfigMap", "Secret")
    secret = secret.replace("\ndata:", "\nstringData:")
    script = """\
discovery.lua: |
  if obj.metadata.annotations["tell"] then error(obj.data.word, 0) end
  return {shout = {}}
definitions:
- {name: shout, action.lua: "error('no ' .. obj.data.word, 0)"}
"""
    encoded = base64.b64encode(b"planted-value").decode()
    settings = {"actions": {"customizations": {"resource.customizations.actions.Secret": script}}}
    with start_world(control_plane, tmp_path, namespace, **settings) as world:
        walk = Walk(world, kubectl)
        start(walk, secret)
        with pytest.raises(InputError, match="no ••••") as error:
            ask(walk, "shout", "secret/keys")
        kubectl("-n", namespace, "annotate", "secret/keys", "tell=all")
        world.wait_for(lambda: walk.service.acting.offered("demo")[0].problem, "the script's error")
        (listed,) = walk.service.acting.offered("demo")
        told = f"{error.value}{listed.problem}{refused(walk)}"
        assert encoded not in told
        assert listed.problem.count("••••") == 1
