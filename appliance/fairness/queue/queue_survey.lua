-- What people may see of the queue: survey.py. Changes nothing. See queue_records.lua.

local MOST_LOOKED_AT, MOST_PLACED = 10000, 250 -- some ms of Valkey's time

-- People and groups of a pool that run or wait, those with most first: { name, weight, served, running, waiting } each.
local function busy_nodes(pool, most)
  local seen, busy, cursor, looked = {}, {}, '0', 0
  local function see(node)
    seen[node.name] = true
    if node.running > 0 or node.requests > 0 then busy[#busy + 1] = node end
  end
  for _, node in pairs(pool.nodes) do see(node) end
  repeat
    local page = call('HSCAN', pool.key, cursor, 'COUNT', 1000)
    cursor, looked = page[1], looked + #page[2] / 2
    for i = 1, #page[2], 2 do
      local name = page[2][i]
      if name ~= '' and not seen[name] then see(unpack_node(name, page[2][i + 1])) end
    end
  until cursor == '0' or looked >= MOST_LOOKED_AT
  table.sort(busy, function(a, b)
    if a.running ~= b.running then return a.running > b.running end
    return a.requests > b.requests or (a.requests == b.requests and a.name < b.name)
  end)
  local told = {}
  for i = 1, min(most, #busy) do
    local node = busy[i]
    told[i] = cjson.encode({ node.name, node.weight, node.served, node.running, node.requests })
  end
  return table.concat(told, ',')
end

-- Every pool, with no more than `most` people and groups.
function operations.survey(most)
  local names, told = call('SMEMBERS', prefix .. 'pools'), {}
  table.sort(names)
  for i, name in ipairs(names) do
    local pool, slots, running = pool_of(name), 0, 0
    for engine_name, known in pairs(pool.engines) do
      local engine = engine_of(engine_name)
      slots, running = slots + slots_of(engine, known), running + engine.running
    end
    local is_measured = pool.events >= TRUSTED and pool.tokens > 0 and pool.ms > 0
      and now_ms - pool.last_ms <= REMEMBERED_MS
    told[i] = string.format('[%s,%d,%d,%d,%d,%s,%s,[', cjson.encode(name), slots, running, pool.waiting, pool.batch,
      seconds(is_measured and pool.tokens * 1000 / pool.ms), seconds(pool.held >= 0 and pool.held / 1000))
      .. busy_nodes(pool, most) .. ']]'
  end
  return '[' .. table.concat(told, ',') .. ']'
end

-- A person's requests, first come first: how many there are, and no more than `most` rows.
function operations.standings(user, most)
  local ids = call('SMEMBERS', prefix .. 'user:' .. user)
  load_requests(ids)
  local found, told, placed = {}, {}, 0
  for _, id in ipairs(ids) do
    if requests[id] then found[#found + 1] = requests[id] end
  end
  table.sort(found, function(a, b) return a.ticket < b.ticket or (a.ticket == b.ticket and a.id < b.id) end)
  for i = 1, min(most, #found) do
    local request, engine, since, position, eta_s = found[i], 'null', 'null', nil, nil
    if request.engine then
      engine, since = cjson.encode(request.engine), whole(request.since)
    elseif placed < MOST_PLACED then
      position, eta_s = place(pool_for(request), request)
      placed = placed + 1
    end
    told[i] = string.format('[%s,%s,%s,%s,%s,%s,%s,%s,%s]', cjson.encode(request.asked or ''),
      cjson.encode(request.pool), cjson.encode(request.model), tostring(request.class == 'b'), whole(request.ticket),
      since, engine, position or 'null', seconds(eta_s))
  end
  return '[' .. #found .. ',[' .. table.concat(told, ',') .. ']]'
end
