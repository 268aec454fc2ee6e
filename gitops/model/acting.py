"""Resource actions: what people may do to one live object, such as a restart, and what that makes.

Not the actions of a plan (`gitops.model.plan`), which bring an object to what Git wants.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from gitops.model.objects import Body, ObjectId


@dataclass(frozen=True, slots=True)
class Offer:
    """An action that an object has.

    `refused` says why it cannot be run now, or is ""; `params` are the names of its parameters;
    `title` is how its author calls it, or "". A scripted one may take parameters that it does not
    name, where it names none.
    """

    name: str
    refused: str = ""
    params: tuple[str, ...] = ()
    title: str = ""
    scripted: bool = False


@dataclass(frozen=True, slots=True)
class Scripted:
    """What users' own scripts offer; `built_in` says that the kind's own actions are there too."""

    offers: tuple[Offer, ...] = ()
    built_in: bool = True


@dataclass(frozen=True, slots=True)
class Offered:
    """What an object has to offer; `problem` says why its own scripts could not be asked, or ""."""

    id: ObjectId
    api_version: str
    offers: tuple[Offer, ...] = ()
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody asks for: an action by name, with parameters as texts.

    `object` is how they name its object (`deployment/web`), `namespace` "" where they do not say.
    """

    action: str
    object: str
    namespace: str = ""
    params: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Order:
    """An action on one object."""

    action: str
    target: ObjectId
    params: Mapping[str, str] = field(default_factory=dict)

    @property
    def sentence(self) -> str:
        """`scale Deployment nohi/web with replicas=3`."""
        return told(self.action, self.target.title, self.params)


def told(action: str, name: str, params: Mapping[str, str]) -> str:
    """An action, its object and its parameters in words."""
    given = ", ".join(f"{key}={value}" for key, value in sorted(params.items()))
    return f"{action} {name}" + (f" with {given}" if given else "")


@dataclass(frozen=True, slots=True)
class Given:
    """What an action may know besides its object."""

    params: Mapping[str, str]
    now: datetime


@dataclass(frozen=True, slots=True)
class Effect:
    """What an action makes: its object as it is to be, and objects that are to be created.

    `waits` is False where the object is not meant to be healthy afterwards.
    """

    after: Body
    creates: tuple[Body, ...] = ()
    waits: bool = True
