-- Suspended first, then the generation, then the conditions from the worst on.
local function condition(name)
  for _, found in ipairs((obj.status or {}).conditions or {}) do
    if found.type == name then return found.status == "True", found.message, found.reason end
  end
end
if obj.spec.suspend then return {status = "Suspended", message = "Kustomization is suspended"} end
if (obj.status or {}).observedGeneration ~= obj.metadata.generation then
  return {status = "Progressing", message = "Waiting for the controller"}
end
local is_stalled, why = condition("Stalled")
if is_stalled then return {status = "Degraded", message = why} end
local is_ready, said, reason = condition("Ready")
if is_ready then return {status = "Healthy", message = said} end
if reason == "ReconciliationFailed" or reason == "BuildFailed" then
  return {status = "Degraded", message = reason .. ": " .. said}
end
return {status = "Progressing", message = said or "Waiting for the first run"}
