local colours = {green = "Healthy", yellow = "Progressing", red = "Degraded"}
local phases = {
  ApplyingChanges = "changes are being applied",
  MigratingData = "data moves between nodes",
  Stalled = "it cannot go on",
}
if obj.status == nil or obj.status.health == nil or obj.status.health == "" then
  return {status = "Progressing", message = "Elasticsearch has said nothing yet"}
end
local status = colours[obj.status.health] or "Unknown"
if obj.status.phase == "Stalled" then status = "Degraded" end
if status == "Healthy" and obj.status.phase ~= "Ready" then status = "Progressing" end
return {status = status, message = ("Cluster is %s, %s"):format(obj.status.health, phases[obj.status.phase] or "nothing to do")}
