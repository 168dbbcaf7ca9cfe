-- What a step does to counters, rates, engines and lines; each part is the Python module it names. See queue_records.lua.

-- virtual time (virtual_time.py) ------------------------------------------------------------------------

local function line_key(pool, node) return prefix .. 'line:' .. pool.name .. ':' .. node end


-- A node's counter; in line it is also its place there.
local function set_served(pool, node, served, parent)
  node.served = served
  touch_node(pool, node)
  if node.requests > 0 then call('ZADD', line_key(pool, parent), exactly(served), node.name) end
end

local function lifted(pool, node, parent)
  local floor_at = parent.last
  if pool.waiting > 0 then
    local first = call('ZRANGE', line_key(pool, parent.name), 0, 0)[1]
    if first then
      first = node_of(pool, first)
      floor_at = first.served - first.promised / first.weight
    end
  end
  return max(node.served, floor_at - AHEAD)
end

local function charge(pool, request, cost)
  local path, parent = request.path, request.class
  for i = 1, #path, 2 do
    local node = node_of(pool, path[i])
    set_served(pool, node, node.served + cost / path[i + 1], parent)
    parent = path[i]
  end
end

local function tree_wait(pool, request)
  local path, parent = request.path, node_of(pool, request.class)
  for i = 1, #path, 2 do
    local node = node_of(pool, path[i])
    node.weight = path[i + 1]
    if node.requests == 0 then
      node.served = lifted(pool, node, parent)
      call('ZADD', line_key(pool, parent.name), exactly(node.served), node.name)
      node.cost = 0
    end
    node.requests, node.cost = node.requests + 1, node.cost + request.cost
    touch_node(pool, node)
    parent = node
  end
end

local function tree_stop_waiting(pool, request)
  local path, parent = request.path, request.class
  for i = 1, #path, 2 do
    local node = node_of(pool, path[i])
    node.requests, node.cost = node.requests - 1, node.cost - request.cost
    if node.requests == 0 then call('ZREM', line_key(pool, parent), node.name) end
    touch_node(pool, node)
    parent = path[i]
  end
end

local function tree_start(pool, request)
  local path, parent = request.path, node_of(pool, request.class)
  for i = 1, #path, 2 do
    local node, weight = node_of(pool, path[i]), path[i + 1]
    node.weight = weight
    local start = node.served
    if node.requests == 0 then start = lifted(pool, node, parent) end
    if start > parent.last then
      parent.last = start
      touch_node(pool, parent)
    end
    set_served(pool, node, start + (request.returned and 0 or request.cost / weight), parent.name)
    node.running, node.promised = node.running + 1, node.promised + request.cost
    parent = node
  end
end

local function tree_stop(pool, request)
  local path = request.path
  for i = 1, #path, 2 do
    local node = node_of(pool, path[i])
    node.running = node.running - 1
    node.promised = node.running > 0 and node.promised - request.cost or 0
    touch_node(pool, node)
  end
end

-- rates (service_rate.py) -------------------------------------------------------------------------------

local function averaged(known, value) return known < 0 and value or known + SMOOTHING * (value - known) end

local function begin_pace(pace)
  if now_ms - pace.last_ms > REMEMBERED_MS then pace.tokens, pace.ms, pace.events = 0, 0, 0 end
  pace.last_ms = now_ms
end

local function note_pace(pace, cost)
  local passed = min(max(0, now_ms - pace.last_ms), REMEMBERED_MS)
  local kept = math.exp(-passed / REMEMBERED_MS)
  pace.tokens, pace.ms = pace.tokens * kept + cost, pace.ms * kept + passed
  pace.events, pace.last_ms = pace.events + 1, now_ms
end

local function note_foresight(pool, request)
  local waited = now_ms / 1000 - request.ticket / 1000000
  if request.foretold >= 0 and SHORTEST_S < waited and waited < LONGEST_S then
    pool.foretold, pool.waited = pool.foretold * KEPT + request.foretold, pool.waited * KEPT + waited
    pool.came = pool.came + 1
  end
  request.foretold = -1
