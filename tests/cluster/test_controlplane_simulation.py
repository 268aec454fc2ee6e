"""What the simulated cluster does with workloads: it runs them, and fails where one asks for it.

Everything is watched with `kubectl wait`; the controllers are the real ones.
"""

import json
from typing import Any

import pytest

from gitops.controlplane.processes import ControlPlane
from tests.helpers.controlplane import Kubectl, eventually, scale_as_autoscaler
from tests.helpers.waiting import WAIT_S

Body = dict[str, Any]


def pod_spec(image: str = "shop:1", **more: Any) -> Body:
    return {"containers": [{"name": "app", "image": image}], **more}


def pod(name: str, spec: Body | None = None, **metadata: Any) -> Body:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, **metadata},
        "spec": spec or pod_spec(),
    }


def workload(kind: str, spec: Body | None = None, /, version: str = "apps/v1", **more: Any) -> Body:
    """A controller of pods labelled `app: web`; `more` goes into its spec."""
    template = {"metadata": {"labels": {"app": "web"}}, "spec": spec or pod_spec()}
    return {
        "apiVersion": version,
        "kind": kind,
        "metadata": {"name": "web"},
        "spec": {"selector": {"matchLabels": {"app": "web"}}, "template": template} | more,
    }


def job(spec: Body, *, labels: Body | None = None, **more: Any) -> Body:
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "work"},
        "spec": {"template": {"metadata": {"labels": labels or {}}, "spec": spec}, **more},
    }


class Here:
    """Kubectl in one namespace."""

    def __init__(self, kubectl: Kubectl, namespace: str) -> None:
        self.kubectl = kubectl
        self.namespace = namespace

    def __call__(self, *args: str) -> str:
        return self.kubectl("-n", self.namespace, *args)

    def apply(self, *bodies: Body) -> None:
        self.kubectl.apply(*bodies, namespace=self.namespace)

    def wait(self, condition: str, *args: str) -> None:
        self.kubectl.wait(condition, "-n", self.namespace, *args)

    def get(self, *args: str) -> Any:
        return self.kubectl.json("-n", self.namespace, "get", *args)

    def container(self, name: str, index: int = 0) -> Body:
        status: Body = self.get("pod", name)["status"]["containerStatuses"][index]
        return status

    def events(self, name: str, reason: str) -> list[str]:
        """They come after the status that they tell of."""
        selector = f"involvedObject.name={name},reason={reason}"
        ask = lambda: self.get("events", f"--field-selector={selector}")["items"]  # noqa: E731
        return [event["message"] for event in eventually(ask, f"an event {reason} of {name}")]


@pytest.fixture
def here(kubectl: Kubectl, namespace: str) -> Here:
    eventually(lambda: kubectl.try_("-n", namespace, "get", "sa", "default").returncode == 0)
    return Here(kubectl, namespace)


def reason_is(reason: str, path: str = "containerStatuses") -> str:
    return f"jsonpath={{.status.{path}[0].state.waiting.reason}}={reason}"


# -- pods that run


def test_a_pod_runs_with_addresses_and_passes_its_init_containers(here: Here) -> None:
    here.apply(pod("ok", pod_spec(initContainers=[{"name": "first", "image": "busybox:1"}])))
    here.wait("condition=Ready", "pod/ok")
    status = here.get("pod", "ok")["status"]
    assert status["phase"] == "Running"
    assert status["podIP"].startswith("10.")
    assert status["initContainerStatuses"][0]["state"]["terminated"]["exitCode"] == 0
    assert status["containerStatuses"][0]["restartCount"] == 0


def test_a_sidecar_runs_beside_the_container(here: Here) -> None:
    sidecar = {"name": "proxy", "image": "proxy:1", "restartPolicy": "Always"}
    here.apply(pod("ok", pod_spec(initContainers=[sidecar])))
    here.wait("condition=Ready", "pod/ok")
    assert "running" in here.get("pod", "ok")["status"]["initContainerStatuses"][0]["state"]


def test_node_selectors_of_the_examples_find_a_node(here: Here) -> None:
    here.apply(
        pod("db", pod_spec(nodeSelector={"component": "mysql"})),
        pod("edge", pod_spec(nodeSelector={"ingress": "true"}, hostNetwork=True)),
    )
    here.wait("condition=Ready", "pod/db", "pod/edge")


