"""One lane of jobs an application and a repository, and what all rooms above share (`parts.py`)."""
