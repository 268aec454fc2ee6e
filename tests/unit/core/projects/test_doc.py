"""The text of the reference: one row a field, with all that the table says of it."""

from gitops.core.projects.doc import reference
from gitops.core.projects.fields import METADATA, SPEC


def test_every_field_of_a_project_is_on_the_page() -> None:
    page = reference()
    missing = [row.path for row in (*METADATA, *SPEC) if f"| `{row.path}` |" not in page]
    assert missing == []


def test_every_row_of_the_tables_has_as_many_cells_as_its_head() -> None:
    tables = [part for part in reference().split("\n\n") if part.startswith("|")]
    assert len(tables) == 2
    for table in tables:
        widths = {line.replace("\\|", "").count("|") for line in table.splitlines()}
        assert len(widths) == 1, table
