"""What is kept of applications: their state, and the text of those made through the API."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from sqlalchemy import bindparam, delete, select

from gitops.errors import NotFoundError
from gitops.model.revision import RecordKind
from gitops.ports import ApplicationState
from gitops.store import dialect
from gitops.store.connection import Connection, Prepared
from gitops.store.content import fetch, keep
from gitops.store.faults import reading
from gitops.store.keys import mac
from gitops.store.recording import Part
from gitops.store.schema import applications, registered
from gitops.wire.revision import pin_from_wire, pin_to_wire

_STATE: Final = Prepared(
    select(applications.c.state).where(applications.c.name == bindparam("name"))
)


def state_to_wire(state: ApplicationState) -> dict[str, Any]:
    """An application's state as a JSON value."""
    return {
        "suspended": state.suspended,
        "pin": None if state.pin is None else pin_to_wire(state.pin),
        "commits": list(state.commits),
        "renderKey": state.render_key,
        "paths": [list(paths) for paths in state.paths],
        "digest": state.digest,
        "manifests": state.manifests,
        "syncedDigest": state.synced_digest,
        "failed": state.failed,
        "quarantine": sorted(state.quarantine),
        "approved": state.approved,
        "supersedes": state.supersedes,
        "deleting": state.deleting,
        "dependsOn": list(state.depends_on),
        "owned": state.owned,
    }


def state_from_wire(name: str, value: Mapping[str, Any]) -> ApplicationState:
    """The state that `state_to_wire` wrote."""
    return ApplicationState(
        name=name,
        suspended=value["suspended"],
        pin=None if value["pin"] is None else pin_from_wire(value["pin"]),
        commits=tuple(value["commits"]),
        render_key=value["renderKey"],
        paths=tuple(tuple(paths) for paths in value["paths"]),
        digest=value["digest"],
        manifests=value["manifests"],
        synced_digest=value["syncedDigest"],
        failed=value["failed"],
        quarantine=frozenset(value["quarantine"]),
        approved=value["approved"],
        supersedes=value["supersedes"],
        deleting=value.get("deleting", ""),
        depends_on=tuple(value.get("dependsOn", ())),
        owned=value.get("owned", ""),
    )


def read_states(connection: Connection) -> dict[str, ApplicationState]:
    """Every state, by name."""
    rows = connection.execute(select(applications).order_by(applications.c.name))
    return {row.name: state_from_wire(row.name, row.state) for row in rows}


def read_state(connection: Connection, name: str) -> ApplicationState | None:
    """One state."""
    with reading():
        value = connection.execute(_STATE, {"name": name}).scalar()
        return None if value is None else state_from_wire(name, value)


def changed(connection: Connection, states: Iterable[ApplicationState]) -> list[ApplicationState]:
    """Those that differ from what is kept."""
    return [state for state in states if read_state(connection, state.name) != state]


def write_states(connection: Connection, states: Iterable[ApplicationState]) -> None:
    """Save states within a transaction."""
    rows = [{"name": state.name, "state": state_to_wire(state)} for state in states]
    dialect.save(connection, applications, rows)


class ApplicationsPart(Part):
    """`ports.Store`: applications."""

    def states(self) -> dict[str, ApplicationState]:
        """Every application's state, in order of names."""
        with self.database.read() as connection:
            return read_states(connection)

    def state(self, application: str) -> ApplicationState:
        """One application's; a fresh one where there is none."""
        with self.database.read() as connection:
            return read_state(connection, application) or ApplicationState(application)

    def save_state(self, *states: ApplicationState) -> None:
        """Save; writes nothing where nothing changed."""
        with self.database.read() as connection:
            if not changed(connection, states):
                return
        with self.database.write() as connection:
            write_states(connection, states)

    def forget(self, application: str) -> None:
        """Drop an application's state; its revisions stay."""
        with self.database.read() as connection:
            if read_state(connection, application) is None:
                return
        with self.database.write() as connection:
            connection.execute(delete(applications).where(applications.c.name == application))

    def registered(self) -> dict[str, str]:
        """Applications created through the API: name to YAML, in order of names.

        Raises StoreError `key-missing` where there are some and the key is gone.
        """
        query = select(registered).order_by(registered.c.name)
        with self.database.read() as connection:
            rows = connection.execute(query).all()
            return {
                row.name: fetch(connection, self.keys, row.address).decode("utf-8") for row in rows
            }

    def register(self, name: str, text: str, actor: str) -> None:
        """Keep an application created through the API, with its trail record.

        Replaces the text of one that is registered; does nothing where it is the same.
        """
        keys, plain = self.keys, text.encode("utf-8")
        with self.database.read() as connection:
            if _registered_at(connection, name) == mac(keys.address, plain):
                return
        with self.recording() as recorder:
            address = keep(recorder.connection, keys, plain)
            dialect.save(recorder.connection, registered, [{"name": name, "address": address}])
            recorder.append(RecordKind.REGISTERED, {"text": address}, actor=actor, application=name)

    def unregister(self, name: str, actor: str) -> None:
        """Drop it, with its trail record; raises NotFoundError."""
        with self.recording() as recorder:
            address = _registered_at(recorder.connection, name)
            if address is None:
                raise NotFoundError(f"no application {name} was created through the API")
            recorder.connection.execute(delete(registered).where(registered.c.name == name))
            recorder.append(
                RecordKind.UNREGISTERED, {"text": address}, actor=actor, application=name
            )


def _registered_at(connection: Connection, name: str) -> str | None:
    query = select(registered.c.address).where(registered.c.name == name)
    found: str | None = connection.execute(query).scalar()
    return found
