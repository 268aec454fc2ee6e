"""How mirrors are kept and what bounds them; wiring fills it from the settings."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class GitOptions:
    """Limits and permissions.

    Times are seconds. `poll_timeout_s` and `fetch_timeout_s` bound one whole git command, because a
    server that hangs must not hold a worker; `connect_timeout_s` bounds SSH's handshake, and a
    transfer below 1000 bytes a second for `stall_timeout_s` is given up.

    `depth` is how many commits of history are fetched, 0 for all: a shallow mirror saves disk and
    time on repositories with a long history, and costs the server more work at every fetch.

    `keep_commits` bounds how many checked-out commits a mirror protects from `maintain`. Sizes
    bound what one file, and one export, may hold.

    `submodule_prefixes` are URL prefixes (`https://github.com/acme`, or `*`) that submodules may
    come from besides their parent's own host; `local_submodules` lets submodules of a repository on
    this machine be on this machine too. `local_repositories` says whether `file://` URLs and paths
    may be read at all.
    """

    poll_timeout_s: float = 30
    fetch_timeout_s: float = 600
    connect_timeout_s: int = 15
    stall_timeout_s: int = 30
    local_timeout_s: float = 120
    depth: int = 0
    keep_commits: int = 1000
    max_file_bytes: int = 32 * 1024 * 1024
    max_export_bytes: int = 512 * 1024 * 1024
    max_export_files: int = 100_000
    max_output_bytes: int = 128 * 1024 * 1024
    submodule_prefixes: tuple[str, ...] = ()
    local_submodules: bool = False
    local_repositories: bool = True
    open_readers: int = 8
