"""Faults as reports that other programs read: SARIF 2.1.0 and JUnit XML.

In: faults, and the files that were looked at. Out: text. Called by `gitops validate`.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote
from xml.etree.ElementTree import Element, SubElement, indent, tostring

import orjson

from gitops import __version__
from gitops.cli.output import one_line, to_json
from gitops.model.plan import Fault

_SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"


def to_sarif(faults: Sequence[Fault]) -> str:
    """A log of static analysis, as code scanning of GitHub and others take it."""
    codes = sorted({fault.code for fault in faults})
    driver = {"name": "gitops", "version": __version__, "rules": [{"id": code} for code in codes]}
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [_result(fault) for fault in faults],
    }
    value = {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}
    return to_json(value, option=orjson.OPT_INDENT_2).decode()


def _result(fault: Fault) -> dict[str, Any]:
    result = {"ruleId": fault.code, "level": "error", "message": {"text": fault.message}}
    if fault.place is None:
        return result
    place = {
        "artifactLocation": {"uri": _uri(fault.place.path)},
        "region": {"startLine": fault.place.line, "startColumn": fault.place.column},
    }
    return {**result, "locations": [{"physicalLocation": place}]}


def _uri(path: str) -> str:
    if Path(path).is_absolute():
        return Path(path).as_uri()
    return quote(Path(path).as_posix())


def to_junit(faults: Sequence[Fault], files: Sequence[str]) -> str:
    """A test suite: a case a fault, and one that passed for each file without any."""
    bad = {fault.place.path if fault.place else "" for fault in faults}
    good = [file for file in files if file not in bad]
    counts = {"tests": str(len(faults) + len(good)), "failures": str(len(faults)), "errors": "0"}
    root = Element("testsuites", counts)
    suite = SubElement(root, "testsuite", {"name": "gitops validate", **counts})
    for file in good:
        SubElement(suite, "testcase", {"classname": one_line(file), "name": "manifests"})
    for fault in faults:
        path, line = (fault.place.path, fault.place.line) if fault.place else ("", 1)
        where = {"classname": one_line(path), "name": f"line {line}: {fault.code}"}
        case = SubElement(suite, "testcase", {**where, "file": one_line(path), "line": str(line)})
        told = SubElement(case, "failure", {"message": one_line(fault.message), "type": fault.code})
        told.text = one_line(f"{path}:{line}: {fault.message}")
    indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(root, encoding="unicode")
