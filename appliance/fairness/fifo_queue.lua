-- Slots per engine, and one first-come-first-served queue per model pool.
--
-- Called with KEYS[1] = the prefix of every key (it carries a hash tag, so all of them lie on one node),
-- ARGV[1] = the operation, ARGV[2] = how long a request is kept without being renewed, in ms. Time is the server's.
--
--   PREFIX alive            zset   request -> when it is given up unless renewed (ms)
--   PREFIX r:REQUEST        hash   pool, user, worker, candidates, ticket; engine and since once it runs
--   PREFIX pools            set    pools in which somebody waits
--   PREFIX queue:POOL       zset   request -> ticket (us); the lowest is the head
--   PREFIX waiting          hash   user -> requests that wait
--   PREFIX running:ENGINE   set    requests that run there
--   PREFIX slots            hash   engine -> slots, as last learned
--   PREFIX hold             hash   pool -> how long a slot is held, moving average in ms
--   PREFIX worker:NAME      channel "REQUEST ENGINE": a slot for a request of that worker

local prefix, operation, lease_ms = KEYS[1], ARGV[1], tonumber(ARGV[2])
local clock = redis.call('TIME')
local now_us = tonumber(clock[1]) * 1000000 + tonumber(clock[2])
local now_ms = math.floor(now_us / 1000)

local function key(name) return prefix .. name end

local function record(id)
  local flat = redis.call('HGETALL', key('r:' .. id))
  if #flat == 0 then return nil end
  local fields = {}
  for i = 1, #flat, 2 do fields[flat[i]] = flat[i + 1] end
  return fields
end

local function slots_of(candidate)
  local learned = redis.call('HGET', key('slots'), candidate[1])
  return tonumber(learned or candidate[2])
end

-- The engine with the smallest share of its slots in use; those kept for fallback only when no other is free.
local function free_engine(candidates)
  local best, best_use, best_is_fallback
  for _, candidate in ipairs(candidates) do
    local slots = slots_of(candidate)
    local running = redis.call('SCARD', key('running:' .. candidate[1]))
    local is_fallback = candidate[3] == 1
    if running < slots then
      local use = running / slots
      if not best or (best_is_fallback and not is_fallback)
        or (best_is_fallback == is_fallback and use < best_use) then
        best, best_use, best_is_fallback = candidate[1], use, is_fallback
      end
    end
  end
  return best
end

local function keep_alive(id) redis.call('ZADD', key('alive'), now_ms + lease_ms, id) end

local function run_on(id, engine)
  redis.call('SADD', key('running:' .. engine), id)
  redis.call('HSET', key('r:' .. id), 'engine', engine, 'since', now_ms)
  keep_alive(id)
end

local function wait_in_line(id, fields)
  redis.call('ZADD', key('queue:' .. fields.pool), fields.ticket, id)
  redis.call('SADD', key('pools'), fields.pool)
  redis.call('HINCRBY', key('waiting'), fields.user, 1)
  redis.call('HDEL', key('r:' .. id), 'engine', 'since')
  keep_alive(id)
end

local function leave_line(id, fields)
  if redis.call('ZREM', key('queue:' .. fields.pool), id) == 0 then return end
  if redis.call('HINCRBY', key('waiting'), fields.user, -1) <= 0 then
    redis.call('HDEL', key('waiting'), fields.user)
  end
  if redis.call('ZCARD', key('queue:' .. fields.pool)) == 0 then
    redis.call('SREM', key('pools'), fields.pool)
  end
end

local function forget(id)
  local fields = record(id)
  redis.call('ZREM', key('alive'), id)
  if not fields then return nil end
  if fields.engine then
    redis.call('SREM', key('running:' .. fields.engine), id)
  else
    leave_line(id, fields)
  end
  redis.call('DEL', key('r:' .. id))
  return fields
end

-- What belonged to a worker that has not renewed it, goes.
local function reap()
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', key('alive'), '-inf', now_ms, 'LIMIT', 0, 200)) do forget(id) end
end

-- Give free slots to the heads of the queues, the oldest ticket first.
local function dispatch()
  local blocked = {}
  while true do
    local first
    for _, pool in ipairs(redis.call('SMEMBERS', key('pools'))) do
      if not blocked[pool] then
        local head = redis.call('ZRANGE', key('queue:' .. pool), 0, 0, 'WITHSCORES')
        if head[1] and (not first or tonumber(head[2]) < first.ticket) then
          first = { id = head[1], ticket = tonumber(head[2]), pool = pool }
        end
      end
    end
    if not first then return end
    local fields = record(first.id)
    local engine = fields and free_engine(cjson.decode(fields.candidates))
    if not fields then
      redis.call('ZREM', key('queue:' .. first.pool), first.id)
    elseif engine then
      leave_line(first.id, fields)
      run_on(first.id, engine)
      redis.call('PUBLISH', key('worker:' .. fields.worker), first.id .. ' ' .. engine)
    else
      blocked[first.pool] = true
    end
  end
