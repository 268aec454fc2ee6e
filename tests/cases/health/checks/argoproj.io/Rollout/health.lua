-- Steps, pauses and aborts; a global table and functions, as most scripts have them.
hs = {}

function is_observed(rollout)
  local observed = tonumber(rollout.status.observedGeneration)
  return observed ~= nil and observed >= rollout.metadata.generation
end

function paused_by(rollout)
  for _, pause in pairs(rollout.status.pauseConditions or {}) do
    if pause.reason == nil then
      goto continue
    end
    do return pause.reason end
    ::continue::
  end
end

if not obj.status or not is_observed(obj) then
  hs.status, hs.message = "Progressing", "The controller has not seen the change yet"
  return hs
end
if obj.status.abort then
  hs.status, hs.message = "Degraded", "The rollout was aborted: " .. (obj.status.message or "?")
  return hs
end
local reason = paused_by(obj)
if reason then
  hs.status, hs.message = "Suspended", "Paused by " .. reason
  return hs
end
local wanted, updated = obj.spec.replicas or 1, obj.status.updatedReplicas or 0
if updated < wanted then
  hs.status = "Progressing"
  hs.message = string.format("%d of %d pods are new (step %s)", updated, wanted, tostring(obj.status.currentStepIndex))
  return hs
end
hs.status = "Healthy"
return hs
