-- A claim that waits for its first consumer is as it should be.
if obj.status ~= nil and obj.status.phase == "Pending" and obj.spec.storageClassName == "local" then
  return {status = "Healthy", message = "Waits for its first pod"}
end
return nil