def test_an_image_changed_in_place_restarts_the_container(here: Here) -> None:
    here.apply(pod("ok"))
    here.wait("condition=Ready", "pod/ok")
    address = here.get("pod", "ok")["status"]["podIP"]
    here.apply(pod("ok", pod_spec("shop:2")))
    here.wait("jsonpath={.status.containerStatuses[0].image}=shop:2", "pod/ok")
    assert here.container("ok")["restartCount"] == 1
    assert here.get("pod", "ok")["status"]["podIP"] == address


def test_a_pod_can_take_its_time(here: Here) -> None:
    here.apply(pod("slow", annotations={"gitops.dev/ready-after": "1h"}), pod("quick"))
    here.wait("condition=Ready", "pod/quick")
    assert here.get("pod", "slow")["status"]["phase"] == "Pending"
    here("delete", "pod", "slow", f"--timeout={WAIT_S}s")


def test_a_deleted_pod_is_gone_at_once(here: Here) -> None:
    here.apply(pod("ok"))
    here.wait("condition=Ready", "pod/ok")
    here("delete", "pod/ok", f"--timeout={WAIT_S}s")
    assert here.get("pods")["items"] == []


# -- simulated failures


def test_a_pod_that_a_controller_took_for_lost_is_ready_again(here: Here) -> None:
    """As the node controller marks pods of a node that it has not heard of for a while."""
    here.apply(pod("web"))
    here.wait("condition=Ready", "pod/web")
    lost = '{"status": {"conditions": [{"type": "Ready", "status": "False"}]}}'
    answer = here("patch", "pod", "web", "--subresource=status", "-p", lost, "-o", "json")
    marked = {c["type"]: c["status"] for c in json.loads(answer)["status"]["conditions"]}
    assert (marked["Ready"], marked["ContainersReady"]) == ("False", "True")
    here.wait("condition=Ready", "pod/web")


def test_an_image_that_cannot_be_pulled_backs_off(here: Here) -> None:
    image = "10.0.0.1:5000/shop:v2-pull-error"
    here.apply(pod("bad", pod_spec(image)))
    here.wait(reason_is("ImagePullBackOff"), "pod/bad")
    status = here.get("pod", "bad")["status"]
    waiting = status["containerStatuses"][0]["state"]["waiting"]
    assert waiting["message"].startswith(f'Back-off pulling image "{image}": ErrImagePull: ')
    assert status["phase"] == "Pending"
    assert here.events("bad", "Failed")[0].startswith(f'Failed to pull image "{image}": ')


def test_a_registrys_port_and_a_longer_word_are_no_failure(here: Here) -> None:
    here.apply(
        pod("port", pod_spec("fail:5000/shop:1")),
        pod("word", pod_spec("shop:failover-2")),
        pod("digest", pod_spec("shop@sha256:" + "0" * 64)),
    )
    here.wait("condition=Ready", "pod/port", "pod/word", "pod/digest")


def test_a_container_that_crashes_restarts_again_and_again(here: Here) -> None:
    here.apply(pod("bad", pod_spec("shop:crash-loop")))
    here.wait(reason_is("CrashLoopBackOff"), "pod/bad")
    here.wait("jsonpath={.status.containerStatuses[0].restartCount}=2", "pod/bad")
    found = here.container("bad")
    assert found["lastState"]["terminated"]["exitCode"] == 1
    assert found["state"]["waiting"]["message"].startswith("back-off restarting failed container")
    assert here.get("pod", "bad")["status"]["phase"] == "Running"
    assert "Back-off restarting failed container app" in here.events("bad", "BackOff")[0]


def test_a_container_can_run_and_never_be_ready(here: Here) -> None:
    here.apply(pod("bad", pod_spec("shop:never-ready")))
    here.wait("jsonpath={.status.phase}=Running", "pod/bad")
    ready = [c for c in here.get("pod", "bad")["status"]["conditions"] if c["type"] == "Ready"]
    assert ready[0]["status"] == "False"
    assert ready[0]["message"] == "containers with unready status: [app]"


@pytest.mark.parametrize(
    ("tag", "reason"), [("pull-error", "ImagePullBackOff"), ("crash-loop", "CrashLoopBackOff")]
)
def test_an_init_container_that_fails_holds_the_others(here: Here, tag: str, reason: str) -> None:
    here.apply(pod("bad", pod_spec(initContainers=[{"name": "first", "image": f"init:{tag}"}])))
    here.wait(reason_is(reason, "initContainerStatuses"), "pod/bad")
    assert here.container("bad")["state"]["waiting"]["reason"] == "PodInitializing"


