from gitops.core.diff.keep import keep_ignored
from gitops.core.diff.trace import Trace
from gitops.core.pointers import Trie
from gitops.core.schema.schema import ANY


def test_an_ignored_item_of_the_answer_that_actual_lacks_is_left_out() -> None:
    trace = Trace(skip_desired=Trie.of([("1",)]))
    assert keep_ignored(["a", "b", "c"], ["x"], trace, ANY) == ["a", "c"]
