-- The token-fair queue, for all gateway processes: the rules of fair_queue.py, whose docstrings explain them.
-- This is the first of five files that shared_queue.py joins: records, queue_rules, fair_queue, queue_operations,
-- queue_survey.
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
--   PREFIX 1:pools, 1:crowded     sets  of pools; of those with somebody in line
--   PREFIX 1:workers, 1:doubted   zset, hash  worker -> until when (us)
--   PREFIX 1:worker:NAME          set   of its requests
--   PREFIX 1:user:ID              set   of this person's requests
--   PREFIX 1:run                  Valkey's life in which this was written
--   PREFIX 1:settling             until when (us) workers put back what Valkey may have lost; nobody gets a slot meanwhile
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