def test_only_the_container_with_the_tag_fails(here: Here) -> None:
    spec = pod_spec()
    spec["containers"].append({"name": "side", "image": "side:crash-loop"})
    here.apply(pod("bad", spec))
    path = "jsonpath={.status.containerStatuses[1].state.waiting.reason}=CrashLoopBackOff"
    here.wait(path, "pod/bad")
    assert here.container("bad")["ready"] is True


def test_a_label_makes_a_running_pod_fail_and_recover(here: Here) -> None:
    here.apply(pod("ok"))
    here.wait("condition=Ready", "pod/ok")
    here("label", "pod", "ok", "gitops.dev/simulate=crash-loop")
    here.wait(reason_is("CrashLoopBackOff"), "pod/ok")
    here("label", "pod", "ok", "gitops.dev/simulate-")
    here.wait("condition=Ready", "pod/ok")


def test_a_deployment_with_a_bad_image_keeps_its_old_pods(here: Here) -> None:
    here.apply(workload("Deployment", replicas=2))
    here.wait("condition=Available", "deployment/web")
    bad = workload("Deployment", pod_spec("shop:2-pull-error"), replicas=2)
    bad["spec"]["progressDeadlineSeconds"] = 2
    here.apply(bad)
    here.wait("condition=Progressing=False", "deployment/web")
    assert here.get("deployment", "web")["status"]["availableReplicas"] >= 1
    here.apply(workload("Deployment", pod_spec("shop:3"), replicas=2))
    here("rollout", "status", "deployment/web", f"--timeout={WAIT_S}s")


# -- jobs


def test_a_job_completes(here: Here) -> None:
    here.apply(job(pod_spec(restartPolicy="Never")))
    here.wait("condition=Complete", "job/work")


def test_jobs_with_annotations_of_others_complete(here: Here) -> None:
    body = job(pod_spec(restartPolicy="Never"), completions=6, parallelism=6)
    body["spec"]["template"]["metadata"] = {"annotations": {"example.com/owner": "team-a"}}
    here.apply(body)
    here.wait("condition=Complete", "job/work")


@pytest.mark.parametrize("how", ["tag", "label"])
@pytest.mark.parametrize("policy", ["Never", "OnFailure"])
def test_a_job_fails_by_tag_or_label(here: Here, how: str, policy: str) -> None:
    spec = pod_spec("shop:fail" if how == "tag" else "shop:1", restartPolicy=policy)
    labels = {"gitops.dev/simulate": "fail"} if how == "label" else {}
    here.apply(job(spec, labels=labels, backoffLimit=0))
    here.wait("condition=Failed", "job/work")


def test_a_job_takes_as_long_as_it_is_told(here: Here) -> None:
    body = job(pod_spec(restartPolicy="Never"))
    note = {"annotations": {"gitops.dev/complete-after": "1h"}}
    body["spec"]["template"]["metadata"] = note
    here.apply(body)
    here.wait("jsonpath={.status.ready}=1", "job/work")
    here("delete", "job", "work", f"--timeout={WAIT_S}s")


def test_a_cronjob_starts_jobs(here: Here) -> None:
    spec = {
        "schedule": "0 0 1 1 *",
        "jobTemplate": {"spec": job(pod_spec(restartPolicy="Never"))["spec"]},
    }
    body = {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "web"}, "spec": spec}
    here.apply(body)
    here("create", "job", "now", "--from=cronjob/web")
    here.wait("condition=Complete", "job/now")


# -- controllers, volumes, addresses


