-- One script for every managed resource of a provider.
local no_status = {ProviderConfig = true, ProviderConfigUsage = true}
if no_status[obj.kind] then return {status = "Healthy", message = "Nothing to wait for"} end
local hs = {status = "Progressing", message = "Being made"}
for _, c in pairs((obj.status or {}).conditions or {}) do
  if c.type == "LastAsyncOperation" and c.status == "False" then
    hs = {status = "Degraded", message = c.message}
  elseif c.type == "Synced" and c.status == "False" then
    return {status = "Degraded", message = c.message}
  elseif c.type == "Ready" and c.status == "True" then
    hs = {status = "Healthy", message = "Resource is there"}
  end
end
return hs
