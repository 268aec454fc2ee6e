from gitops.core.ownership.field_sets import declared, difference, has, union, without

PORT = 'k:{"containerPort":80,"protocol":"TCP"}'


def test_a_union_keeps_members_that_have_children_elsewhere():
    leaf, branch = {"f:labels": {}}, {"f:labels": {"f:a": {}}}
    assert union(leaf, branch) == {"f:labels": {".": {}, "f:a": {}}}
    assert union(branch, leaf) == {"f:labels": {".": {}, "f:a": {}}}


def test_a_union_of_equal_sets_is_the_same_set():
    fields = {"f:spec": {"f:ports": {".": {}, PORT: {".": {}, "f:name": {}}}}}
    assert union(fields, fields) == fields
    assert union({"f:a": {}}, {"f:a": {}}) == {"f:a": {}}


def test_a_difference_takes_members_and_leaves_their_siblings():
    fields = {"f:spec": {"f:a": {}, "f:b": {}}, "f:data": {"f:x": {}}}
    taken = {"f:spec": {"f:a": {}}, "f:data": {"f:x": {}}}
    assert difference(fields, taken) == {"f:spec": {"f:b": {}}}


def test_a_difference_takes_a_list_item_and_leaves_its_fields():
    item = {PORT: {".": {}, "f:name": {}}}
    assert difference(item, {PORT: {}}) == {PORT: {"f:name": {}}}
    assert difference(item, {PORT: {"f:name": {}}}) == {PORT: {}}


def test_what_a_value_declares_follows_keys_values_and_places():
    fields = {
        "f:containers": {'k:{"name":"a"}': {".": {}, "f:image": {}, "f:tty": {}}},
        "f:finalizers": {'v:"x"': {}, 'v:"y"': {}},
        "f:args": {"i:0": {}, "i:1": {}},
        "f:other": {},
    }
    value = {"containers": [{"name": "a", "image": "i"}], "finalizers": ["x"], "args": ["only"]}
    assert declared(fields, value) == {
        "f:containers": {'k:{"name":"a"}': {".": {}, "f:image": {}}},
        "f:finalizers": {'v:"x"': {}},
        "f:args": {"i:0": {}},
    }


def test_a_defaulted_list_key_need_not_be_declared():
    fields = {"f:ports": {PORT: {"f:name": {}}}}
    assert declared(fields, {"ports": [{"containerPort": 80, "name": "n"}]}) == fields
    assert (
        declared(fields, {"ports": [{"containerPort": 80, "protocol": "UDP", "name": "n"}]}) == {}
    )
    assert declared(fields, {"ports": ["not an object", {"name": "n"}]}) == {}


def test_what_cannot_be_read_is_not_declared():
    fields = {"f:a": {"f:b": {}}, "k:{broken": {}, 'k:"text"': {}, "q:1": {}, ".": {}}
    assert declared(fields, {"a": "text"}) == {}
    assert declared(fields, ["x"]) == {}


def test_a_branch_that_becomes_empty_goes():
    fields = {"f:metadata": {"f:annotations": {"f:a": {}}}}
    assert without(fields, ("f:metadata", "f:annotations", "f:a")) == {}
    assert without(fields, ("f:metadata", "f:labels", "f:a")) == fields


def test_membership_is_of_the_path_itself():
    fields = {"f:a": {"f:b": {".": {}, "f:c": {}}}}
    assert has(fields, ("f:a", "f:b"))
    assert has(fields, ("f:a", "f:b", "f:c"))
    assert not has(fields, ("f:a",))
    assert not has(fields, ("f:x", "f:y"))
