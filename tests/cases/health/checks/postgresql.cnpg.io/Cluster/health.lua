local status = obj.status
if status == nil then return {status = "Progressing", message = "Waiting for the operator"} end
local annotations = obj.metadata.annotations or {}
if annotations["cnpg.io/hibernation"] == "on" then return {status = "Suspended", message = "Hibernates"} end
local phase = string.lower(status.phase or "")
if string.find(phase, "^cluster in healthy state") then
  return {status = "Healthy", message = string.gsub(status.phase, "Cluster ", "")}
end
if phase:match("fail") or phase:match("unrecoverable") then
  return {status = "Degraded", message = status.phaseReason}
end
return {status = "Progressing", message = status.phase}
