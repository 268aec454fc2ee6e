"""`python -m gitops.cli.attached ARGUMENTS`: a gitops command that ends with whoever started it.

Standard input is a pipe from the parent. It ends when the parent does, by whatever cause; then the
command is asked to stop, and made to if it does not. `gitops demo` starts the service so.
"""

import os
import signal
import sys
import threading
from typing import Final

from gitops.cli.main import run

GRACE_S: Final = 25.0


def end_with_parent() -> None:
    """Wait for the end of standard input, then end this process."""
    while os.read(0, 512):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    threading.Event().wait(GRACE_S)
    os._exit(1)


if __name__ == "__main__":
    threading.Thread(target=end_with_parent, name="end-with-parent", daemon=True).start()
    sys.exit(run(sys.argv[1:]))
