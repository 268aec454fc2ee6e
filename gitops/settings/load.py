"""All settings together: read once, from file and environment.

From `--config`, else `GITOPS_CONFIG`, else `./gitops.yaml`, else the defaults; each key also as
`GITOPS_<SECTION>__<KEY>` in the environment, which wins.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from pydantic import AliasGenerator, Field, ValidationError
from pydantic.alias_generators import to_camel
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)
from pydantic_settings import SettingsError as UnreadableError

from gitops.core.yaml.reader import read_documents
from gitops.errors import SettingsError
from gitops.settings.sections import (
    ActionsSection,
    ClusterSection,
    DiffSection,
    GitSection,
    HealthSection,
    LogSection,
    MaskingSection,
    RenderSection,
    ServerSection,
    SyncSection,
    WebhookSection,
)


def default_state_dir() -> Path:
    """`$XDG_STATE_HOME/gitops`, else `~/.local/state/gitops`."""
    base = os.environ.get("XDG_STATE_HOME")
    return (Path(base) if base else Path.home() / ".local" / "state") / "gitops"


class Settings(BaseSettings):
    """The whole of it."""

    model_config = SettingsConfigDict(
        env_prefix="GITOPS_",
        env_nested_delimiter="__",
        extra="forbid",
        populate_by_name=True,
        alias_generator=AliasGenerator(validation_alias=to_camel),
        frozen=True,
    )

    state_dir: Path = Field(
        default_factory=default_state_dir,
        description="Database, mirrors and the installation's key; only its owner may read it.",
    )
    key_file: Path | None = Field(
        None,
        description="The installation's key in a file of yours, 32 bytes or 64 hex digits, mounted "
        "from a Secret say; else one is made in the state directory.",
    )
    applications: tuple[Path, ...] = Field(
        (),
        description="Files and directories with Applications; read at start and when they change.",
    )
    server: ServerSection = Field(default_factory=ServerSection)
    cluster: ClusterSection = Field(default_factory=ClusterSection)
    git: GitSection = Field(default_factory=GitSection)
    render: RenderSection = Field(default_factory=RenderSection)
    sync: SyncSection = Field(default_factory=SyncSection)
    health: HealthSection = Field(default_factory=HealthSection)
    actions: ActionsSection = Field(default_factory=ActionsSection)
    diff: DiffSection = Field(default_factory=DiffSection)
    masking: MaskingSection = Field(default_factory=MaskingSection)
    webhook: WebhookSection = Field(default_factory=WebhookSection)
    log: LogSection = Field(default_factory=LogSection)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment wins over the file, which comes in as arguments."""
        del env_settings, dotenv_settings, file_secret_settings
        return Environment(settings_cls), init_settings


PLAIN: Final = frozenset({"gitops_state_dir", "gitops_key_file", "gitops_applications"})


class Environment(EnvSettingsSource):
    """Variables that are ours: `GITOPS_<SECTION>__<KEY>`, GITOPS_STATE_DIR and the like.

    Not those of other programs that happen to be named like a section (`SERVER`), nor those that
    the commands read (`GITOPS_SERVER` is a URL). Several paths are separated as in PATH.
    """

    def _load_env_vars(self) -> Mapping[str, str | None]:
        kept: dict[str, str | None] = {}
        for name, value in super()._load_env_vars().items():
            nested = name.startswith("gitops_") and "__" in name
            if nested or name in PLAIN:
                kept[name] = value
        paths = kept.get("gitops_applications")
        if paths and not paths.startswith("["):
            kept["gitops_applications"] = json.dumps(paths.split(os.pathsep))
        return kept


def find_config(
    given: Path | None, environ: Mapping[str, str], *, here: bool = True
) -> Path | None:
    """The file to read: the one given, else `GITOPS_CONFIG`, else `./gitops.yaml` if it exists.

    `here` False leaves the last one out, for commands that people run in a repository of others.
    """
    if given is not None:
        return given
    if environ.get("GITOPS_CONFIG"):
        return Path(environ["GITOPS_CONFIG"])
    default = Path("gitops.yaml")
    return default if here and default.is_file() else None


def load_settings(config: Path | None = None, *, here: bool = True, **overrides: Any) -> Settings:
    """Read file and environment; `overrides` (flags, by field name) win over both.

    `here` as in `find_config`. Raises SettingsError that names every wrong key.
    """
    path = find_config(config, os.environ, here=here)
    values = _read(path) if path else {}
    try:
        settings = Settings(**values)
        chosen = {key: value for key, value in overrides.items() if value is not None}
        return settings.model_copy(update=chosen) if chosen else settings
    except UnreadableError as error:
        raise SettingsError(
            str(error).removesuffix(' from source "Environment"'),
            where="the environment",
            remedy="lists of mappings are better written in a file",
        ) from error
    except ValidationError as error:
        faults = "; ".join(_sentence(fault) for fault in error.errors(include_url=False))
        raise SettingsError(
            faults,
            where=str(path) if path else "the environment",
            remedy="docs/reference/settings.md lists every setting",
        ) from error


def _read(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text("utf-8")
    except OSError as error:
        raise SettingsError(
            f"cannot be read ({error.strerror})", where=str(path), remedy="check --config"
        ) from error
    except UnicodeDecodeError as error:
        raise SettingsError("is not UTF-8", where=str(path), remedy="save it as UTF-8") from error
    documents = list(read_documents(text))
    for fault in (fault for document in documents for fault in document.faults):
        # What a syntax fault would quote may be a secret.
        told = fault.message if fault.code in _TOLD else "is not YAML"
        raise SettingsError(told, where=f"{path}:{fault.line}", remedy="mend its syntax")
    if not documents:
        return {}
    if len(documents) > 1 or not isinstance(documents[0].value, dict):
        raise SettingsError(
            "must hold one mapping of sections",
            where=str(path),
            remedy="docs/reference/settings.md shows one",
        )
    return documents[0].value


_TOLD: Final = frozenset({"alias-bomb", "duplicate-key", "too-deep", "too-large"})


def _sentence(fault: Mapping[str, Any]) -> str:
    place = ".".join(str(part) for part in fault["loc"])
    if fault["type"] == "extra_forbidden":
        return f"unknown setting {place}"
    message = str(fault["msg"]).removeprefix("Value error, ")
    return f"{place}: {message[:1].lower()}{message[1:]}"
