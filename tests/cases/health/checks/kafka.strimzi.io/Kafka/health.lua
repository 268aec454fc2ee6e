-- Warnings are listed, in the order of the conditions.
local warnings = {}
local ready
for _, c in ipairs(obj.status and obj.status.conditions or {}) do
  if c.type == "Warning" then
    table.insert(warnings, c.reason)
  elseif c.type == "NotReady" and c.status == "True" then
    return {status = c.reason == "Creating" and "Progressing" or "Degraded", message = c.message or c.reason}
  elseif c.type == "Ready" then
    ready = c.status == "True"
  end
end
if not ready then return {status = "Progressing", message = "Kafka is not ready"} end
if #warnings > 0 then return {status = "Healthy", message = "Warnings: " .. table.concat(warnings, ", ")} end
return {status = "Healthy"}
