-- What may be asked of the queue, and the function that Valkey calls. See queue_records.lua.

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

-- What arrives of an ask:
-- { id, pool, model, user, path, candidates, prompt, most or -1, class, the caller's name for it, conversation,
-- limits or nothing }.
local function new_request(ask)
  local request = { id = ask[1], pool = ask[2], model = ask[3], user = ask[4], path = ask[5], candidates = ask[6],
    prompt = ask[7], class = ask[9], asked = ask[10], conversation = ask[11], limits = ask[12], worker = me, ticket = 0, answer = 0, cost = 0,
    kv = 0, engine = false, since = 0, returned = false, limit_tokens = 0,
    foretold = -1 }
  local home = request.conversation ~= '' and redis.pcall('GET', home_key(request))
  request.home = type(home) == 'string' and home or '' -- a spoilt one is none
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
  call('SADD', prefix .. 'user:' .. request.user, request.id)
end

local function erase(request)
  requests[request.id] = false
  touched_requests[request.id] = nil
  call('HDEL', prefix .. 'requests', request.id)
  call('SREM', prefix .. 'worker:' .. request.worker, request.id)
  call('SREM', prefix .. 'user:' .. request.user, request.id)
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
  local patience_us, doubted = rules.patience_us, prefix .. 'doubted'
  local leases = call('ZRANGE', prefix .. 'workers', 0, -1, 'WITHSCORES')
  local dead = {}
  for i = 1, #leases, 2 do
    local worker, until_us = leases[i], tonumber(leases[i + 1])
    if now_us < until_us and until_us <= now_us + patience_us then
      call('HDEL', doubted, worker)
    else
      local doubted_until_us = tonumber(call('HGET', doubted, worker) or now_us + patience_us + 1)
      if doubted_until_us > now_us + patience_us then
        call('HSET', doubted, worker, whole(now_us + patience_us))
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
    local engine = engine_for(pool, request, person_of(pool, request).running, request.class == 'b', {})
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
    request.foretold = has_settled(pool) and by_pool_s or -1
    return place_answer(request, position, eta_s)
  end
  stop_waiting(pool, request)
  settle_limits(request, 0, true)
  erase(request)
  return '["full",' .. seconds(eta_s) .. ']'
end

-- prompt_tokens -1: it used nothing. completion_tokens -1: nobody knows.
function operations.leave(id, prompt_tokens, cached_tokens, completion_tokens, prefill_ms)
  local request = request_of(id)
  if not request then return '[]' end
  local pool = pool_for(request)
  if request.engine then
    if prompt_tokens >= 0 then note_rates(pool, request, prompt_tokens, completion_tokens, prefill_ms) end
    stop_running(pool, request)
    local answer = completion_tokens < 0 and request.answer or completion_tokens
    settle(pool, request, max(0, prompt_tokens), cached_tokens, answer)
  else
    refund(pool, request)
    stop_waiting(pool, request)
    settle_limits(request, 0, true)
  end
  erase(request)
  dispatch_around(pool)
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

-- Out of its line into a slot of another pool that is free at once, with the limits it has taken. Where none is free, it
-- keeps its place.
function operations.cross(ask)
  local request = request_of(ask[1])
  if not request then return '["gone"]' end
  if request.engine or request.pool == ask[2] then return where(request) end
  local crossed, pool = new_request(ask)
  if pool.waiting > 0 or is_settling then return where(request) end
  local engine = engine_for(pool, crossed, person_of(pool, crossed).running, crossed.class == 'b', {})
  if not engine then return where(request) end
  local left = pool_for(request)
  refund(left, request)
  stop_waiting(left, request)
  crossed.ticket, crossed.worker, crossed.limits = request.ticket, request.worker, request.limits
  crossed.limit_tokens, crossed.states = request.limit_tokens, request.states
  requests[crossed.id] = crossed
  touch(crossed)
  start(pool, crossed, engine)
  dispatch_around(left)
  return slot_answer(crossed)
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