end

local function corrected(pool, foretold)
  if pool.came < TRUSTED or pool.foretold <= 0 then return foretold end
  local correction = min(max(pool.waited / pool.foretold, 1 / LARGEST_CORRECTION), LARGEST_CORRECTION)
  return foretold * (1 + pool.came / (pool.came + EQUALLY_TRUSTED) * (correction - 1))
end

local function pace_wait_ms(pace, cost)
  if pace.events < TRUSTED or pace.tokens <= 0 or pace.ms <= 0 then return nil end
  return max(0, cost * pace.ms / pace.tokens - max(0, now_ms - pace.last_ms))
end

-- engines (occupancy.py) --------------------------------------------------------------------------------

local function slots_of(engine, otherwise)
  return engine.slots >= 0 and engine.slots or max(1, otherwise)
end

local function reserved_of(slots)
  if rules.reserved >= 0 then return min(rules.reserved, slots - 1) end
  return slots >= 8 and max(1, floor(slots / 16)) or 0
end

local function batch_slots_of(slots) return max(1, slots - max(reserved_of(slots), floor(slots / 4))) end

local function is_closed(engine, otherwise, held, as_batch)
  local slots = slots_of(engine, otherwise)
  if slots > 0 and (held > 0 or as_batch) then slots = max(1, slots - reserved_of(slots)) end
  return engine.running >= slots
end

local function has_read(engine, request)
  if request.prompt > 0 and call('ZREM', prefix .. 'reading:' .. engine.name, request.id) == 1 then
    engine.reading = engine.reading - request.prompt
    touch_engine(engine)
  end
end

local function forget_read(engine)
  local key = prefix .. 'reading:' .. engine.name
  for _, id in ipairs(call('ZRANGEBYSCORE', key, '-inf', exactly(now_ms))) do
    local request = request_of(id)
    if request then has_read(engine, request) else call('ZREM', key, id) end
  end
  for _, id in ipairs(call('ZRANGEBYSCORE', key, '(' .. exactly(now_ms + LONGEST_PREFILL_MS), '+inf')) do
    local request = request_of(id)
    if request then has_read(engine, request) else call('ZREM', key, id) end
  end
end

local function kv_of(request) return request.prompt + request.answer end

local function is_too_soon(engine, slots, pool)
  if engine.begun < 0 or pool.held < 0 or slots < 2 or pool.waiting < 2 * slots then return false end
  if reserved_of(slots) > 0 then return false end
  local passed = now_ms - engine.begun
  return passed >= 0 and passed < min(LONGEST_SPREAD_MS, rules.spread * pool.held / slots)
end

local function fit(pool, engine, otherwise, request, held, as_batch)
  local slots = slots_of(engine, otherwise)
  if engine.running >= slots then return 'full' end
  local unreserved = slots - reserved_of(slots)
  if as_batch then
    if engine.batch >= batch_slots_of(slots) or engine.running >= max(1, unreserved) then return 'full' end
  elseif held > 0 then
    local most = rules.max_running > 0 and rules.max_running or held + 1
    if engine.running >= unreserved or held >= most then return 'full' end
  end
  if held > 0 and is_too_soon(engine, slots, pool) then return 'hold' end
  if engine.running > 0 and engine.kv_most >= request.prompt and engine.kv + kv_of(request) > engine.kv_most then
    return 'hold'
  end
  local allowed = rules.prefill_tokens * ((held > 0 or as_batch) and 1 or 2)
  if engine.reading > 0 and engine.reading + request.prompt > allowed then
    forget_read(engine)
    if engine.reading > 0 and engine.reading + request.prompt > allowed then return 'hold' end
  end
  return 'fits'
end

local function occupy(engine, request)
  engine.running = engine.running + 1
  engine.begun = now_ms
  engine.kv = engine.kv + kv_of(request)
  request.kv = kv_of(request)
  if request.class == 'b' then engine.batch = engine.batch + 1 end
  if request.prompt > 0 then
    local expected = 2 * request.prompt / engine.pace
    local until_ms = now_ms + min(max(expected, SHORTEST_PREFILL_MS), LONGEST_PREFILL_MS)
    call('ZADD', prefix .. 'reading:' .. engine.name, exactly(until_ms), request.id)
    engine.reading = engine.reading + request.prompt
  end
  touch_engine(engine)
