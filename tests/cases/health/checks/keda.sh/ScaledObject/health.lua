if obj.metadata.annotations ~= nil and obj.metadata.annotations["autoscaling.keda.sh/paused-replicas"] ~= nil then
  local count = tonumber(obj.metadata.annotations["autoscaling.keda.sh/paused-replicas"])
  return {status = "Suspended", message = "Held at " .. math.max(count, 0)}
end
local met = {}
for i = 1, #(obj.status.conditions or {}) do
  local c = obj.status.conditions[i]
  met[c.type] = c.status
end
if met.Ready == "False" then return {status = "Degraded", message = "not ready"} end
if met.Fallback == "True" then return {status = "Degraded", message = "falls back"} end
return {status = met.Ready == "True" and "Healthy" or "Progressing"}
