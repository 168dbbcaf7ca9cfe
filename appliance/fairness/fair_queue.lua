-- The token-fair queue, for all gateway processes: the rules of fair_queue.py, whose docstrings explain them.
--
-- A library of one function (FUNCTION LOAD: a script would be built anew by every call, which costs more than its work).
-- FCALL's key is PREFIX, with a hash tag, so that all keys lie on one node; its first argument JSON: the caller and the
-- rules; then one JSON operation each; the reply is one JSON answer each. limits.lua stands in front of this text.
-- Records are read once and written back once a call; a call is atomic; no state outlives it. Time is the server's.
--
--   PREFIX 1:requests             hash  request -> record (cmsgpack): the ask, and how it stands
--   PREFIX 1:engines              hash  engine -> record (struct)
--   PREFIX 1:pool:POOL            hash  '' -> the pool, CLASS NODE -> a group or person (struct); CLASS i or b
--   PREFIX 1:line:POOL:CLASS NODE zset  those below it with something in line -> virtual tokens
--   PREFIX 1:queue:POOL:CLASS PERSON MODEL zset  request -> ticket
--   PREFIX 1:batch:POOL           zset  batch requests in line -> ticket
--   PREFIX 1:returned:POOL        list  requests whose engine failed
--   PREFIX 1:reading:ENGINE       zset  request whose prompt is being read -> until when at the latest (ms)
--   PREFIX 1:waiting              hash  user -> requests in line; '' -> all
--   PREFIX 1:pools                set   of pools
--   PREFIX 1:workers, 1:doubted   zset, hash  worker -> until when (us)
--   PREFIX 1:worker:NAME          set   of its requests
--   PREFIX 1:run                  Valkey's life in which this was written
--   PREFIX 1:settling             there while workers put back what Valkey may have lost; nobody gets a slot meanwhile
--   PREFIX worker:NAME            channel: JSON [[request, engine], ...] that got a slot
--   PREFIX lost                   channel: put back what you hold

local call, root, prefix, now_us, now_ms, rules, me, is_settling -- set anew by every call
local AHEAD, SMOOTHING = 1, 0.2
local REMEMBERED_MS, TRUSTED, EQUALLY_TRUSTED = 60000, 3, 60
local SHORTEST_S, LONGEST_S, KEPT, LARGEST_CORRECTION = 0.5, 3600, 0.98, 4
local SHORTEST_PREFILL_MS, LONGEST_PREFILL_MS, PREFILL_TOKENS_PER_MS = 200, 60000, 2
local min, max, floor -- a library's globals are there only when it is called

local function exactly(number) return string.format('%.17g', number) end

local function whole(number) return string.format('%.0f', number) end

-- records -----------------------------------------------------------------------------------------------

local requests, pools, engines, touched_requests, touched_engines, grants -- of one call, by name

local function request_of(id)
  local request = requests[id]
  if request == nil then
    local packed = call('HGET', prefix .. 'requests', id)
    request = packed and cmsgpack.unpack(packed) or false
    requests[id] = request
  end
  return request
end

local function touch(request) touched_requests[request.id] = true end

local ENGINE = '<ddddddd'

local function unpack_engine(name, packed)
  local running, batch, kv, reading, slots, kv_most, pace = 0, 0, 0, 0, -1, -1, PREFILL_TOKENS_PER_MS
  if packed then running, batch, kv, reading, slots, kv_most, pace = struct.unpack(ENGINE, packed) end
  local engine = { name = name, running = running, batch = batch, kv = kv, reading = reading, slots = slots,
    kv_most = kv_most, pace = pace }
  engines[name] = engine
  return engine
end

local function pack_engine(e)
  return struct.pack(ENGINE, e.running, e.batch, e.kv, e.reading, e.slots, e.kv_most, e.pace)
end

local function engine_of(name)
  return engines[name] or unpack_engine(name, call('HGET', prefix .. 'engines', name))
end

local function touch_engine(engine) touched_engines[engine.name] = engine end

local NODE, NODE_BYTES = '<dddddddddddd', 96
local POOL, POOL_BYTES = '<dddddddddddd', 96

