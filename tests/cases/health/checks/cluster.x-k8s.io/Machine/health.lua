-- Which conditions are not met, the same words in every run.
local hs = {}
local names, seen = {}, {}
for _, c in pairs(obj.status and obj.status.conditions or {}) do
  if c.status ~= "True" and not seen[c.type] then
    seen[c.type] = true
    table.insert(names, string.format("%s=%s", c.type, c.status))
  end
end
table.sort(names, function(a, b) return a > b end)
local phase = string.upper(string.sub(obj.status.phase or "?", 1, 1)) .. string.sub(obj.status.phase or "?", 2)
if phase == "Running" and next(names) == nil then
  hs.status = "Healthy"
elseif phase == "Failed" then
  hs.status = "Degraded"
else
  hs.status = "Progressing"
end
hs.message = phase .. (#names > 0 and " (" .. table.concat(names, ", ") .. ")" or "")
return hs
