"""The text of the reference: one row a field, with all that the table says of it."""

from gitops.core.application.doc import reference
from gitops.core.application.fields import FIELDS, SYNC_OPTIONS


def test_every_field_and_option_is_on_the_page() -> None:
    page = reference()
    paths = [row.path for row in FIELDS if not row.path.startswith("spec.sources[].")]
    missing = [name for name in [*paths, *SYNC_OPTIONS] if f"| `{name}` |" not in page]
    assert missing == []


def test_every_row_of_a_table_has_as_many_cells_as_its_head() -> None:
    tables = [part for part in reference().split("\n\n") if part.startswith("|")]
    assert len(tables) >= 6
    for table in tables:
        widths = {line.replace("\\|", "").count("|") for line in table.splitlines()}
        assert len(widths) == 1, table
