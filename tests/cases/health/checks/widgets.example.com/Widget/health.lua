-- What it says while it goes, finalizer by finalizer.
if obj.metadata.deletionTimestamp ~= nil then
  local parts = {}
  for _, finalizer in ipairs(obj.metadata.finalizers or {}) do
    parts[#parts + 1] = finalizer .. " waits"
  end
  return {status = "Progressing", deletionMessage = "Going: " .. table.concat(parts, "; ")}
end
local facets = {}
for name, facet in pairs((obj.status or {}).facets or {}) do
  if facet ~= "done" then facets[#facets + 1] = name end
end
if #facets > 0 then return {status = "Progressing", message = "open: " .. table.concat(facets, ", ")} end
return {status = "Healthy"}
