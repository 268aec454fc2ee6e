import json
import re
from pathlib import Path

import pytest

from gitops.cli.main import GROUPS
from gitops.cli.reference import PAGES
from gitops.core.git.webhooks import recognise
from gitops.settings.load import Settings

FOLDER = Path(__file__).parents[2] / "docs" / "reference"


@pytest.mark.parametrize("name", sorted(PAGES))
def test_the_page_is_what_the_code_says(name: str) -> None:
    written = (FOLDER / name).read_text()
    assert written == PAGES[name](), "run: python -m gitops.cli.reference docs/reference"


def test_every_command_is_on_its_page() -> None:
    page = (FOLDER / "commands.md").read_text()
    names = [name for commands in GROUPS.values() for name in commands]
    assert [name for name in names if f"### gitops {name}\n" not in page] == []


def test_every_setting_says_why() -> None:
    for name, info in Settings.model_fields.items():
        inner = getattr(info.annotation, "model_fields", {})
        silent = [key for key, one in inner.items() if not one.description]
        assert silent == [], name


def test_the_headers_of_webhooks_are_those_that_are_read() -> None:
    page = (FOLDER / "webhooks.md").read_text()
    table = page.split("| sender |")[1].split("```")[0]
    known = re.findall(r"`(X-[A-Za-z]+-Event|X-Signature)`", table)
    assert len(known) == 6
    for header in known:
        assert recognise({header.lower(): "push"}) is not None, header


def test_error_codes_of_the_json_page_are_all_there() -> None:
    page = (FOLDER / "api.md").read_text()
    listed = (FOLDER / "json.md").read_text().split("`code` is one word of ")[1].split("\n")[0]
    for code in re.findall(r"`([a-z-]+)`", listed):
        assert f"| `{code}` |" in page


def test_the_answers_of_the_json_page_are_json() -> None:
    page = (FOLDER / "json.md").read_text()
    for block in re.findall(r"```json\n(.*?)```", page, re.DOTALL):
        json.loads(block)
