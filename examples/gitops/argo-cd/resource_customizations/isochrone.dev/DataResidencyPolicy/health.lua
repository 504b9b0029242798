-- The health of a resource of isochrone.dev: its condition Ready, whatever the kind.
--
-- Ready is True if all is as declared, Unknown while something is being worked on, and False for faults only. It says
-- of which generation it speaks, as the status does. Both follow kstatus. What each reason means:
-- docs/reference/status.md and docs/troubleshooting.md of Isochrone.

local resting = { Paused = true, Suspended = true, Disabled = true }
local health = { status = "Progressing", message = "the operator has not said anything of it yet" }

if obj.status == nil or obj.status.conditions == nil then
  return health
end

for _, condition in ipairs(obj.status.conditions) do
  if condition.type == "Ready" then
    local generation = obj.metadata.generation
    if condition.observedGeneration ~= generation or obj.status.observedGeneration ~= generation then
      health.message = "the operator has not seen the last change of it yet"
      return health
    end
    health.message = condition.message
    if condition.status == "False" then
      health.status = "Degraded"
      health.message = condition.reason .. ": " .. condition.message
    elseif resting[condition.reason] then
      health.status = "Suspended"
    elseif condition.status == "True" then
      health.status = "Healthy"
    end
    return health
  end
end

return health