end

-- How long the nth in line waits: slots come free one after another, every hold/slots ms.
local function eta_ms(fields, position)
  local hold = tonumber(redis.call('HGET', key('hold'), fields.pool) or '-1')
  if hold < 0 then return -1 end
  local slots = 0
  for _, candidate in ipairs(cjson.decode(fields.candidates)) do slots = slots + slots_of(candidate) end
  if slots == 0 then return -1 end
  return math.ceil(position * hold / slots)
end

local function where(id)
  local fields = record(id)
  if not fields then return { id, 'gone' } end
  if fields.engine then return { id, 'slot', fields.engine } end
  local position = (redis.call('ZRANK', key('queue:' .. fields.pool), id) or 0) + 1
  return { id, 'wait', position, eta_ms(fields, position), fields.ticket }
end

local function remember(id, pool, user, worker, candidates, ticket)
  redis.call('HSET', key('r:' .. id), 'pool', pool, 'user', user, 'worker', worker, 'candidates', candidates,
    'ticket', string.format('%.0f', ticket))
end

local operations = {}

-- id pool user worker candidates ticket max_queue max_queue_per_user -> slot | wait | full
function operations.enter(id, pool, user, worker, candidates, ticket, max_queue, max_per_user)
  if redis.call('EXISTS', key('r:' .. id)) == 1 then return where(id) end
  ticket = tonumber(ticket)
  if ticket == 0 then ticket = now_us end
  local engine = redis.call('ZCARD', key('queue:' .. pool)) == 0 and free_engine(cjson.decode(candidates))
  if engine then
    remember(id, pool, user, worker, candidates, ticket)
    run_on(id, engine)
    return { id, 'slot', engine }
  end
  local waiting = 0
  for _, name in ipairs(redis.call('SMEMBERS', key('pools'))) do
    waiting = waiting + redis.call('ZCARD', key('queue:' .. name))
  end
  local of_user = tonumber(redis.call('HGET', key('waiting'), user) or '0')
  if waiting >= tonumber(max_queue) or of_user >= tonumber(max_per_user) then
    local fields = { pool = pool, candidates = candidates }
    return { id, 'full', eta_ms(fields, redis.call('ZCARD', key('queue:' .. pool)) + 1) }
  end
  remember(id, pool, user, worker, candidates, ticket)
  wait_in_line(id, record(id))
  dispatch()
  return where(id)
end

-- ids...: ended, or no longer wanted. All that was freed goes to those who wait.
function operations.leave(...)
  for _, id in ipairs({ ... }) do
    local fields = forget(id)
    if fields and fields.since then
      local held = now_ms - tonumber(fields.since)
      local known = tonumber(redis.call('HGET', key('hold'), fields.pool) or held)
      redis.call('HSET', key('hold'), fields.pool, string.format('%.1f', known + 0.2 * (held - known)))
    end
  end
  dispatch()
  return {}
end

-- id candidates: the engine failed before its first byte. Another one at once, else back to the head of the queue.
function operations.move(id, candidates)
  local fields = record(id)
  if not fields then return { id, 'gone' } end
  if fields.engine then redis.call('SREM', key('running:' .. fields.engine), id) end
  redis.call('HSET', key('r:' .. id), 'candidates', candidates)
  local engine = free_engine(cjson.decode(candidates))
  if engine then
    run_on(id, engine)
  else
    wait_in_line(id, fields)
  end
  dispatch()
  return where(id)
end

-- A JSON list of [id, pool, user, worker, candidates, ticket, engine or ""]: all that a worker holds. What is
-- unknown here (Valkey came back empty) is put where the worker says it is: what runs, runs.
function operations.renew(held)
  for _, row in ipairs(cjson.decode(held)) do
    local id, engine = row[1], row[7]
    local fields = record(id)
    if not fields then
      remember(id, row[2], row[3], row[4], row[5], row[6])
      fields = record(id)
      if engine == '' then wait_in_line(id, fields) else run_on(id, engine) end
    elseif engine ~= '' and fields.engine ~= engine then
      if fields.engine then redis.call('SREM', key('running:' .. fields.engine), id) else leave_line(id, fields) end
      run_on(id, engine)
    else
      if not fields.engine then redis.call('HSET', key('r:' .. id), 'candidates', row[5]) end
      keep_alive(id)
    end
  end
  dispatch()
  return {}
end

function operations.places(...)
  local found = {}
  for _, id in ipairs({ ... }) do found[#found + 1] = where(id) end
  return found
end

-- engine slots ...: what the engines say they can run.
function operations.learn(...)
  local pairs_of = { ... }
  for i = 1, #pairs_of, 2 do redis.call('HSET', key('slots'), pairs_of[i], pairs_of[i + 1]) end
  dispatch()
  return {}
end

reap()
return operations[operation](unpack(ARGV, 3))
