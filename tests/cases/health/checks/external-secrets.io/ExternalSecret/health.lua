-- A secret that was never read is in progress; one that cannot be read any more is degraded.
local hs = {status = "Progressing", message = "The secret was not read yet"}
if obj.status == nil or obj.status.conditions == nil or #obj.status.conditions == 0 then
  return hs
end
for _, condition in ipairs(obj.status.conditions) do
  if condition.type == "Ready" and condition.status ~= nil then
    local is_ready = ({True = true, False = false})[condition.status]
    if is_ready == nil then break end
    hs.status = is_ready and "Healthy" or "Degraded"
    hs.message = condition.message
  end
end
return hs
