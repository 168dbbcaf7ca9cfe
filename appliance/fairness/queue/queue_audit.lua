-- Whether the records agree with each other. What a hand, a fault or another program wrote into them may be well-formed
-- and still keep everybody waiting for ever; then this fails, and shared_queue.py begins the state anew.
-- Reads a few counters and the people in line, not the requests. See queue_records.lua.

local LARGEST = 1e15

local function demand(is_so, what)
  if not is_so then error('the queue contradicts itself: ' .. what) end
end

local function demand_count(number, what)
  demand(number >= 0 and number < LARGEST and floor(number) == number, what)
  return number
end

-- Requests in line below a node, as those in its line have them.
local function audit_line(pool, parent)
  local names, count = call('ZRANGE', line_key(pool, parent), 0, -1), 0
  load_nodes(pool, names)
  for _, name in ipairs(names) do
    local node, below = pool.nodes[name], 0
    demand(node.served > -LARGEST and node.served < LARGEST, 'what somebody was served')
    demand_count(node.running, 'what somebody runs')
    demand(demand_count(node.requests, 'what somebody has in line') > 0, 'nothing in line')
    if node.models ~= '' then
      for model in each_model(node) do below = below + call('ZCARD', queue_key(pool, name, model)) end
    else
      below = audit_line(pool, name)
    end
    demand(below == node.requests, 'a line')
    count = count + below
  end
  return count
end

local function audit_pool(pool)
  demand_count(pool.waiting, 'requests in line')
  demand(pool.last_ticket >= 0 and pool.last_ticket < 100 * LARGEST, 'tickets')
  demand(pool.returned == call('LLEN', prefix .. 'returned:' .. pool.name), 'requests whose engine failed')
  demand(pool.batch == call('ZCARD', prefix .. 'batch:' .. pool.name), 'batch requests')
  demand(pool.waiting == 0 or call('SISMEMBER', prefix .. 'crowded', pool.name) == 1, 'pools with a line')
  demand(pool.waiting == pool.returned + audit_line(pool, 'i') + audit_line(pool, 'b'), 'lines')
  return pool.waiting
end

local function audit_engine(engine)
  demand_count(engine.running, 'requests on an engine')
  demand_count(engine.batch, 'batch requests on an engine')
  demand_count(engine.kv, 'tokens on an engine')
  demand(engine.running >= engine.batch and (engine.running > 0 or engine.kv == 0), 'an engine')
  demand_count(engine.reading, 'prompts that are read')
  demand(engine.reading == 0 or call('ZCARD', prefix .. 'reading:' .. engine.name) > 0, 'prompts')
  return engine.running
end

local AUDIT_US = 2000000
local agreed_at_us = 0 -- outlives the call: several workers ask, and once is enough

-- Fails where they do not agree. is_urgent: look even if somebody just did.
function operations.audit(is_urgent)
  if not is_urgent and now_us >= agreed_at_us and now_us < agreed_at_us + AUDIT_US then return '[]' end
  write_back()
  local known, told, in_line = 0, 0, 0
  for _, worker in ipairs(call('ZRANGE', prefix .. 'workers', 0, -1)) do
    known = known + call('SCARD', prefix .. 'worker:' .. worker)
  end
  for _, name in ipairs(call('HKEYS', prefix .. 'engines')) do told = told + audit_engine(engine_of(name)) end
  for _, name in ipairs(call('SMEMBERS', prefix .. 'pools')) do in_line = in_line + audit_pool(pool_of(name)) end
  demand(known == call('HLEN', prefix .. 'requests'), 'requests of workers')
  demand(known == told + in_line, 'requests on engines and in line')
  demand(in_line == tonumber(call('HGET', prefix .. 'waiting', '') or 0), 'everybody in line')
  agreed_at_us = now_us
  return '[]'
end
