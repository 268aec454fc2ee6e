-- A table of states, and counts by a pattern.
local states = {
  COMPLETED = {"Healthy", "completed"}, RUNNING = {"Healthy", "running"},
  SUBMITTED = {"Progressing", "submitted"}, FAILED = {"Degraded", "failed"},
}
local state = obj.status and obj.status.applicationState and obj.status.applicationState.state
local known = states[state]
if not known then return {status = "Progressing", message = "state " .. tostring(state)} end
local running = 0
for name, executor in pairs(obj.status.executorState or {}) do
  if name:match("%-exec%-%d+$") and executor == "RUNNING" then running = running + 1 end
end
return {status = known[1], message = known[2] .. (running > 0 and ", executors: " .. running or "")}
