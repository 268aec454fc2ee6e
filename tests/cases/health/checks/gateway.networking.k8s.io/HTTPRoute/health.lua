-- Every parent must have taken the route; nested lists.
local problems = {}
for _, parent in ipairs((obj.status or {}).parents or {}) do
  for _, c in ipairs(parent.conditions or {}) do
    local stale = c.observedGeneration ~= nil and c.observedGeneration ~= obj.metadata.generation
    if c.status ~= "True" and not stale then
      problems[#problems + 1] = parent.parentRef.name .. ": " .. (c.message or c.reason)
    end
  end
end
if obj.status == nil or #(obj.status.parents or {}) == 0 then
  return {status = "Progressing", message = "No gateway has seen the route"}
end
if #problems > 0 then return {status = "Degraded", message = table.concat(problems, "; ")} end
return {status = "Healthy", message = "Taken by " .. #obj.status.parents .. " gateway(s)"}
