-- A backup that expired is nothing to worry about; times are RFC 3339.
local function seconds(text)
  local year, month, day, hour, minute, second = string.match(text, "(%d+)%-(%d+)%-(%d+)T(%d+):(%d+):(%d+)")
  return os.time({year = year, month = month, day = day, hour = hour, min = minute, sec = second})
end
local phase = obj.status ~= nil and obj.status.phase or "New"
if phase == "Completed" then
  local age = math.floor((seconds(obj.status.completionTimestamp) - seconds(obj.status.startTimestamp)) / 60)
  return {status = "Healthy", message = "took " .. age .. " min, until " .. os.date("!%Y-%m-%d", seconds(obj.status.expiration))}
end
if phase == "Failed" or phase == "PartiallyFailed" then
  return {status = "Degraded", message = tostring(obj.status.errors or 0) .. " errors"}
end
return {status = "Progressing", message = phase}
