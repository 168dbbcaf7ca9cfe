-- One step of one circuit, as inference/breaker/machine.py takes it: what is kept in common may be changed by one
-- process at a time only. Every rule stands there with its reason; a test holds the two together.
-- KEYS[1]: what stands before all keys. ARGV: engine, model, operation, rules (JSON), milliseconds ('': Valkey's own).
-- Returns {circuit (JSON), is_change, is_granted}.

local NEVER, BUCKETS, KEPT_TRANSITIONS, KEPT_S = -1, 10, 100, 90 * 86400
local engine, model = ARGV[1], ARGV[2]
local told, rules = cjson.decode(ARGV[3]), cjson.decode(ARGV[4])
local field, circuits = engine .. '\n' .. model, KEYS[1] .. 'circuits'

local function wall_ms()
  if ARGV[5] ~= '' then return tonumber(ARGV[5]) end
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end

local function new_circuit(wall)
  return {
    wall_ms = wall, now_ms = wall, told_ms = wall, position = 'closed', changed_ms = 0, changed_wall_ms = wall,
    left_wall_ms = wall, failed_probes = 0, tallies = {}, failures = 0, torn = 0, silent = 0, failing_ms = 0, is_on_trial = false, count = 0, calls = 0,
    retry_ms = 0, pause_ms = 0, claims = {}, served = 0, config = '',
  }
end

local function read_circuit(wall)
  local packed = redis.call('HGET', circuits, field)
  if not packed then return new_circuit(wall) end
  local is_read, circuit = pcall(cjson.decode, packed)
  if not is_read or type(circuit) ~= 'table' or not circuit.now_ms then return new_circuit(wall) end
  return circuit
end

-- positions and pauses

local function at(circuit, position)
  circuit.position, circuit.changed_ms, circuit.changed_wall_ms = position, circuit.now_ms, circuit.wall_ms
  circuit.tallies, circuit.claims, circuit.served = {}, {}, 0
  circuit.failures, circuit.torn, circuit.silent, circuit.failing_ms = 0, 0, 0, 0
  circuit.is_on_trial = false
end

local function open(circuit, cause, outcome, count, calls, wait_ms, pause_ms)
  if circuit.position == 'closed' then circuit.left_wall_ms = circuit.wall_ms end
  at(circuit, 'open')
  circuit.failed_probes, circuit.last_probe = 0, nil
  circuit.cause, circuit.outcome, circuit.count, circuit.calls = cause, outcome, count, calls
  circuit.retry_ms, circuit.pause_ms, circuit.config = circuit.now_ms + wait_ms, pause_ms, ''
end

local function next_pause(circuit)
  local is_settled = circuit.position == 'closed' and circuit.now_ms - circuit.changed_ms >= rules.settled_ms
  if is_settled or circuit.pause_ms == 0 then return rules.first_pause_ms end
  return math.min(rules.longest_pause_ms, math.floor(circuit.pause_ms * rules.growth_percent / 100))
end

local function chance(wait_ms)
  return math.floor(wait_ms * rules.spread_percent * told.chance / 100000)
end

local function pause(circuit, cause, count, calls)
  local pause_ms = next_pause(circuit)
  open(circuit, cause, told.outcome, count, calls, pause_ms + chance(pause_ms), pause_ms)
end

local function reject(circuit)
  open(circuit, 'rejected', told.outcome, 1, 1, 0, circuit.pause_ms)
  circuit.retry_ms, circuit.config = NEVER, told.config
end

local function limit(circuit)
  if told.retry_after_ms < 0 then return pause(circuit, 'limited', 1, 1) end
  local wait_ms = math.min(math.max(told.retry_after_ms, rules.least_limited_ms), rules.most_limited_ms)
  open(circuit, 'limited', told.outcome, 1, 1, wait_ms + chance(wait_ms), circuit.pause_ms)
end

-- the window

local function count(circuit, calls, failures, slow)
  local number = math.floor(circuit.now_ms / math.floor(rules.window_ms / BUCKETS))
  local kept = {}
  for _, tally in ipairs(circuit.tallies) do
    if tally[1] > number - BUCKETS then kept[#kept + 1] = tally end
  end
  local last = kept[#kept]
  if not last or last[1] ~= number then
    last = {number, 0, 0, 0}
    kept[#kept + 1] = last
  end
  last[2], last[3], last[4] = last[2] + calls, last[3] + failures, last[4] + slow
  circuit.tallies = kept
end

local function sums(circuit)
  local calls, failures, slow = 0, 0, 0
  for _, tally in ipairs(circuit.tallies) do
    calls, failures, slow = calls + tally[2], failures + tally[3], slow + tally[4]
  end
  return calls, failures, slow
end

-- operations

local function served(circuit)
  local began_ms = circuit.now_ms - told.age_ms
  if circuit.position ~= 'closed' or began_ms < circuit.changed_ms then return end
  circuit.told_ms = circuit.now_ms
  if began_ms >= circuit.failing_ms then
    circuit.failures, circuit.torn, circuit.silent, circuit.failing_ms = 0, 0, 0, 0
    circuit.is_on_trial = false
  end
  count(circuit, told.calls, 0, told.slow)
  local calls, _, slow = sums(circuit)
  if told.slow > 0 and calls >= rules.least_calls and slow * 100 >= rules.share_percent * calls then
    local pause_ms = next_pause(circuit)
    open(circuit, 'slow', 'served', slow, calls, pause_ms, pause_ms)
  end
end

local function failed(circuit)
  if circuit.position ~= 'closed' or circuit.now_ms - told.age_ms < circuit.changed_ms then return end
  circuit.told_ms = circuit.now_ms
  local outcome = told.outcome
  if outcome == 'rejected' then return reject(circuit) end
  if outcome == 'rate_limited' then return limit(circuit) end
  if circuit.is_on_trial then return pause(circuit, 'relapse', 1, 1) end
  if circuit.failures == 0 then circuit.failing_ms = circuit.now_ms end
  circuit.failures = circuit.failures + 1
  if outcome == 'broken' or outcome == 'malformed' then circuit.torn = circuit.torn + 1 end
  if outcome == 'silent' then circuit.silent = circuit.silent + 1 end
  count(circuit, 1, 1, 0)
  if circuit.silent >= rules.silent then return pause(circuit, 'in_a_row', circuit.silent, circuit.silent) end
  if circuit.torn >= rules.torn then return pause(circuit, 'in_a_row', circuit.torn, circuit.torn) end
  if circuit.failures >= rules.in_a_row then
    return pause(circuit, 'in_a_row', circuit.failures, circuit.failures)
  end
  local calls, failures = sums(circuit)
  if calls >= rules.least_calls and failures * 100 >= rules.share_percent * calls then
    pause(circuit, 'share', failures, calls)
  end
end

local function probe_served(circuit)
  table.remove(circuit.claims, 1)
  if circuit.position ~= 'half_open' then return end
  if circuit.served + 1 < rules.probes then
    circuit.served = circuit.served + 1
    return
  end
  at(circuit, 'closed')
  circuit.is_on_trial, circuit.cause, circuit.outcome = true, nil, nil
  circuit.count, circuit.calls, circuit.retry_ms, circuit.config = 0, 0, 0, ''
  circuit.left_wall_ms, circuit.failed_probes, circuit.last_probe = circuit.wall_ms, 0, nil
end

local function probe_failed(circuit)
  table.remove(circuit.claims, 1)
  if circuit.position ~= 'half_open' then return end
  if told.outcome == 'rejected' then return reject(circuit) end
  if told.outcome == 'rate_limited' then return limit(circuit) end
  if circuit.cause == 'rejected' then return pause(circuit, 'in_a_row', 1, 1) end
  local pause_ms = next_pause(circuit)
  at(circuit, 'open')
  circuit.retry_ms, circuit.pause_ms = circuit.now_ms + pause_ms + chance(pause_ms), pause_ms
  circuit.failed_probes, circuit.last_probe = circuit.failed_probes + 1, told.outcome
end

local function may_be_asked(circuit)
  if circuit.cause == 'rejected' and circuit.config ~= told.config then return true end
  return circuit.retry_ms ~= NEVER and circuit.now_ms >= circuit.retry_ms
end

local function claimed(circuit)
  if circuit.position == 'open' and may_be_asked(circuit) then at(circuit, 'half_open') end
  if circuit.position ~= 'half_open' then return 0 end
  local claims = {}
  for _, until_ms in ipairs(circuit.claims) do
    if until_ms > circuit.now_ms then claims[#claims + 1] = until_ms end
  end
  circuit.claims = claims
  if #claims + circuit.served >= rules.probes then return 0 end
  claims[#claims + 1] = circuit.now_ms + rules.claim_ms
  return 1
end

local function put_back(circuit)
  if circuit.position ~= 'closed' then return end
  open(circuit, told.cause, told.outcome, told.count, told.calls, math.max(0, told.wait_ms), told.pause_ms)
  circuit.told_ms, circuit.config, circuit.left_wall_ms = circuit.now_ms, told.config, told.left_wall_ms
  if told.wait_ms < 0 then circuit.retry_ms = NEVER end
end

-- the step

local wall = wall_ms()
local circuit = read_circuit(wall)
circuit.now_ms, circuit.wall_ms = circuit.now_ms + math.max(0, wall - circuit.wall_ms), wall
local before, changed_ms, is_granted = circuit.position, circuit.changed_ms, 0
if told.is == 'served' then
  if told.is_probe then probe_served(circuit) else served(circuit) end
elseif told.is == 'failed' then
  if told.is_probe then probe_failed(circuit) else failed(circuit) end
elseif told.is == 'freed' then
  table.remove(circuit.claims, 1)
elseif told.is == 'claimed' then
  is_granted = claimed(circuit)
elseif told.is == 'hastened' then
  if circuit.position == 'open' then circuit.retry_ms = circuit.now_ms end
elseif told.is == 'put_back' then
  put_back(circuit)
end

local packed = cjson.encode(circuit)
redis.call('HSET', circuits, field, packed)
local is_change = (circuit.changed_ms ~= changed_ms or circuit.position ~= before) and 1 or 0
if is_change == 1 or told.is == 'hastened' then
  redis.call('PUBLISH', KEYS[1] .. 'changes', cjson.encode({engine, model, packed}))
end
if is_change == 1 then
  local history, is_probe = KEYS[1] .. 'history:' .. engine, circuit.last_probe and circuit.position == 'open'
  redis.call('LPUSH', history, cjson.encode({
    at_ms = circuit.wall_ms, model = model, position = circuit.position,
    cause = is_probe and 'probe' or circuit.cause, outcome = is_probe and circuit.last_probe or circuit.outcome,
    count = is_probe and circuit.failed_probes or circuit.count, calls = circuit.calls,
    wait_ms = circuit.retry_ms == NEVER and NEVER or math.max(0, circuit.retry_ms - circuit.now_ms),
  }))
  redis.call('LTRIM', history, 0, KEPT_TRANSITIONS - 1)
  redis.call('EXPIRE', history, KEPT_S)
end
return {packed, is_change, is_granted}
