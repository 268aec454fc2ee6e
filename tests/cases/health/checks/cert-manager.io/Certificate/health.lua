-- Ready decides; while a certificate is being issued, the old one may still be good.
local hs = {status = "Progressing", message = "The certificate was not asked for yet"}
local ready, issuing
if obj.status ~= nil and obj.status.conditions ~= nil then
  for i, condition in ipairs(obj.status.conditions) do
    if condition.type == "Ready" then ready = condition end
    if condition.type == "Issuing" and condition.status == "True" then issuing = condition end
  end
end
if issuing ~= nil then
  hs.message = issuing.message
elseif ready ~= nil then
  hs.status = ready.status == "True" and "Healthy" or "Degraded"
  hs.message = ready.message
end
return hs
