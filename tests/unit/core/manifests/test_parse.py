"""From text to manifests: places, lists, foreign files, limits."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitops.core.manifests.parse import decode, last_declared, parse, parse_all
from gitops.core.yaml.reader import Limits, read_documents
from gitops.model.objects import Place
from tests.helpers.values import law

SERVICE = "apiVersion: v1\nkind: Service\nmetadata: {name: web}\n"
CHART = "apiVersion: v2\nname: x\nversion: 1.0.0\n"
WORKFLOW = "name: ci\non: [push]\njobs: {}\n"
KUSTOMIZATION = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [a]\n"


def codes(text: str, *, skip_foreign: bool = False) -> list[str]:
    return [fault.code for fault in parse(text, "a.yaml", skip_foreign=skip_foreign).faults]


def test_a_manifest_stands_at_its_first_key() -> None:
    parsed = parse(f"# first\n---\n\n{SERVICE}", "dir/a.yaml")

    assert parsed.manifests[0].place == Place("dir/a.yaml", 4, 1)
    assert str(parsed.manifests[0].id) == "/Service:/web"


def test_items_of_a_list_are_manifests_with_their_own_places() -> None:
    text = (
        "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Pod, metadata: {name: a}}\n"
    )
    nested = text + "- apiVersion: v1\n  kind: PodList\n  items:\n  - metadata: {name: b}\n"

    parsed = parse(nested, "a.yaml")

    assert [(m.id.name, m.id.kind, m.place) for m in parsed.manifests] == [
        ("a", "Pod", Place("a.yaml", 4, 3)),
        ("b", "Pod", Place("a.yaml", 8, 5)),
    ]
    assert parsed.locate(Place("a.yaml", 8, 5), ("metadata", "name")) == Place("a.yaml", 8, 22)


def test_a_kind_that_ends_with_list_and_has_no_items_is_an_object() -> None:
    text = "apiVersion: example.com/v1\nkind: AllowList\nmetadata: {name: a}\nspec: {}\n"

    assert [m.id.kind for m in parse(text, "a.yaml").manifests] == ["AllowList"]
    assert not parse("apiVersion: v1\nkind: List\n", "a.yaml").manifests


def test_a_list_whose_items_are_null_is_empty() -> None:
    found = parse("apiVersion: v1\nkind: SecretList\nitems: null\n", "a.yaml")

    assert not found.manifests
    assert not found.faults


def test_null_items_beside_other_fields_make_no_list() -> None:
    text = "apiVersion: v1\nkind: NotAList\nmetadata: {name: a}\nitems:\nspec: {foo: bar}\n"

    assert [m.body["spec"] for m in parse(text, "a.yaml").manifests] == [{"foo": "bar"}]
    assert parse(text.replace("metadata: {name: a}\n", ""), "a.yaml").faults
    assert parse("apiVersion: v1\nkind: List\nitmes: [{kind: Pod}]\n", "a.yaml").faults


def test_any_kind_whose_items_are_objects_is_a_list() -> None:
    head = "apiVersion: example.com/v1\nkind: Bundle\nmetadata: {name: b}\nitems:\n"
    text = head + "- {apiVersion: v1, kind: Pod, metadata: {name: a}}\n"

    found = parse(text, "a.yaml")

    assert [(m.id.name, m.place) for m in found.manifests] == [("a", Place("a.yaml", 5, 3))]


@pytest.mark.parametrize(
    "items", ["[]", "[5]", "[{name: a}]", "[{apiVersion: v1, kind: Pod}, 5]", "{a: b}", "null"]
)
def test_a_kind_whose_items_are_no_objects_is_an_object(items: str) -> None:
    text = f"apiVersion: example.com/v1\nkind: Bundle\nmetadata: {{name: b}}\nitems: {items}\n"

    assert [m.id.kind for m in parse(text, "a.yaml").manifests] == ["Bundle"]


def test_lists_of_lists_are_expanded() -> None:
    text = (
        "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: List\n  items:\n"
        "  - {apiVersion: v1, kind: Pod, metadata: {name: a}}\n"
        "- {apiVersion: v1, kind: List, items: []}\n"
    )

    found = parse(text, "a.yaml")

    assert [m.id.name for m in found.manifests] == ["a"]
    assert not found.faults


def test_places_of_values_keys_and_missing_paths() -> None:
    text = SERVICE + "spec:\n  ports:\n    - port: 80\n"
    parsed = parse(text, "a.yaml")
    place = parsed.manifests[0].place

    assert parsed.locate(place, ("spec", "ports", 0, "port")) == Place("a.yaml", 6, 13)
    assert parsed.locate(place, ("spec", "ports", 0, "port"), of_key=True) == Place("a.yaml", 6, 7)
    assert parsed.locate(place, ("spec", "ports", 3, "x")) == Place("a.yaml", 6, 5)
    assert parsed.locate(place, ("spec", "selector", "app")) == Place("a.yaml", 5, 3)
    assert parsed.locate(place) == Place("a.yaml", 1, 1)
    assert parsed.locate(Place("elsewhere", 3), ("spec",)) == Place("elsewhere", 3)
    assert parsed.locate(None) is None


def test_places_through_aliases_and_merges() -> None:
    text = (
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"
        "x: &x {k: v}\np: {<<: *x}\nz: [*x]\nw: {<<: [*x, {m: 1}]}\n? [a]\n: b\n"
    )
    parsed = parse(text.removesuffix("? [a]\n: b\n"), "a.yaml")
    place = parsed.manifests[0].place

    assert parsed.locate(place, ("p", "k")) == Place("a.yaml", 4, 11)
    assert parsed.locate(place, ("z", 0, "k")) == Place("a.yaml", 4, 11)
    assert parsed.locate(place, ("z", 0)) == Place("a.yaml", 6, 5)
    assert parsed.locate(place, ("w", "m")) == Place("a.yaml", 7, 18)
    assert parsed.locate(place, ("w", "n")) == Place("a.yaml", 7, 4)
    assert parsed.locate(place, ("kind", "n")) == Place("a.yaml", 2, 7)
    assert [f.code for f in parse(text, "a.yaml").faults] == ["key"]


def test_places_in_json() -> None:
    text = '{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a\\ud83d\\ude00"}, "x": 1}'
    text += '  {"apiVersion": "v1", "kind": "Pod",\n "metadata": {"name": "b"}}'
    parsed = parse(text, "a.json")

    first, second = parsed.manifests
    assert first.id.name == "a😀"
    assert parsed.locate(first.place, ("x",)) == Place("a.json", 1, text.index("1}") + 1)
    assert second.place == Place("a.json", 1, text.index("  {") + 3)
    assert parsed.locate(second.place, ("kind",)) == Place("a.json", 1, text.rindex('"Pod"') + 1)
    assert parsed.locate(second.place, ("metadata", "name")) == Place("a.json", 2, 23)


def test_half_surrogates_in_json_become_the_replacement_character() -> None:
    text = '{"apiVersion":"v1","kind":"X","metadata":{"name":"a"},"x":"\\ud800","y":["\\udc00"]}'

    body = parse(text, "a.json").manifests[0].body

    assert (body["x"], body["y"]) == ("\ufffd", ["\ufffd"])


@pytest.mark.parametrize("text", [CHART, WORKFLOW, KUSTOMIZATION, "- a\n", "{{ x }}: y: z\n", "x"])
def test_foreign_files_are_skipped_where_asked_for(text: str) -> None:
    assert codes(text)
    assert not codes(text, skip_foreign=True)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("apiVsersion: v1\nkind: Service\nmetadata: {name: a}\n", "unknown-field"),
        ("kind: Service\nmetadata: {name: a}\n", "missing-field"),
        ("apiVersion: v1\nkind: Service\nmetadata:\n\tname: a\n", "tab"),
    ],
)
def test_broken_objects_are_never_foreign(text: str, code: str) -> None:
    assert codes(text, skip_foreign=True) == [code]


def test_a_file_with_the_skip_comment_is_left_out() -> None:
    text = "# +argocd:skip-file-rendering\n" + SERVICE

    assert not parse(text, "a.yaml", skip_foreign=True).manifests
    assert parse(text, "a.yaml").manifests


def test_one_object_in_two_files_names_both() -> None:
    parsed = parse_all([("b.yaml", SERVICE), ("a.yaml", "\n" + SERVICE)])

    assert [(f.code, str(f.place)) for f in parsed.faults] == [("duplicate-object", "b.yaml:1")]
    assert "Service web is declared twice, first at a.yaml:2" in parsed.faults[0].message


def test_of_equal_objects_the_last_is_taken_where_they_may_repeat() -> None:
    text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {}, labels: {{a: '{}'}}}}\n"
    texts = [("a.yaml", text.format("x", 1)), ("b.yaml", text.format("z", 1)),
             ("c.yaml", text.format("x", 2)), ("d.yaml", text.format("x", 3))]  # fmt: skip
    parsed = parse_all(texts, may_repeat=True)
    assert parsed.faults == ()
    kept, remarks = last_declared(parsed.manifests)
    assert [(m.id.name, m.labels["a"]) for m in kept] == [("z", "1"), ("x", "3")]
    assert [(f.code, f.message) for f in remarks] == [
        ("duplicate-object", "ConfigMap x is declared more than once; the one at d.yaml:1 is taken")
    ]


def test_objects_with_generated_names_are_never_duplicates() -> None:
    job = "apiVersion: batch/v1\nkind: Job\nmetadata: {generateName: a-}\n"

    parsed = parse(f"{job}---\n{job}", "a.yaml")

    assert len(parsed.manifests) == 2
    assert not parsed.faults


def test_a_flawed_object_is_kept_for_further_checks() -> None:
    parsed = parse("apiVsersion: v1\nkind: Service\nmetadata: {name: a}\n", "a.yaml")

    assert not parsed.manifests
    assert parsed.flawed[0].api_version == "v1"


def test_limits() -> None:
    deep = "a: " + "[" * 300 + "]" * 300
    wide = "a: [" + "1," * 50 + "]"
    chain = "a: &a0 [1]\n" + "".join(f"k{i}: &a{i + 1} [*a{i}]\n" for i in range(300))
    many = "{" + '"a":[' * 300 + "]" * 300

    assert codes(deep) == ["too-deep"]
    assert codes(chain) == ["too-deep"]
    assert codes(many + "}") == ["too-deep", "not-an-object"][:1]
    assert [f.code for f in parse(wide, "a", Limits(max_values=20)).faults] == ["too-large"]
    assert [f.code for f in parse(wide, "a", Limits(max_size=20)).faults] == ["too-large"]


@pytest.mark.parametrize(
    "text", ["[" * 100_000, "- " * 50_000, '{"a":' * 100_000, "a: " + "{" * 99_999]
)
def test_nesting_without_end_is_refused_in_no_time(text: str) -> None:
    start = time.monotonic()

    assert codes(text)
    assert time.monotonic() - start < 20


def test_merges_without_end_are_refused() -> None:
    assert codes("a: &a\n  <<: *a\n") == ["anchor"]
    nested = "{" + "<<: {" * 250 + "}" * 251
    assert codes(nested) == ["too-deep"]


@pytest.mark.parametrize(
    ("content", "place", "words"),
    [
        ("a: ä\n".encode("latin-1"), (1, 4), "byte 0xE4"),
        (b"\xff\xfea", (1, 3), "byte 0x61"),
        (b"a\nb \x80", (2, 3), "byte 0x80"),
    ],
)
def test_other_encodings_are_faults(content: bytes, place: tuple[int, int], words: str) -> None:
    text, fault = decode(content, "a.yaml")

    assert text == ""
    assert fault is not None
    assert fault.code == "encoding"
    assert words in fault.message
    assert fault.place == Place("a.yaml", *place)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_byte_order_mark_tells_the_encoding(encoding: str) -> None:
    text, fault = decode(SERVICE.encode(encoding), "a.yaml")

    assert fault is None
    assert parse(text, "a.yaml").manifests


def test_text_that_no_utf8_can_hold_is_a_fault() -> None:
    assert codes("a: \udc80") == ["encoding"]


@law
@given(st.text(alphabet="ab01-:?[]{},&*!|>'\"%@`~<=. \n\t#\\y\r\ufeff\x85", max_size=80))
def test_any_text_is_read_or_refused(text: str) -> None:
    parsed = parse(text, "a.yaml")

    for fault in parsed.faults:
        assert fault.message
        assert fault.place is not None
        assert fault.place.line >= 1
        assert fault.place.column >= 1


@pytest.mark.parametrize(
    "text",
    [
        "a: {\n" + (" " * 2000 + "\n") * 500,
        "\n".join(" " * level + "a:" for level in range(3000)),
        "[" + "\n" * 500_000,
        "- \n" * 200_000 + "{",
    ],
    ids=range(4),
)
def test_blanks_take_no_long_time_to_be_passed_over(text: str) -> None:
    started = time.process_time()
    parse_all([("x.yaml", text)], skip_foreign=True)
    assert time.process_time() - started < 10


def test_each_of_many_json_documents_has_its_place() -> None:
    text = '{"kind": "A"}\n\n  {"kind": "B"} {"kind":\n "C"}{"kind": "D"}\n{"kind": "E"}'
    found = [(d.value["kind"], d.line, d.column) for d in read_documents(text)]
    assert found == [("A", 1, 1), ("B", 3, 3), ("C", 3, 17), ("D", 4, 6), ("E", 5, 1)]


def test_places_in_merged_mappings() -> None:
    text = "a: &a {x: 1, v: 1}\nb:\n  z: 1\n  <<: *a\n  x: 2\nc:\n  x: 3\n  <<: [{w: 1}, *a]\n"
    (document,) = read_documents(text)
    places = {path: document.locate(tuple(path.split("/"))) for path in ("b/x", "b/v", "b/z")}
    assert places == {"b/x": (5, 6), "b/v": (1, 17), "b/z": (3, 6)}
    assert document.locate(("c", "w")) == (8, 12)
    assert document.locate(("c", "x"), of_key=True) == (1, 8)
    assert document.locate(("b", "none")) == (3, 3)


def test_each_of_very_many_faults_of_one_mapping_has_its_place() -> None:
    lines = "".join(f"  k{number}: 1\n" for number in range(5_000))
    text = f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a}}\ndata:\n{lines}"
    faults = parse(text, "a.yaml").faults
    assert [fault.place.line for fault in faults if fault.place] == list(range(5, 5_005))