end

local function vacate(engine, request)
  engine.running = engine.running - 1
  if engine.running < 0 then error('the queue contradicts itself: an engine runs less than nothing') end
  engine.kv = engine.kv - request.kv
  if request.class == 'b' then engine.batch = engine.batch - 1 end
  has_read(engine, request)
  touch_engine(engine)
end

-- in line (lines.py) ------------------------------------------------------------------------------------

local function queue_key(pool, person, model) return prefix .. 'queue:' .. pool.name .. ':' .. person .. ' ' .. model end

local function each_model(person)
  return person.models:gmatch('[^\n]+')
end

local function wait(pool, request)
  if pool.waiting == 0 then
    begin_pace(pool)
    call('SADD', prefix .. 'crowded', pool.name)
  end
  call('HINCRBY', prefix .. 'waiting', '', 1)
  call('HINCRBY', prefix .. 'waiting', request.user, 1)
  pool.waiting, pool.is_touched = pool.waiting + 1, true
  if request.returned then
    call('RPUSH', prefix .. 'returned:' .. pool.name, request.id)
    pool.returned = pool.returned + 1
    return
  end
  local person = person_of(pool, request)
  if person.requests == 0 then begin_pace(person) end
  tree_wait(pool, request)
  local in_line, candidates = pool.models[request.model] or { 0, {} }, request.candidates
  in_line[1], pool.models[request.model] = in_line[1] + 1, in_line
  for i = 1, #candidates, 3 do in_line[2][candidates[i]] = candidates[i + 1] end
  if call('ZADD', queue_key(pool, person.name, request.model), request.ticket, request.id) == 1
    and not ('\n' .. person.models):find('\n' .. request.model .. '\n', 1, true) then
    person.models = person.models .. request.model .. '\n'
  end
  if request.class == 'b' then
    call('ZADD', prefix .. 'batch:' .. pool.name, request.ticket, request.id)
    pool.batch = pool.batch + 1
  end
end

local function stop_waiting(pool, request)
  call('HINCRBY', prefix .. 'waiting', '', -1)
  if call('HINCRBY', prefix .. 'waiting', request.user, -1) <= 0 then
    call('HDEL', prefix .. 'waiting', request.user)
  end
  pool.waiting, pool.is_touched = pool.waiting - 1, true
  if pool.waiting == 0 then call('SREM', prefix .. 'crowded', pool.name) end
  if request.returned then
    call('LREM', prefix .. 'returned:' .. pool.name, 1, request.id)
    pool.returned = pool.returned - 1
    return
  end
  tree_stop_waiting(pool, request)
  local in_line = pool.models[request.model]
  in_line[1] = in_line[1] - 1
  if in_line[1] == 0 then pool.models[request.model] = nil end
  local person = person_of(pool, request)
  local key = queue_key(pool, person.name, request.model)
  call('ZREM', key, request.id)
  if call('EXISTS', key) == 0 then
    local kept = {}
    for model in each_model(person) do
      if model ~= request.model then kept[#kept + 1] = model .. '\n' end
    end
    person.models = table.concat(kept)
  end
  if request.class == 'b' then
    call('ZREM', prefix .. 'batch:' .. pool.name, request.id)
    pool.batch = pool.batch - 1
  end
end

local function home_key(request) return prefix .. 'home:' .. request.conversation end

local function start(pool, request, engine_name)
  tree_start(pool, request)
  request.returned = false
  request.engine, request.since = engine_name, now_us
  touch(request)
  if request.conversation ~= '' then call('SET', home_key(request), engine_name, 'PX', HOME_MS) end
  occupy(engine_of(engine_name), request)
end

local function stop_running(pool, request)
  vacate(engine_of(request.engine), request)
  tree_stop(pool, request)
  request.engine = false
  touch(request)
end