local function unpack_node(name, packed)
  local served, last, running, in_line, cost, weight, answer = 0, 0, 0, 0, 0, 1, -1
  local tokens, ms, events, last_ms, promised, models = 0, 0, 0, 0, 0, ''
  if packed then
    served, last, running, in_line, cost, weight, answer, tokens, ms, events, last_ms, promised =
      struct.unpack(NODE, packed)
    if #packed > NODE_BYTES then models = packed:sub(NODE_BYTES + 1) end
  end
  return { name = name, served = served, last = last, running = running, requests = in_line, cost = cost,
    weight = weight, answer = answer, tokens = tokens, ms = ms, events = events, last_ms = last_ms,
    promised = promised, models = models }
end

local function pack_node(n)
  return struct.pack(NODE, n.served, n.last, n.running, n.requests, n.cost, n.weight, n.answer,
    n.tokens, n.ms, n.events, n.last_ms, n.promised) .. n.models
end

local function unpack_pool(name, packed)
  local waiting, returned, batch, last_ticket, held, tokens, ms, events, last_ms = 0, 0, 0, 0, -1, 0, 0, 0, 0
  local foretold, waited, came, of_engines = 0, 0, 0, nil
  if packed then
    waiting, returned, batch, last_ticket, held, tokens, ms, events, last_ms, foretold, waited, came =
      struct.unpack(POOL, packed)
    of_engines = cmsgpack.unpack(packed:sub(POOL_BYTES + 1))
  else
    call('SADD', prefix .. 'pools', name)
  end
  local pool = { name = name, key = prefix .. 'pool:' .. name, nodes = {}, touched = {}, waiting = waiting,
    returned = returned, batch = batch, last_ticket = last_ticket, held = held, tokens = tokens, ms = ms,
    events = events, last_ms = last_ms, foretold = foretold, waited = waited, came = came, engines = of_engines or {}, is_touched = false, siblings = false }
  pools[name] = pool
  return pool
end

local function pack_pool(p)
  return struct.pack(POOL, p.waiting, p.returned, p.batch, p.last_ticket, p.held, p.tokens, p.ms, p.events, p.last_ms,
    p.foretold, p.waited, p.came) .. cmsgpack.pack(p.engines)
end

local function touch_node(pool, node) pool.touched[node.name] = node end

