-- The token-fair queue, for all gateway processes: the rules of fair_queue.py, whose docstrings explain them.
-- This is the first of six files that shared_queue.py joins: records, queue_rules, fair_queue, queue_operations,
-- queue_survey, queue_audit.
--
-- A library of one function (FUNCTION LOAD: a script would be built anew by every call, which costs more than its work).
-- FCALL's key is PREFIX, with a hash tag, so that all keys lie on one node; its first argument JSON: the caller and the
-- rules; then one JSON operation each; the reply is one JSON answer each. limits.lua stands in front of this text.
-- Records are read once and written back once a call; a call is atomic; no state outlives it. Time is the server's.
--
-- STATE is LAYOUT:EPOCH. LAYOUT is a digest of how all this is written (shared_queue.py makes it: another layout never
-- meets this one's records), EPOCH names a fresh start after records that could not be read, empty before the first one.
--
--   PREFIX STATE requests             hash  request -> record (cmsgpack): the ask, and how it stands
--   PREFIX STATE engines              hash  engine -> record (struct)
--   PREFIX STATE pool:POOL            hash  '' -> the pool, CLASS NODE -> a group or person (struct); CLASS i or b
--   PREFIX STATE line:POOL:CLASS NODE zset  those below it with something in line -> virtual tokens
--   PREFIX STATE queue:POOL:CLASS PERSON MODEL zset  request -> ticket
--   PREFIX STATE batch:POOL           zset  batch requests in line -> ticket
--   PREFIX STATE returned:POOL        list  requests whose engine failed
--   PREFIX STATE reading:ENGINE       zset  request whose prompt is being read -> until when at the latest (ms)
--   PREFIX STATE home:CONVERSATION    string  the engine that it was on last; expires
--   PREFIX STATE waiting              hash  user -> requests in line; '' -> all
--   PREFIX STATE pools, crowded       sets  of pools; of those with somebody in line
--   PREFIX STATE workers, doubted     zset, hash  worker -> until when (us)
--   PREFIX STATE worker:NAME          set   of its requests
--   PREFIX STATE user:ID              set   of this person's requests
--   PREFIX STATE run                  Valkey's life in which this was written
--   PREFIX STATE settling             until when (us) workers put back what Valkey may have lost; nobody gets a slot meanwhile
--   PREFIX LAYOUT:epoch           string  the present EPOCH, such as "e3f9c:"; queue_state.py sets it
--   PREFIX LAYOUT:repair          string  who sets it just now; expires
--   PREFIX worker:NAME            channel: JSON [[request, engine], ...] that got a slot
--   PREFIX lost                   channel: put back what you hold

local call, root, prefix, now_us, now_ms, rules, me, is_settling -- set anew by every call
local AHEAD, SMOOTHING = 1, 0.2
local REMEMBERED_MS, TRUSTED, EQUALLY_TRUSTED, ROUNDS = 60000, 3, 60, 4
local SHORTEST_S, LONGEST_S, KEPT, LARGEST_CORRECTION = 0.5, 3600, 0.98, 4
local SHORTEST_PREFILL_MS, LONGEST_PREFILL_MS, PREFILL_TOKENS_PER_MS = 200, 60000, 2
local LONGEST_SPREAD_MS = 1000
local SPARE, NEAR, HOME_MS = 0.125, 1.25, 3600000
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

-- These in one read.
local function load_requests(ids)
  for first = 1, #ids, 1000 do
    local last = min(first + 999, #ids)
    local packed = call('HMGET', prefix .. 'requests', unpack(ids, first, last))
    for i = first, last do
      local record = packed[i - first + 1]
      if requests[ids[i]] == nil then requests[ids[i]] = record and cmsgpack.unpack(record) or false end
    end
  end
end

local function touch(request) touched_requests[request.id] = true end

local ENGINE = '<dddddddd'

-- An engine without a record has never run anything; where requests run that no engine counts, its record was lost.
local function demand_none_lost()
  local counted = 1 + tonumber(call('HGET', prefix .. 'waiting', '') or 0) -- one may be on its way
  for _, name in ipairs(call('HKEYS', prefix .. 'engines')) do
    counted = counted + (engines[name] or {
      running = struct.unpack('<d', call('HGET', prefix .. 'engines', name)) }).running
  end
  for name, engine in pairs(engines) do
    if call('HEXISTS', prefix .. 'engines', name) == 0 then counted = counted + engine.running end
  end
  for _, worker in ipairs(call('ZRANGE', prefix .. 'workers', 0, -1)) do
    counted = counted - call('SCARD', prefix .. 'worker:' .. worker)
  end
  if counted < 0 then error('the queue contradicts itself: an engine is not known') end
end

local function unpack_engine(name, packed)
  local running, batch, kv, reading, slots, kv_most, pace, begun = 0, 0, 0, 0, -1, -1, PREFILL_TOKENS_PER_MS, -1
  if packed then running, batch, kv, reading, slots, kv_most, pace, begun = struct.unpack(ENGINE, packed) end
  local engine = { name = name, running = running, batch = batch, kv = kv, reading = reading, slots = slots,
    kv_most = kv_most, pace = pace, begun = begun }
  if not packed then
    demand_none_lost()
    touched_engines[name] = engine
  end
  engines[name] = engine
  return engine
end

local function pack_engine(e)
  return struct.pack(ENGINE, e.running, e.batch, e.kv, e.reading, e.slots, e.kv_most, e.pace, e.begun)
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
  local foretold, waited, came, of = 0, 0, 0, {}
  if packed then
    waiting, returned, batch, last_ticket, held, tokens, ms, events, last_ms, foretold, waited, came =
      struct.unpack(POOL, packed)
    of = cmsgpack.unpack(packed:sub(POOL_BYTES + 1))
  else
    call('SADD', prefix .. 'pools', name)
  end
  local pool = { name = name, key = prefix .. 'pool:' .. name, nodes = {}, touched = {}, waiting = waiting,
    returned = returned, batch = batch, last_ticket = last_ticket, held = held, tokens = tokens, ms = ms,
    events = events, last_ms = last_ms, foretold = foretold, waited = waited, came = came, engines = of[1] or {},
    models = of[2] or {}, is_touched = false, siblings = false }
  pools[name] = pool
  return pool
end

local function pack_pool(p)
  return struct.pack(POOL, p.waiting, p.returned, p.batch, p.last_ticket, p.held, p.tokens, p.ms, p.events, p.last_ms,
    p.foretold, p.waited, p.came) .. cmsgpack.pack({ p.engines, p.models })
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
