"""The walk through `tomcat`: a fixed node port, and images of a ReplicationController."""

from tests.helpers.walk import Walk, changes, outcomes

RC = "tomcat/replicationcontroller.yaml"
SERVICE = "tomcat/service.yaml"
NODE_PORT = "nodePort: 30001"


def port(walk: Walk) -> str:
    return walk.get("service/mytomcat", ".spec.ports[0].nodePort")


def test_a_node_port_is_kept_on_every_later_apply(walk: Walk) -> None:
    walk.take("tomcat")
    ours = walk.rename(NODE_PORT)
    assert f"nodePort: {port(walk)}" == ours
    walk.change("tomcat", SERVICE, "type: NodePort", "sessionAffinity: ClientIP\n  type: NodePort")
    assert f"nodePort: {port(walk)}" == ours
    dropped = walk.change("tomcat", SERVICE, f"      {ours}\n", "")
    assert dropped.healthy
    chosen = port(walk)
    assert chosen
    later = walk.change("tomcat", SERVICE, "sessionAffinity: ClientIP", "sessionAffinity: None")
    assert outcomes(later)["Service/mytomcat"] == "configured"
    assert port(walk) == chosen, "what the cluster chose stays"
    walk.delete("tomcat")


def test_an_image_is_replaced_and_pods_follow_when_they_go(walk: Walk) -> None:
    second = walk.take("tomcat", (SERVICE, f"      {walk.rename(NODE_PORT)}\n", ""))
    second = walk.change("tomcat", RC, "image: tomcat", "image: tomcat:11")
    assert changes(second) == ["image mytomcat latest→11"]
    walk.kubectl("-n", walk.namespace, "delete", "pods", "-l", "app=mytomcat", "--wait")
    ready = "jsonpath={.status.readyReplicas}=2"
    walk.kubectl.wait(ready, "-n", walk.namespace, "rc/mytomcat")
    assert walk.get("pods", ".items[*].spec.containers[*].image") == "tomcat:11 tomcat:11"