-- Forget all other engines but those that run something or that somebody in line could still get.
function operations.keep(names)
  local kept, all = {}, {}
  for _, name in ipairs(names) do kept[name] = true end
  for i, name in ipairs(call('SMEMBERS', prefix .. 'pools')) do
    local pool = pool_of(name)
    all[i] = pool
    for _, of_model in pairs(pool.models) do
      for engine in pairs(of_model[2]) do kept[engine] = true end
    end
    if pool.returned > 0 then
      for engine in pairs(pool.engines) do kept[engine] = true end
    end
  end
  for _, pool in ipairs(all) do
    local left = {}
    for engine, slots in pairs(pool.engines) do
      if kept[engine] or engine_of(engine).running > 0 then left[engine] = slots else pool.is_touched = true end
    end
    pool.engines = left
  end
  for _, name in ipairs(call('HKEYS', prefix .. 'engines')) do
    if not kept[name] and engine_of(name).running == 0 then
      call('HDEL', prefix .. 'engines', name)
      call('DEL', prefix .. 'reading:' .. name)
      touched_engines[name], engines[name] = nil, nil
    end
  end
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

local function settle_for(ms)
  call('SET', prefix .. 'settling', whole(now_us + ms * 1000))
  is_settling = true
end

-- until_us: as settle_for wrote it; a clock that was set back since then begins anew, and does not hold up everybody.
local function goes_on_settling(until_us)
  if now_us >= until_us then
    call('DEL', prefix .. 'settling')
    return false
  end
  if until_us > now_us + rules.settle_ms * 1000 then settle_for(rules.settle_ms) end
  return true
end

-- The caller went on alone for a while. Others may be alone still; those that reach Valkey tell what they run, the
-- silent ones are given time to.
function operations.returned()
  local others = call('ZRANGE', prefix .. 'workers', 0, -1, 'WITHSCORES')
  for i = 1, #others, 2 do
    if others[i] ~= me and tonumber(others[i + 1]) < now_us + rules.patience_us - rules.silence_us then
      settle_for(rules.settle_ms / 2)
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
  load_requests(ids)
  for i, id in ipairs(ids) do found[i] = where(request_of(id)) end
  return '[' .. table.concat(found, ',') .. ']'
end

function operations.unseeded() return json_list(call('SMEMBERS', root .. 'limit:unseeded')) end

function operations.seed(member, tokens)
  limits.seed(root, member, tokens)
  return '[]'
end

-- Whether the caller must first put back what it holds. Valkey was emptied, restarted (its last second may be lost), or
-- the state began anew:
-- what runs is known again when all workers have told; until then no slot is given to anybody.
local function find_loss(is_fresh_start)
  local state = call('MGET', prefix .. 'run', prefix .. 'settling')
  is_settling = state[2] and goes_on_settling(tonumber(state[2]))
  if state[1] == rules.run then return false end
  call('SET', prefix .. 'run', rules.run)
  if state[1] or rules.has_called or is_fresh_start then
    call('PUBLISH', root .. 'lost', '')
    settle_for(rules.settle_ms)
  end
  return rules.has_called
end

local known_rules = {}

local function carry_out(keys, arguments)
  min, max, floor = math.min, math.max, math.floor
  call, root = redis.call, keys[1]
  local epoch = call('GET', root .. LAYOUT .. ':epoch') or ''
  if epoch ~= '' and not epoch:match('^e%x+:$') then error('the queue has no such epoch') end
  prefix = root .. LAYOUT .. ':' .. epoch
  local clock = call('TIME')
  now_us = clock[1] * 1000000 + clock[2]
  now_ms = now_us / 1000
  if known_rules.text ~= arguments[1] then
    known_rules = cjson.decode(arguments[1])
    known_rules.text = arguments[1]
  end
  rules, me = known_rules, known_rules.worker
  requests, pools, engines, touched_requests, touched_engines, grants = {}, {}, {}, {}, {}, {}
  if find_loss(epoch ~= '') then return { '["lost"]' } end
  call('ZADD', prefix .. 'workers', whole(now_us + rules.patience_us), me)
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
