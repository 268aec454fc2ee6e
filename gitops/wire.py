"""Values to and from JSON: API, command line and store use nothing else."""
