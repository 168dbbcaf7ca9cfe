-- Money held and spent, for all gateway processes: the rules of counting.py, whose docstring explains them.
--
--   PREFIX budget:window:NAME    hash: base (micros the accounts know from before; absent: not asked yet), least (what a
--                                process last knew of it), used (since), held, told (per cent), told_most
--   PREFIX budget:holds:WORKER   hash: ID -> "MICROS NAME\nNAME…", or "done" once it was settled
--   PREFIX budget:workers        sorted set: until when (ms) a process is believed to live
--   PREFIX budget:doubted        hash: process -> ms at which it is given up
--   PREFIX budget:life           a word that is another one after all was lost
--
-- KEYS[1]: PREFIX. ARGV: worker, now in ms, lease in ms, then one JSON list an operation. Every key expires by itself.

local prefix, worker = KEYS[1] .. 'budget:', ARGV[1]
local now_ms, patience_ms = tonumber(ARGV[2]), math.floor(tonumber(ARGV[3]) / 3)
local MOST, KEPT_MS, AFTER_MS = 4e15, 86400000, 2 * 86400000
local LEVELS = { 50, 80, 100 }
local FIELDS = { 'base', 'least', 'used', 'held', 'told', 'told_most' }

local function whole(number) return string.format('%.0f', number) end

-- What is not of our kind is as if it were not there.
local function ours(key, kind)
  local found = redis.call('TYPE', key).ok
  if found ~= 'none' and found ~= kind then redis.call('DEL', key) end
  return key
end

local function number_of(text)
  return type(text) == 'string' and text:match('^%d+$') and math.min(tonumber(text), MOST) or nil
end

local function read(name)
  local window = { key = ours(prefix .. 'window:' .. name, 'hash') }
  local values = redis.call('HMGET', window.key, unpack(FIELDS))
  for i, field in ipairs(FIELDS) do window[field] = number_of(values[i]) end
  window.is_there = window.base ~= nil or window.least ~= nil or window.held ~= nil
  window.used, window.held, window.told = window.used or 0, window.held or 0, window.told or 0
  return window
end

