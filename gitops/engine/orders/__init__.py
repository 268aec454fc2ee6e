"""What people ask for: actions, rollbacks, undelete, looking."""
