-- Every circuit as it is now: [engine, model, circuit] one after the other.
-- KEYS[1]: what stands before all keys. ARGV: milliseconds ('': Valkey's own).
-- A clock that was set back is noted at once, so that the time from then on counts. What nobody heard of for weeks goes.

local FORGOTTEN_MS = 30 * 86400 * 1000

local wall = tonumber(ARGV[1])
if not wall then
  local time = redis.call('TIME')
  wall = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end

local found, circuits = {}, KEYS[1] .. 'circuits'
local all = redis.call('HGETALL', circuits)
for index = 1, #all, 2 do
  local field = all[index]
  local is_read, circuit = pcall(cjson.decode, all[index + 1])
  local engine, model = string.match(field, '^([^\n]*)\n(.*)$')
  if not is_read or not engine or type(circuit) ~= 'table' or not circuit.now_ms then
    redis.call('HDEL', circuits, field)
  else
    local went_back = wall < circuit.wall_ms
    circuit.now_ms, circuit.wall_ms = circuit.now_ms + math.max(0, wall - circuit.wall_ms), wall
    if circuit.now_ms - circuit.told_ms > FORGOTTEN_MS then
      redis.call('HDEL', circuits, field)
    else
      local packed = cjson.encode(circuit)
      if went_back then redis.call('HSET', circuits, field, packed) end
      found[#found + 1], found[#found + 2], found[#found + 3] = engine, model, packed
    end
  end
end
return found