-- The pool and these of its nodes, in one read.
local function load_nodes(pool, names)
  local missing = {}
  for _, name in ipairs(names) do
    if not pool.nodes[name] then missing[#missing + 1] = name end
  end
  if #missing == 0 then return end
  for first = 1, #missing, 1000 do
    local last = min(first + 999, #missing)
    local packed = call('HMGET', pool.key, unpack(missing, first, last))
    for i = first, last do pool.nodes[missing[i]] = unpack_node(missing[i], packed[i - first + 1]) end
  end
end

local function pool_of(name)
  return pools[name] or unpack_pool(name, call('HGET', prefix .. 'pool:' .. name, ''))
end

-- A request's pool with the nodes on its way loaded.
local function pool_for(request)
  local path, pool = request.path, pools[request.pool]
  if pool then
    if not pool.nodes[path[#path - 1]] or not pool.nodes[request.class] then
      local names = { request.class }
      for i = 1, #path, 2 do names[#names + 1] = path[i] end
      load_nodes(pool, names)
    end
    return pool
  end
  local names = { '', request.class }
  for i = 1, #path, 2 do names[#names + 1] = path[i] end
  local packed = call('HMGET', prefix .. 'pool:' .. request.pool, unpack(names))
  pool = unpack_pool(request.pool, packed[1])
  for i = 2, #names do pool.nodes[names[i]] = unpack_node(names[i], packed[i]) end
  return pool
end

local function node_of(pool, name)
  if not pool.nodes[name] then load_nodes(pool, { name }) end
  return pool.nodes[name]
end

local function person_of(pool, request) return node_of(pool, request.path[#request.path - 1]) end

local function write_back()
  local fields, n = {}, 0
  for id in pairs(touched_requests) do
    if requests[id] then
      fields[n + 1], fields[n + 2], n = id, cmsgpack.pack(requests[id]), n + 2
    end
  end
  for first = 1, n, 2000 do call('HSET', prefix .. 'requests', unpack(fields, first, min(first + 1999, n))) end
  fields, n = {}, 0
  for name, engine in pairs(touched_engines) do
    fields[n + 1], fields[n + 2], n = name, pack_engine(engine), n + 2
  end
  if n > 0 then call('HSET', prefix .. 'engines', unpack(fields)) end
  for _, pool in pairs(pools) do
    fields, n = {}, 0
    if pool.is_touched then fields[1], fields[2], n = '', pack_pool(pool), 2 end
    for name, node in pairs(pool.touched) do
      fields[n + 1], fields[n + 2], n = name, pack_node(node), n + 2
    end
    for first = 1, n, 2000 do call('HSET', pool.key, unpack(fields, first, min(first + 1999, n))) end
  end
end

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
  return max(1, engine.slots > 0 and engine.slots or otherwise)
end

local function reserved_of(slots)
  if rules.reserved >= 0 then return min(rules.reserved, slots - 1) end
  return slots >= 8 and max(1, floor(slots / 16)) or 0
end

local function batch_slots_of(slots) return max(1, slots - max(reserved_of(slots), floor(slots / 4))) end

local function is_closed(engine, otherwise, held, as_batch)
  local slots = slots_of(engine, otherwise)
  if held > 0 or as_batch then slots = max(1, slots - reserved_of(slots)) end
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

local function fit(engine, otherwise, request, held, as_batch)
  local slots = slots_of(engine, otherwise)
  local unreserved = slots - reserved_of(slots)
  if engine.running >= slots then return 'full' end
  if as_batch then
    if engine.batch >= batch_slots_of(slots) or engine.running >= max(1, unreserved) then return 'full' end
  elseif held > 0 then
    local most = rules.max_running > 0 and rules.max_running or held + 1
    if engine.running >= unreserved or held >= most then return 'full' end
  end
  if engine.running > 0 and engine.kv_most >= 0 and engine.kv + kv_of(request) > engine.kv_most then return 'hold' end
  local allowed = rules.prefill_tokens * ((held > 0 or as_batch) and 1 or 2)
  if engine.reading > 0 and engine.reading + request.prompt > allowed then
    forget_read(engine)
    if engine.reading > 0 and engine.reading + request.prompt > allowed then return 'hold' end
  end
  return 'fits'
end

local function occupy(engine, request)
  engine.running = engine.running + 1
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
  if pool.waiting == 0 then begin_pace(pool) end
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
  if request.returned then
    call('LREM', prefix .. 'returned:' .. pool.name, 1, request.id)
    pool.returned = pool.returned - 1
    return
  end
  tree_stop_waiting(pool, request)
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

local function start(pool, request, engine_name)
  tree_start(pool, request)
  request.returned = false
  request.engine, request.since = engine_name, now_us
  touch(request)
  occupy(engine_of(engine_name), request)
end

local function stop_running(pool, request)
  vacate(engine_of(request.engine), request)
  tree_stop(pool, request)
  request.engine = false
  touch(request)
end

-- whose turn it is (fair_queue.py) ----------------------------------------------------------------------

local function engine_for(request, held, as_batch, holding)
  local candidates, is_newcomer = request.candidates, not (held > 0 or as_batch)
  local best, best_use, best_fallback
  for i = 1, #candidates, 3 do
    local name = candidates[i]
    if holding[name] == nil or (is_newcomer and not holding[name]) then
      local engine = engine_of(name)
      local fitting = fit(engine, candidates[i + 1], request, held, as_batch)
      if fitting == 'fits' then
        local use, fallback = engine.running / slots_of(engine, candidates[i + 1]), candidates[i + 2]
        if not best or fallback < best_fallback or (fallback == best_fallback and use < best_use) then
          best, best_use, best_fallback = name, use, fallback
        end
      elseif fitting == 'hold' then
        holding[name] = is_newcomer
      end
    end
  end
  return best
end

local function is_shut(pool, held, as_batch, holding)
  for name, slots in pairs(pool.engines) do
    local holds = holding[name]
    if not holds and (holds == nil or (held == 0 and not as_batch))
      and not is_closed(engine_of(name), slots, held, as_batch) then
      return false
    end
  end
  return true
end

-- The people below a node in their turn; visit() ends it by returning something.
local function in_turn(pool, node, visit)
  local first, step = 0, 8
  while true do
    local names = call('ZRANGE', line_key(pool, node), first, first + step - 1)
    load_nodes(pool, names)
    for _, name in ipairs(names) do
      local found
      if pool.nodes[name].models ~= '' then
        found = visit(pool.nodes[name])
      else
        found = in_turn(pool, name, visit)
      end
      if found then return found end
    end
    if #names < step then return nil end
    first, step = first + step, 64
  end
end

local function choose(pool)
  local holding = {}
  if pool.returned > 0 then
    for _, id in ipairs(call('LRANGE', prefix .. 'returned:' .. pool.name, 0, -1)) do
      local request = request_of(id)
      local engine = engine_for(request, 0, false, holding)
      if engine then return request, engine end
    end
  end
  if pool.batch > 0 then
    local oldest = call('ZRANGE', prefix .. 'batch:' .. pool.name, 0, 0, 'WITHSCORES')
    if now_us - tonumber(oldest[2]) >= rules.promoted_after_us then
      local request = request_of(oldest[1])
      local engine = engine_for(request, person_of(pool, request).running, false, holding)
      if engine then return request, engine end
    end
  end
  for _, class in ipairs({ 'i', 'b' }) do
    local as_batch, engine = class == 'b', nil
    local chosen = in_turn(pool, class, function(person)
      if is_shut(pool, person.running, as_batch, holding) then return person.running == 0 and 'nobody' or nil end
      local heads = {}
      for model in each_model(person) do
        local head = call('ZRANGE', queue_key(pool, person.name, model), 0, 0)
        heads[#heads + 1] = request_of(head[1])
      end
      table.sort(heads, function(a, b) return a.ticket < b.ticket or (a.ticket == b.ticket and a.id < b.id) end)
      for _, request in ipairs(heads) do
        engine = engine_for(request, person.running, as_batch, holding)
        if engine then return request end
      end
    end)
    if chosen and chosen ~= 'nobody' then return chosen, engine end
  end
end

local function grant(request, engine)
  local of_worker = grants[request.worker] or {}
  grants[request.worker] = of_worker
  of_worker[#of_worker + 1] = { request.id, engine }
end

local function dispatch(pool, asking)
  if is_settling then return end
  while pool.waiting > 0 do
    if is_shut(pool, 0, false, {}) then return end
    local request, engine = choose(pool)
    if not request then return end
    pool_for(request)
    stop_waiting(pool, request)
    start(pool, request, engine)
    note_pace(pool, request.cost)
    note_pace(person_of(pool, request), request.cost)
    note_foresight(pool, request)
    if request ~= asking then grant(request, engine) end
  end
end

-- how long still ----------------------------------------------------------------------------------------

local function siblings(pool, parent)
  pool.siblings = pool.siblings or {}
  local found = pool.siblings[parent]
  if not found then
    found = call('ZRANGE', line_key(pool, parent), 0, -1)
    load_nodes(pool, found)
    for i, name in ipairs(found) do found[i] = pool.nodes[name] end
    pool.siblings[parent] = found
  end
  return found
end

local function ahead(pool, request, count, cost)
  local path = request.path
  for level = #path - 1, 1, -2 do
    local node, parent = pool.nodes[path[level]], level > 2 and path[level - 2] or request.class
    local mark = node.served + cost / path[level + 1]
    for _, other in ipairs(siblings(pool, parent)) do
      if other.served > mark then break end
      if other ~= node then
        local each = other.cost / other.requests
        local fitting = other.requests
        if each > 0 then fitting = min(fitting, floor((mark - other.served) * other.weight / each) + 1) end
        count, cost = count + fitting, cost + fitting * each
      end
    end
  end
  return count, cost
end

local function wait_s(pool, cost, count)
  local by_pace = pace_wait_ms(pool, cost)
  if by_pace then return by_pace / 1000 end
  if pool.held < 0 then return nil end
  local slots = 0
  for name, known in pairs(pool.engines) do slots = slots + slots_of(engine_of(name), known) end
  return count * pool.held / slots / 1000
end

-- Position from 1, the seconds until it starts or nil, and those seconds as the line alone tells them.
local function place(pool, request)
  if request.returned then
    local before = call('LPOS', prefix .. 'returned:' .. pool.name, request.id) or 0
    return before + 1, wait_s(pool, request.cost * (before + 1), before + 1), nil
  end
  local person = person_of(pool, request)
  local own, each = call('ZRANK', queue_key(pool, person.name, request.model), request.id), person.cost / person.requests
  local count, cost = ahead(pool, request, own, own * each)
  if request.class == 'b' then
    for _, root in ipairs(siblings(pool, 'i')) do count, cost = count + root.requests, cost + root.cost end
  end
  count = count + pool.returned
  local by_pool_s = wait_s(pool, cost + each, count + 1)
  if not by_pool_s then return count + 1, nil, nil end
  local eta_s, own_ms = corrected(pool, by_pool_s), pace_wait_ms(person, (own + 1) * each)
  if own_ms then
    local trust = person.events / (person.events + EQUALLY_TRUSTED)
    eta_s = trust * (own_ms / 1000) + (1 - trust) * eta_s
  end
  return count + 1, eta_s, by_pool_s
end

-- answers -----------------------------------------------------------------------------------------------

local function seconds(s) return s and string.format('%.3f', s) or 'null' end

local function json_list(strings)
  return #strings > 0 and cjson.encode(strings) or '[]'
end

local function states_of(request) return request.states or '[]' end

local function slot_answer(request)
  return '["slot",' .. cjson.encode(request.engine) .. ',' .. states_of(request) .. ']'
end

local function place_answer(request, position, eta_s)
  return string.format('["place",%d,%s,%.0f,', position, seconds(eta_s), request.ticket) .. states_of(request) .. ']'
end

local function where(request)
  if not request then return '["gone"]' end
  if request.engine then return slot_answer(request) end
  local pool = pool_for(request)
  return place_answer(request, place(pool, request))
end

-- limits ------------------------------------------------------------------------------------------------

local function settle_limits(request, tokens, is_over)
  if request.limits then
    limits.settle(root, floor(now_ms), request.limits, request.limit_tokens, tokens, is_over,
      floor(request.ticket / 1000))
    request.limit_tokens = tokens
  end
end

-- A refusal, or nil.
local function take_limits(request)
  if not request.limits then return nil end
  request.limit_tokens = request.prompt + request.answer
  local refusal, states = limits.take(root, floor(now_ms), request.limits, request.limit_tokens)
  request.states = cjson.encode(states)
  if refusal then return string.format('["refused",%d,%d,', refusal[1] - 1, refusal[2]) .. request.states .. ']' end
end

-- operations --------------------------------------------------------------------------------------------

local function note_engines(pool, candidates)
  for i = 1, #candidates, 3 do
    if pool.engines[candidates[i]] ~= candidates[i + 1] then
      pool.engines[candidates[i]], pool.is_touched = candidates[i + 1], true
    end
  end
end

-- What arrives of an ask: { id, pool, model, user, path, candidates, prompt, most or -1, class, limits or nothing }.
local function new_request(ask)
  local request = { id = ask[1], pool = ask[2], model = ask[3], user = ask[4], path = ask[5], candidates = ask[6],
    prompt = ask[7], class = ask[9], limits = ask[10], worker = me, ticket = 0, answer = 0, cost = 0, kv = 0,
    engine = false, since = 0, returned = false, limit_tokens = 0,
    foretold = -1 }
  local pool = pool_for(request)
  local expected = person_of(pool, request).answer
  if expected < 0 then expected = pool.nodes[request.class].answer end
  local answer = expected >= 0 and floor(expected) + 1 or rules.default_completion_tokens
  if ask[8] >= 0 then answer = min(answer, ask[8]) end
  request.answer = answer
  request.cost = rules.prompt_weight * request.prompt + rules.completion_weight * answer
  note_engines(pool, request.candidates)
  return request, pool
end

local function remember(request)
  requests[request.id] = request
  touch(request)
  call('SADD', prefix .. 'worker:' .. request.worker, request.id)
end

local function erase(request)
  requests[request.id] = false
  touched_requests[request.id] = nil
  call('HDEL', prefix .. 'requests', request.id)
  call('SREM', prefix .. 'worker:' .. request.worker, request.id)
end

local function known_of(worker)
  local ids = call('SMEMBERS', prefix .. 'worker:' .. worker)
  table.sort(ids)
  return ids
end

local function refund(pool, request)
  if request.engine or request.returned then charge(pool, request, -request.cost) end
end

local function forget(request)
  local pool = pool_for(request)
  refund(pool, request)
  if request.engine then stop_running(pool, request) else stop_waiting(pool, request) end
  erase(request)
end

local function settle(pool, request, prompt, cached, answer)
  cached = min(cached, prompt)
  local actual = rules.prompt_weight * (prompt - cached) + rules.cached_weight * cached
    + rules.completion_weight * answer
  charge(pool, request, actual - request.cost)
  settle_limits(request, prompt + answer, true)
end

local function note_rates(pool, request, prompt, answer, prefill_ms)
  pool.held, pool.is_touched = averaged(pool.held, max(0, now_us - request.since) / 1000), true
  if prefill_ms > 0 and prompt > 0 then
    local engine = engine_of(request.engine)
    engine.pace = engine.pace + SMOOTHING * (prompt / prefill_ms - engine.pace)
    touch_engine(engine)
  end
  if answer > 0 then
    for _, node in ipairs({ person_of(pool, request), node_of(pool, request.class) }) do
      node.answer = averaged(node.answer, answer)
      touch_node(pool, node)
    end
  end
end

local function reap()
  local half_us, doubted = rules.half_lease_us, prefix .. 'doubted'
  local leases = call('ZRANGE', prefix .. 'workers', 0, -1, 'WITHSCORES')
  local dead = {}
  for i = 1, #leases, 2 do
    local worker, until_us = leases[i], tonumber(leases[i + 1])
    if now_us < until_us and until_us <= now_us + half_us then
      call('HDEL', doubted, worker)
    else
      local doubted_until_us = tonumber(call('HGET', doubted, worker) or now_us + half_us + 1)
      if doubted_until_us > now_us + half_us then
        call('HSET', doubted, worker, whole(now_us + half_us))
      elseif doubted_until_us <= now_us then
        dead[#dead + 1] = worker
      end
    end
  end
  table.sort(dead)
  for _, worker in ipairs(dead) do
    for _, id in ipairs(known_of(worker)) do
      local request = request_of(id)
      if request then
        settle_limits(request, request.limit_tokens, true)
        forget(request)
      end
    end
    call('ZREM', prefix .. 'workers', worker)
    call('HDEL', doubted, worker)
    call('DEL', prefix .. 'worker:' .. worker)
  end
end

local function look_after()
  reap()
  for _, name in ipairs(call('SMEMBERS', prefix .. 'pools')) do
    local pool = pool_of(name)
    dispatch(pool)
  end
end

local operations = {}

function operations.enter(ask)
  local known = request_of(ask[1])
  if known then return where(known) end
  local request, pool = new_request(ask)
  request.ticket = max(now_us, pool.last_ticket + 1)
  pool.last_ticket, pool.is_touched = request.ticket, true
  local refused = take_limits(request)
  if refused then return refused end
  remember(request)
  if pool.waiting == 0 and not is_settling then
    local engine = engine_for(request, person_of(pool, request).running, request.class == 'b', {})
    if engine then
      start(pool, request, engine)
      return slot_answer(request)
    end
  end
  wait(pool, request)
  dispatch(pool, request)
  if request.engine then return slot_answer(request) end
  local position, eta_s, by_pool_s = place(pool, request)
  local waiting = call('HMGET', prefix .. 'waiting', '', request.user)
  if tonumber(waiting[1]) <= rules.max_queue and tonumber(waiting[2]) <= rules.max_queue_per_user then
    request.foretold = by_pool_s or -1
    return place_answer(request, position, eta_s)
  end
  stop_waiting(pool, request)
  settle_limits(request, 0, true)
  erase(request)
  return '["full",' .. seconds(eta_s) .. ']'
end

-- prompt_tokens -1: it used nothing.
function operations.leave(id, prompt_tokens, cached_tokens, completion_tokens, prefill_ms)
  local request = request_of(id)
  if not request then return '[]' end
  local pool = pool_for(request)
  if request.engine then
    if prompt_tokens >= 0 then note_rates(pool, request, prompt_tokens, completion_tokens, prefill_ms) end
    stop_running(pool, request)
    settle(pool, request, max(0, prompt_tokens), cached_tokens, completion_tokens)
  else
    refund(pool, request)
    stop_waiting(pool, request)
    settle_limits(request, 0, true)
  end
  erase(request)
  dispatch(pool)
  return '[]'
end

function operations.first_byte(id)
  local request = request_of(id)
  if request and request.engine then
    has_read(engine_of(request.engine), request)
    dispatch(pool_for(request))
  end
  return '[]'
end

function operations.grew(id, completion_tokens)
  local request = request_of(id)
  if request and request.engine and completion_tokens > request.answer then
    local more = rules.completion_weight * (completion_tokens - request.answer)
    request.answer, request.cost = completion_tokens, request.cost + more
    touch(request)
    local pool, path = pool_for(request), request.path
    charge(pool, request, more)
    for i = 1, #path, 2 do
      local node = pool.nodes[path[i]]
      node.promised = node.promised + more
    end
  end
  return '[]'
end

function operations.move(id, candidates)
  local request = request_of(id)
  if not request then return '["gone"]' end
  local pool = pool_for(request)
  request.candidates = candidates
  touch(request)
  note_engines(pool, candidates)
  if request.engine then
    stop_running(pool, request)
    request.returned = true
    wait(pool, request)
  end
  dispatch(pool, request)
  return where(request)
end

-- capacities: { engine, slots, kv tokens or -1 } each
function operations.learn(capacities)
  for _, capacity in ipairs(capacities) do
    local engine = engine_of(capacity[1])
    engine.slots, engine.kv_most = capacity[2], capacity[3]
    touch_engine(engine)
  end
  look_after()
  return '[]'
end

-- How many requests of the caller are known.
function operations.renew() return '[' .. call('SCARD', prefix .. 'worker:' .. me) .. ']' end

function operations.known() return json_list(known_of(me)) end

-- held: { ask, ticket, engine or '' } each
function operations.restore(held)
  for _, one in ipairs(held) do
    local known, engine = request_of(one[1][1]), one[3]
    if not known or (engine ~= '' and known.engine ~= engine) then
      if known then forget(known) end
      local request, pool = new_request(one[1])
      request.ticket = one[2]
      if known then request.limit_tokens = known.limit_tokens end
      pool.last_ticket, pool.is_touched = max(pool.last_ticket, request.ticket), true
      if not known and request.limits then limits.restore(root, request.limits) end
      remember(request)
      if engine == '' then wait(pool, request) else start(pool, request, engine) end
    end
  end
  look_after()
  return '[]'
end

-- The caller went on alone for a while. Others may be alone still; those that reach Valkey tell what they run, the
-- silent ones are given time to.
function operations.returned()
  local others = call('ZRANGE', prefix .. 'workers', 0, -1, 'WITHSCORES')
  for i = 1, #others, 2 do
    if others[i] ~= me and tonumber(others[i + 1]) < now_us + rules.half_lease_us - rules.silence_us then
      call('SET', prefix .. 'settling', 1, 'PX', rules.settle_ms / 2)
      is_settling = true
    end
  end
  return '[]'
end

function operations.poke()
  look_after()
  return '[]'
end

-- One answer for each of them.
function operations.places(ids)
  local found = {}
  for i, id in ipairs(ids) do found[i] = where(request_of(id)) end
  return '[' .. table.concat(found, ',') .. ']'
end

function operations.unseeded() return json_list(call('SMEMBERS', root .. 'limit:unseeded')) end

function operations.seed(member, tokens)
  limits.seed(root, member, tokens)
  return '[]'
end

-- Whether the caller must first put back what it holds. Valkey was emptied, or restarted (its last second may be lost):
-- what runs is known again when all workers have told; until then no slot is given to anybody.
local function find_loss()
  local state = call('MGET', prefix .. 'run', prefix .. 'settling')
  is_settling = state[2]
  if state[1] == rules.run then return false end
  call('SET', prefix .. 'run', rules.run)
  if state[1] or rules.has_called then
    call('SET', prefix .. 'settling', 1, 'PX', rules.settle_ms)
    call('PUBLISH', root .. 'lost', '')
    is_settling = true
  end
  return rules.has_called
end

local known_rules = {}

local function carry_out(keys, arguments)
  min, max, floor = math.min, math.max, math.floor
  call, root, prefix = redis.call, keys[1], keys[1] .. '1:'
  local clock = call('TIME')
  now_us = clock[1] * 1000000 + clock[2]
  now_ms = now_us / 1000
  if known_rules.text ~= arguments[1] then
    known_rules = cjson.decode(arguments[1])
    known_rules.text = arguments[1]
  end
  rules, me = known_rules, known_rules.worker
  requests, pools, engines, touched_requests, touched_engines, grants = {}, {}, {}, {}, {}, {}
  if find_loss() then return { '["lost"]' } end
  call('ZADD', prefix .. 'workers', whole(now_us + rules.half_lease_us), me)
  local answers = {}
  for i = 2, #arguments do
    local operation = cjson.decode(arguments[i])
    for _, pool in pairs(pools) do pool.siblings = false end
    answers[#answers + 1] = operations[operation[1]](unpack(operation, 2))
  end
  write_back()
  for worker, granted in pairs(grants) do call('PUBLISH', root .. 'worker:' .. worker, cjson.encode(granted)) end
  return answers
end

redis.register_function(NAME, carry_out)
