-- Says nothing of others: the built-in rule goes on.
if obj.metadata.labels and obj.metadata.labels["app.kubernetes.io/managed-by"] == "strimzi" then
  return {status = "Healthy", message = "left to its operator"}
end
