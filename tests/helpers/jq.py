"""jq expressions for tests of the diff, without a process of their own."""

from gitops.checks.jq_child import answer


def find_paths(expressions, bodies):
    """A `PathFinder`."""
    places = answer({"expressions": list(expressions), "objects": list(bodies)})["places"]
    return [[tuple(place) for place in found] for found in places]
