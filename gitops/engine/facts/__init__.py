"""What is known in memory: of applications, of what they own, of the cluster as watches show it."""
