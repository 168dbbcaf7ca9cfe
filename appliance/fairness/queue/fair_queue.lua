-- Whose turn it is, and how long it takes until it comes: fair_queue.py. See queue_records.lua.

-- whose turn it is (fair_queue.py) ----------------------------------------------------------------------

-- Of those that fit: { name, fallback, tokens a slot, requests a slot } each (admission.choose_engine).
local function choose_engine(free, home)
  local best
  for _, one in ipairs(free) do
    if not best or one[2] < best[2] or (one[2] == best[2]
      and (one[3] < best[3] or (one[3] == best[3] and one[4] < best[4]))) then best = one end
  end
  if not best or home == '' then return best and best[1] end
  local total, equals, at_home = 0, 0, nil
  for _, one in ipairs(free) do
    if one[2] == best[2] then
      total, equals = total + one[3], equals + 1
      if one[1] == home then at_home = one end
    end
  end
  if at_home and (at_home[4] < SPARE or at_home[3] * equals <= NEAR * total) then return home end
  return best[1]
end

local function engine_for(pool, request, held, as_batch, holding)
  local candidates, is_newcomer, free = request.candidates, not (held > 0 or as_batch), {}
  for i = 1, #candidates, 3 do
    local name = candidates[i]
    if holding[name] == nil or (is_newcomer and not holding[name]) then
      local engine = engine_of(name)
      local fitting = fit(pool, engine, candidates[i + 1], request, held, as_batch)
      if fitting == 'fits' then
        local slots = slots_of(engine, candidates[i + 1])
        free[#free + 1] = { name, candidates[i + 2], engine.kv / slots, engine.running / slots }
      elseif fitting == 'hold' then
        holding[name] = is_newcomer
      end
    end
  end
  return choose_engine(free, request.home)
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

-- None of these engines has a slot for anybody.
local function is_lost(of_model, holding)
  for name, slots in pairs(of_model) do
    if not holding[name] and not is_closed(engine_of(name), slots, 0, false) then return false end
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
  local holding, lost, hopeful = {}, {}, 0
  for _ in pairs(pool.models) do hopeful = hopeful + 1 end
  if pool.returned > 0 then
    for _, id in ipairs(call('LRANGE', prefix .. 'returned:' .. pool.name, 0, -1)) do
      local request = request_of(id)
      local engine = engine_for(pool, request, 0, false, holding)
      if engine then return request, engine end
    end
  end
  if pool.batch > 0 then
    local oldest = call('ZRANGE', prefix .. 'batch:' .. pool.name, 0, 0, 'WITHSCORES')
    if now_us - tonumber(oldest[2]) >= rules.promoted_after_us then
      local request = request_of(oldest[1])
      local engine = engine_for(pool, request, person_of(pool, request).running, false, holding)
      if engine then return request, engine end
    end
  end
  for _, class in ipairs({ 'i', 'b' }) do
    local as_batch, engine = class == 'b', nil
    local chosen = hopeful > 0 and in_turn(pool, class, function(person)
      if is_shut(pool, person.running, as_batch, holding) then return person.running == 0 and 'nobody' or nil end
      local heads = {}
      for model in each_model(person) do
        if not lost[model] then
          local head = call('ZRANGE', queue_key(pool, person.name, model), 0, 0)
          heads[#heads + 1] = request_of(head[1])
        end
      end
      table.sort(heads, function(a, b) return a.ticket < b.ticket or (a.ticket == b.ticket and a.id < b.id) end)
      for _, request in ipairs(heads) do
        engine = engine_for(pool, request, person.running, as_batch, holding)
        if engine then return request end
        if is_lost(pool.models[request.model][2], holding) then
          lost[request.model], hopeful = true, hopeful - 1
          if hopeful == 0 then return 'nobody' end
        end
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

-- This pool, and those that share an engine with it: the ones of before a change of its models. Their lines go first.
local function dispatch_around(pool)
  local around = { pool }
  for _, name in ipairs(call('SMEMBERS', prefix .. 'crowded')) do
    local other = name ~= pool.name and pool_of(name)
    for engine in pairs(other and other.engines or {}) do
      if pool.engines[engine] then
        around[#around + 1] = other
        break
      end
    end
  end
  table.sort(around, function(a, b)
    return a.last_ticket < b.last_ticket or (a.last_ticket == b.last_ticket and a.name < b.name)
  end)
  for _, one in ipairs(around) do dispatch(one) end
end

-- how long still ----------------------------------------------------------------------------------------

local function siblings(pool, parent)
  pool.siblings = pool.siblings or {}
  local found = pool.siblings[parent]
  if not found then
    found = call('ZRANGE', line_key(pool, parent), 0, -1)
    load_nodes(pool, found)
    for i, name in ipairs(found) do
      local node = pool.nodes[name]
      found[i], node.each = node, node.cost / node.requests
    end
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
        local each, fitting = other.each, other.requests
        if each > 0 then fitting = min(fitting, floor((mark - other.served) * other.weight / each) + 1) end
        count, cost = count + fitting, cost + fitting * each
      end
    end
  end
  return count, cost
end

local function slots_in(pool)
  local slots = 0
  for name, known in pairs(pool.engines) do slots = slots + slots_of(engine_of(name), known) end
  return max(1, slots)
end

-- A pace of a few turns is mostly chance, and the first ones come late: all slots had just begun.
local function wait_s(pool, cost, count)
  local by_pace = pace_wait_ms(pool, cost)
  if pool.held < 0 then return by_pace and by_pace / 1000 end
  local slots = slots_in(pool)
  local by_slots = count * pool.held / slots
  if not by_pace then return by_slots / 1000 end
  local trust = pool.events / (pool.events + ROUNDS * slots)
  return (trust * by_pace + (1 - trust) * by_slots) / 1000
end

local function has_settled(pool) return pool.events >= ROUNDS * slots_in(pool) end

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
