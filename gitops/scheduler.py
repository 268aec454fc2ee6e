"""APScheduler at the edge: asks the engine on each interval."""
