"""What of a manifest is sent, where its options ask for less than all of it.

In: a manifest with our marks, its shape, the live object. Out: a copy; the very same body where
nothing is left out. Called by `engine/planning/wishes.py`. Nothing is changed in place.
"""

from collections.abc import Mapping
from typing import Any

from gitops.core.diff.diff import as_actual
from gitops.core.diff.ignore import DiffOptions, trusted_managers
from gitops.core.schema.schema import Form, Shape
from gitops.core.schema.shapes import Shapes
from gitops.model.objects import Body, identify


def declared_only(body: Body, shapes: Shapes) -> Body:
    """The fields that the object's kind has (`Validate=false`); of an unknown kind all.

    Server-side apply refuses the others, whatever validation it is asked for.
    """
    made = _declared(body, shapes.root(body))
    return body if made == body else made


def _declared(value: Any, shape: Shape) -> Any:
    if isinstance(value, Mapping) and shape.form is Form.STRUCT:
        below = ((key, item, shape.child(key)) for key, item in value.items())
        return {key: _declared(item, child) for key, item, child in below if child is not None}
    if isinstance(value, Mapping) and shape.form is Form.MAP:
        return {
            key: item if (child := shape.child(key)) is None else _declared(item, child)
            for key, item in value.items()
        }
    if isinstance(value, list) and shape.form is Form.LIST:
        return [_declared(item, shape.item) for item in value]
    return value


def needs_owners(body: Body, options: DiffOptions) -> bool:
    """Whether ignore rules for an object name managers: all of its managedFields are asked for."""
    return bool(trusted_managers(options.matching(identify(body), body)))


def with_live_values(desired: Body, live: Body, shapes: Shapes, options: DiffOptions) -> Body:
    """The manifest with the live object's values where ignore rules say so.

    As Argo CD has `RespectIgnoreDifferences=true`. `live` needs all of its managedFields where
    `needs_owners` says so. Raises ApplicationError for a rule that cannot be read.
    """
    rules = options.matching(identify(live), desired)
    if not rules:
        return desired
    return as_actual(live, desired, (rules, options), shapes.root(live))