local function write(window, end_ms)
  local values = {}
  for _, field in ipairs(FIELDS) do
    if window[field] then
      values[#values + 1] = field
      values[#values + 1] = whole(math.min(window[field], MOST))
    end
  end
  redis.call('HSET', window.key, unpack(values))
  if end_ms then
    redis.call('PEXPIRE', window.key, whole(math.max(KEPT_MS, end_ms - now_ms + AFTER_MS)))
  elseif redis.call('PTTL', window.key) < 0 then
    redis.call('PEXPIRE', window.key, whole(AFTER_MS))
  end
end

local function spent_of(window) return (window.base or window.least or 0) + window.used end

local function threshold(most, level)
  local rest = most % 100
  return (most - rest) / 100 * level + math.ceil(rest * level / 100)
end

-- The level that is reached now and was not told in this window; 0: none. Another cap begins anew from where it stands.
local function crossed(window, most, is_refused)
  local level = 0
  for _, one in ipairs(LEVELS) do
    if spent_of(window) >= threshold(most, one) then level = one end
  end
  if is_refused and level >= 80 then level = 100 end
  if window.told_most ~= most then
    window.told, window.told_most = math.min(window.told, level), most
  end
  if level <= window.told then return 0 end
  window.told = level
  return level
end

local function state(window, level, fits)
  return whole(spent_of(window)) .. ' ' .. whole(window.held) .. ' ' .. level .. ' ' .. (fits and 1 or 0)
end

local function holds_of(name) return ours(prefix .. 'holds:' .. name, 'hash') end

local function note(id, micros, names)
  redis.call('HSET', holds_of(worker), id, whole(micros) .. ' ' .. table.concat(names, '\n'))
  redis.call('PEXPIRE', holds_of(worker), KEPT_MS)
end

local function release(record)
  local micros, names = record:match('^(%d+) (.*)$')
  if not micros then return end
  for name in names:gmatch('[^\n]+') do
    local window = read(name)
    if window.is_there then
      window.held = math.max(0, window.held - tonumber(micros))
      write(window)
    end
  end
end

local function give_up(dead)
  for _, record in ipairs(redis.call('HVALS', holds_of(dead))) do release(record) end
  redis.call('DEL', holds_of(dead))
  redis.call('ZREM', prefix .. 'workers', dead)
  redis.call('HDEL', prefix .. 'doubted', dead)
end

-- A process that is silent for a third of a lease is doubted at the next look, and given up at the first look another
-- third later: a clock that jumps kills nobody. With looks a sixth of a lease apart all is over within the lease.
local function sweep()
  local workers, doubted = ours(prefix .. 'workers', 'zset'), ours(prefix .. 'doubted', 'hash')
  local found = redis.call('ZRANGE', workers, 0, -1, 'WITHSCORES')
  for i = 1, #found, 2 do
    local name, until_ms = found[i], tonumber(found[i + 1])
    if now_ms < until_ms and until_ms <= now_ms + patience_ms then
      redis.call('HDEL', doubted, name)
    else
      local given_up_ms = number_of(redis.call('HGET', doubted, name))
      if not given_up_ms or given_up_ms > now_ms + patience_ms then
        redis.call('HSET', doubted, name, whole(now_ms + patience_ms))
        redis.call('PEXPIRE', doubted, KEPT_MS)
      elseif given_up_ms <= now_ms then
        give_up(name)
      end
    end
  end
end

local operations = {}

-- wanted: { name, most, end_ms } of each window. -> word, a state of each
function operations.reserve(id, micros, wanted)
  local windows, answer, unseeded, names = {}, { 'held' }, { 'unseeded' }, {}
  for i, one in ipairs(wanted) do
    windows[i], names[i] = read(one[1]), one[1]
    if not windows[i].base then unseeded[#unseeded + 1] = one[1] end
  end
  if #unseeded > 1 then return unseeded end
  local is_known = redis.call('HEXISTS', holds_of(worker), id) == 1
  local fit = {}
  for i, one in ipairs(wanted) do
    fit[i] = is_known or spent_of(windows[i]) + windows[i].held + micros <= one[2]
    if not fit[i] then answer[1] = 'refused' end
  end
  for i, one in ipairs(wanted) do
    local window = windows[i]
    if answer[1] == 'held' and not is_known then window.held = window.held + micros end
    local is_full = not fit[i] and micros <= one[2] and spent_of(window) + micros > one[2]
    answer[i + 1] = state(window, crossed(window, one[2], is_full), fit[i])
    write(window, one[3])
  end
  if answer[1] == 'held' and not is_known then note(id, micros, names) end
  return answer
end

function operations.settle(id, cost, wanted)
  local answer, record = { 'settled' }, redis.call('HGET', holds_of(worker), id)
  if record and record ~= 'done' then release(record) end
  for i, one in ipairs(wanted) do
    local window, level = read(one[1]), 0
    if window.base then
      if record ~= 'done' then window.used = window.used + cost end
      level = crossed(window, one[2], false)
      write(window, one[3])
    end -- else the sum of the accounts will have it
    answer[i + 1] = state(window, level, true)
  end
  redis.call('HSET', holds_of(worker), id, 'done')
  redis.call('PEXPIRE', holds_of(worker), KEPT_MS)
  return answer
end

-- What the accounts know of a window from before it was counted here; the first word counts.
function operations.seed(name, micros, end_ms)
  local window = read(name)
  if not window.base then
    window.base = math.max(micros, window.least or 0)
    window.least = nil
    redis.call('HDEL', window.key, 'least')
    write(window, end_ms)
  end
  return { 'seeded' }
end

-- live: { id, micros, { name, … } } of all that runs here, micros -1 for what is on its way here; known: { name, micros,
-- end_ms } as last heard before all was lost. Reservations of this process that it does not name are given back.
function operations.sync(live, known)
  local are_live, holds = {}, redis.call('HGETALL', holds_of(worker))
  for _, one in ipairs(live) do are_live[one[1]] = true end
  for i = 1, #holds, 2 do
    if not are_live[holds[i]] then
      release(holds[i + 1])
      redis.call('HDEL', holds_of(worker), holds[i])
    end
  end
  for _, one in ipairs(known) do
    local window = read(one[1])
    local field = window.base and 'base' or 'least'
    if one[2] > (window[field] or 0) then
      window[field] = one[2]
      write(window, one[3])
    end
  end
  for _, one in ipairs(live) do
    if one[2] >= 0 and redis.call('HEXISTS', holds_of(worker), one[1]) == 0 then
      for _, name in ipairs(one[3]) do
        local window = read(name)
        window.held = window.held + one[2]
        write(window)
      end
      note(one[1], one[2], one[3])
    end
  end
  return { 'synced' }
end

-- done: ids whose end has been heard. names: windows to be told of. -> how many of ours are held, a state of each
function operations.renew(done, names)
  if #done > 0 then redis.call('HDEL', holds_of(worker), unpack(done)) end
  sweep()
  local answer = { whole(redis.call('HLEN', holds_of(worker))) }
  for i, name in ipairs(names) do
    local window = read(name)
    answer[i + 1] = window.base and state(window, 0, true) or ''
  end
  return answer
end

local life = ours(prefix .. 'life', 'string')
local word = redis.call('GET', life)
if not word then word = worker .. ' ' .. table.concat(redis.call('TIME'), '.') end
redis.call('SET', life, word, 'PX', 40 * 86400000)
redis.call('ZADD', ours(prefix .. 'workers', 'zset'), now_ms + patience_ms, worker)
redis.call('PEXPIRE', prefix .. 'workers', KEPT_MS)
local answers = { word }
for i = 4, #ARGV do
  local call = cjson.decode(ARGV[i])
  answers[#answers + 1] = operations[call[1]](unpack(call, 2))
end
return answers
