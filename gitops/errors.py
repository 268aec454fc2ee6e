"""The tree of errors that users can cause or meet; each keeps its facts as fields.

GitopsError
├── UsageError              wrong arguments
├── InputError              something a user wrote is wrong: a manifest, an Application, a setting
│   ├── ManifestError
│   ├── ApplicationError
│   └── SettingsError
├── NotFoundError           no such application, revision, object
├── ConflictError           a name, a claim or a state stands in the way
├── AccessError             no token, a wrong token, a wrong signature, a wrong host
├── TooLargeError           a body beyond its limit
├── SourceError             Git: unreachable, refused, reference or path missing
├── RenderError             Kustomize, Helm or plain rendering failed, was refused or hit a limit
├── ClusterError            the API server refused or could not be reached
├── ControlPlaneError       the embedded control plane could not be built, started or stopped
├── StoreError              the database: full, busy, touched, key missing
└── ServiceError            the service could not be reached or is stopping

Every error is one sentence that says what was wrong (`message`), where (`where`: a file:line, an
object, a URL without credentials; None where there is no place) and what to do (`remedy`).
`code` is a stable word for scripts; `api/problems.py` maps it to an HTTP status.
"""

from typing import ClassVar


class GitopsError(Exception):
    """The root; `message` ends without a full stop."""

    code: ClassVar[str] = "error"

    def __init__(
        self,
        message: str,
        *,
        where: str | None = None,
        remedy: str | None = None,
        reason: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.where = where
        self.remedy = remedy
        self.reason = reason
        """A finer stable word under `code` (`ref-missing`, `forbidden`), or None."""

    def __str__(self) -> str:
        where = f"{self.where}: " if self.where else ""
        remedy = f"; {self.remedy}" if self.remedy else ""
        return f"{where}{self.message}{remedy}"


class UsageError(GitopsError):
    """Wrong arguments or flags."""

    code = "usage"


class InputError(GitopsError):
    """Something that a user wrote cannot be used."""

    code = "invalid"


class ManifestError(InputError):
    """A manifest cannot be read or used."""

    code = "manifest"


class ApplicationError(InputError):
    """An Application cannot be read or used."""

    code = "application"


class SettingsError(InputError):
    """A setting cannot be used."""

    code = "settings"


class NotFoundError(GitopsError):
    """There is no such application, revision or object."""

    code = "not-found"


class ConflictError(GitopsError):
    """A name, a claim or a state stands in the way."""

    code = "conflict"


class AccessError(GitopsError):
    """The caller did not show who they are, or may not do this."""

    code = "access"


class TooLargeError(GitopsError):
    """A body is beyond its limit."""

    code = "too-large"


class SourceError(GitopsError):
    """Git did not give what was asked for.

    Reasons: `unreachable`, `refused`, `ref-missing`, `ref-ambiguous`, `path-missing`,
    `half-answer`, `submodule`, `timeout`, `unsafe` (a name or link that leaves the checkout),
    `limit` (beyond a bound), `disk-full`.
    """

    code = "source"


class RenderError(GitopsError):
    """Manifests could not be made from a checkout.

    Reasons: `failed`, `refused` (remote or escaping reference), `limit` (time, memory, output),
    `tool-missing`, `empty`, `unstable`.
    """

    code = "render"


class ClusterError(GitopsError):
    """The API server refused, or could not be reached.

    Reasons: `unreachable`, `unauthorized`, `forbidden`, `not-found`, `conflict`, `invalid`,
    `transient`, `unknown-kind`; finer ones beside them: `denied` (admission refuses it: a quota, a
    policy), `namespace-missing` (the object's namespace does not exist), `immutable` (a field that
    cannot be changed in place), `no-dry-run` (an admission webhook refuses dry-runs), `expired` (a
    list has to be read again).
    """

    code = "cluster"


class ControlPlaneError(GitopsError):
    """The embedded control plane could not be built, started or stopped.

    Reasons: `no-go`, `network`, `disk-full`, `build`, `start`, `stopped`, `timeout`.
    """

    code = "control-plane"


class StoreError(GitopsError):
    """The database could not keep or give something.

    Reasons: `full`, `busy`, `touched`, `key-missing`, `key-open`, `newer-schema`, `unwritable`,
    `failed`.
    """

    code = "store"


class ServiceError(GitopsError):
    """The service could not be reached, or is stopping."""

    code = "service"