def test_a_stateful_set_gets_its_claims_bound_in_order(here: Here) -> None:
    claim = {
        "metadata": {"name": "data"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }
    here.apply(workload("StatefulSet", serviceName="web", replicas=2, volumeClaimTemplates=[claim]))
    here.wait("jsonpath={.status.readyReplicas}=2", "statefulset/web")
    claims = here.get("pvc")["items"]
    assert [c["status"]["phase"] for c in claims] == ["Bound", "Bound"]
    volume = claims[0]["spec"]["volumeName"]
    here("delete", "statefulset/web", f"--timeout={WAIT_S}s")
    here("delete", "pvc", "--all", f"--timeout={WAIT_S}s")
    here.wait("delete", f"pv/{volume}")


def test_a_claim_of_any_class_is_bound_and_can_grow(here: Here) -> None:
    name = f"fast-{here.namespace}"
    here.apply(
        {
            "apiVersion": "storage.k8s.io/v1",
            "kind": "StorageClass",
            "metadata": {"name": name},
            "provisioner": "example.com/disk",
            "allowVolumeExpansion": True,
        },
        claim := {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {"name": "data"},
            "spec": {
                "storageClassName": name,
                "accessModes": ["ReadWriteOnce"],
                "resources": {"requests": {"storage": "1Gi"}},
            },
        },
    )
    here.wait("jsonpath={.status.phase}=Bound", "pvc/data")
    claim["spec"]["resources"]["requests"]["storage"] = "2Gi"
    here.apply(claim)
    here.wait("jsonpath={.status.capacity.storage}=2Gi", "pvc/data")
    here("delete", "storageclass", name)


def test_a_daemon_set_has_a_pod_on_each_node(here: Here) -> None:
    here.apply(workload("DaemonSet"))
    here.wait("jsonpath={.status.numberReady}=3", "daemonset/web")


def test_a_replication_controller_runs_its_pods(here: Here) -> None:
    body = workload("ReplicationController", version="v1", replicas=2, selector={"app": "web"})
    here.apply(body)
    here.wait("jsonpath={.status.readyReplicas}=2", "rc/web")


def test_a_load_balancer_gets_an_address_of_its_own(here: Here) -> None:
    for name in ("one", "two"):
        here("create", "service", "loadbalancer", name, "--tcp=80")
        here.wait("jsonpath={.status.loadBalancer.ingress[0].ip}", f"service/{name}")
    addresses = {
        service["status"]["loadBalancer"]["ingress"][0]["ip"]
        for service in here.get("services")["items"]
    }
    assert len(addresses) == 2


def test_a_load_balancer_can_be_kept_waiting_and_loses_its_address_with_its_type(
    here: Here,
) -> None:
    spec = {"type": "LoadBalancer", "ports": [{"port": 80}]}
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "slow"}, "spec": spec}
    service["metadata"] = {"name": "slow", "annotations": {"gitops.dev/ready-after": "1h"}}
    quick = {**service, "metadata": {"name": "quick"}}
    here.apply(service, quick)
    here.wait("jsonpath={.status.loadBalancer.ingress[0].ip}", "service/quick")
    assert here.get("service", "slow")["status"]["loadBalancer"] == {}
    here("patch", "service", "quick", "-p", '{"spec": {"type": "ClusterIP"}}')
    assert here.get("service", "quick")["status"]["loadBalancer"] == {}


def test_an_ingress_gets_an_address(here: Here) -> None:
    here("create", "ingress", "web", "--class=nginx", "--rule=shop.example.com/*=web:80")
    here.wait("jsonpath={.status.loadBalancer.ingress[0].ip}", "ingress/web")


# -- autoscaling


def autoscaled(replicas: int = 1) -> list[Body]:
    spec = pod_spec()
    spec["containers"][0]["resources"] = {"requests": {"cpu": "100m"}}
    target = {"type": "Utilization", "averageUtilization": 50}
    return [
        workload("Deployment", spec, replicas=replicas),
        {
            "apiVersion": "autoscaling/v2",
            "kind": "HorizontalPodAutoscaler",
            "metadata": {"name": "web"},
            "spec": {
                "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
                "minReplicas": 1,
                "maxReplicas": 3,
                "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": target}}],
            },
        },
    ]


def test_the_real_autoscaler_follows_the_usage_that_pods_are_given(here: Here) -> None:
    here.apply(*autoscaled())
    here.wait("condition=ScalingActive", "hpa/web")
    here("annotate", "pods", "-l", "app=web", "gitops.dev/cpu=90m")
    here.wait("jsonpath={.spec.replicas}=2", "deployment/web")
    owners = here.get("deployment", "web", "--show-managed-fields")["metadata"]["managedFields"]
    scaled = [(o["manager"], o.get("subresource")) for o in owners if o.get("subresource")]
    assert ("kube-controller-manager", "scale") in scaled


def test_a_test_can_scale_in_the_autoscalers_name(here: Here, control_plane: ControlPlane) -> None:
    here.apply(workload("Deployment", replicas=1))
    scale_as_autoscaler(control_plane, here.namespace, "deployments/web", 2)
    owners = here.get("deployment", "web", "--show-managed-fields")["metadata"]["managedFields"]
    scaled = [o["manager"] for o in owners if o.get("subresource") == "scale"]
    assert scaled == ["kube-controller-manager"]
    assert here.get("deployment", "web")["spec"]["replicas"] == 2
