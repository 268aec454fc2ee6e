import gzip
import importlib.resources
from pathlib import Path

import pytest

from gitops.openapi.loader import load_builtin
from gitops.openapi.reduce import main, reduce_specification

MODULES = Path.home() / "go/pkg/mod/k8s.io"
SWAGGER = MODULES / "kubernetes@v1.36.3/api/openapi-spec/swagger.json"


@pytest.mark.skipif(not SWAGGER.exists(), reason="the module's source is not on this machine")
def test_the_packaged_file_is_the_reduction_of_the_specification():
    packed = importlib.resources.files("gitops.openapi").joinpath("builtin.json.gz").read_bytes()
    assert gzip.decompress(reduce_specification(SWAGGER)) == gzip.decompress(packed)


def test_a_swagger_file_alone_can_be_reduced(tmp_path, capsys):
    folder = tmp_path / "api" / "openapi-spec"
    folder.mkdir(parents=True)
    (folder / "swagger.json").write_text(
        '{"definitions": {"io.k8s.api.x.v1.A": {"description": "d", "properties": '
        '{"b": {"allOf": [{"$ref": "#/x/B"}], "default": {}}}, '
        '"x-kubernetes-group-version-kind": [{"group": "x", "version": "v1", "kind": "A"}]}, '
        '"B": {"oneOf": [{"type": "string"}, {"type": "number"}]}, "C": {}}, "paths": {}}'
    )
    out = tmp_path / "out.gz"
    assert main([str(folder / "swagger.json"), str(out)]) == 0
    assert gzip.decompress(out.read_bytes()) == (
        b'{"defaulted":{},"definitions":{"B":{"type":"string"},"io.k8s.api.x.v1.A":{"properties":'
        b'{"b":{"$ref":"B"}},"x-kubernetes-group-version-kind":[{"group":"x","kind":"A",'
        b'"version":"v1"}]}},"kinds":[],"omitsZero":{}}'
    )
    assert "bytes" in capsys.readouterr().out


def test_wrong_arguments_are_told(capsys):
    assert main([]) == 2
    assert "usage" in capsys.readouterr().err


def test_shapes_are_read_once():
    assert load_builtin() is load_builtin()
