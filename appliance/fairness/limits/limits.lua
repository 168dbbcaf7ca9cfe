-- Limits that an operator set: the rules of limits.py, whose docstring explains them. Stands in front of fair_queue.lua.
--
--   PREFIX limit:KIND:SCOPE         string "USED AT"               bucket: 1/60000 of a token or request; ms
--   PREFIX limit:KIND:SCOPE:START   string "USED SINCE BEFORE"     budget of the window that began at START (ms):
--                                   tokens, the ms of the first, what the ledger knows from earlier ("-": not asked yet)
--   PREFIX limit:concurrent_requests:SCOPE   number of requests
--   PREFIX limit:unseeded           set    "KIND START SINCE SCOPE": budgets with BEFORE "-"
--
-- An entry is { scope =, kind =, most = }. Times are ms and handed in; every key expires by itself.

local limits = {}

do
  local MINUTE_MS, DAY_MS = 60000, 86400000
  local BUCKET_TTL_MS, RUNNING_TTL_MS = 2 * MINUTE_MS, 6 * 3600000
  local BUDGET_TTL_MS = { tokens_per_day = 2 * DAY_MS, tokens_per_month = 33 * DAY_MS }
  local IS_BUCKET = { requests_per_minute = true, tokens_per_minute = true }
  local COUNTS_REQUESTS = { requests_per_minute = true, concurrent_requests = true }
  local CONCURRENT_RETRY_MS, NEVER = 1000, -1

  local function whole(number) return string.format('%.0f', number) end

  local function key_of(prefix, entry) return prefix .. 'limit:' .. entry.kind .. ':' .. entry.scope end

  -- Days since 1970 of the first of a month, by Howard Hinnant's days_from_civil; month 1 to 13.
  local function first_of(year, month)
    if month > 12 then year, month = year + 1, 1 end
    if month <= 2 then year, month = year - 1, month + 12 end
    local era = math.floor(year / 400)
    local year_of_era = year - era * 400
    local day_of_year = math.floor((153 * (month - 3) + 2) / 5)
    local day_of_era = year_of_era * 365 + math.floor(year_of_era / 4) - math.floor(year_of_era / 100) + day_of_year
    return era * 146097 + day_of_era - 719468
  end

  local function month_of(days)
    days = days + 719468
    local era = math.floor(days / 146097)
    local day_of_era = days - era * 146097
    local year_of_era = math.floor(
      (day_of_era - math.floor(day_of_era / 1460) + math.floor(day_of_era / 36524) - math.floor(day_of_era / 146096))
        / 365)
    local day_of_year = day_of_era - (365 * year_of_era + math.floor(year_of_era / 4) - math.floor(year_of_era / 100))
    local shifted = math.floor((5 * day_of_year + 2) / 153)
    local month = shifted < 10 and shifted + 3 or shifted - 9
    return year_of_era + era * 400 + (month <= 2 and 1 or 0), month
  end

  -- (start, end) in ms of the day or month in UTC.
  local function window_of(kind, now_ms)
    local day = math.floor(now_ms / DAY_MS)
    if kind == 'tokens_per_day' then return day * DAY_MS, (day + 1) * DAY_MS end
    local year, month = month_of(day)
    return first_of(year, month) * DAY_MS, first_of(year, month + 1) * DAY_MS
  end

  local function budget_key(prefix, entry, start_ms) return key_of(prefix, entry) .. ':' .. whole(start_ms) end

  local function size_of(entry, tokens) return COUNTS_REQUESTS[entry.kind] and 1 or tokens end

  local function wait_of(entry, size, wait_ms)
    if size > entry.most then return NEVER end
    return math.max(0, wait_ms)
  end

  -- What cannot be read is as if nothing had been counted yet.
  local function text_of(key)
    local value = redis.pcall('GET', key)
    if type(value) ~= 'table' then return value or nil end
    redis.call('DEL', key)
    return nil
  end

  local function write_bucket(prefix, entry, used, at_ms)
    redis.call('SET', key_of(prefix, entry), whole(used) .. ' ' .. whole(at_ms), 'PX', BUCKET_TTL_MS)
  end

  local function bucket_used(prefix, entry, now_ms)
    local used, at_ms = (text_of(key_of(prefix, entry)) or ''):match('^(%d+) (%d+)$')
    if not used then return 0 end
    used, at_ms = tonumber(used), tonumber(at_ms)
    if at_ms > now_ms then -- the clock was set back: what is used drains from here on
      at_ms = now_ms
      write_bucket(prefix, entry, used, at_ms)
    end
    local passed_ms = math.min(now_ms - at_ms, 2 * MINUTE_MS)
    return math.max(0, math.min(used, 2 * entry.most * MINUTE_MS) - passed_ms * entry.most)
  end

  -- used: as bucket_used has just told.
  local function fill(prefix, entry, used, size, now_ms)
    used = math.max(0, math.min(used + size * MINUTE_MS, 2 * entry.most * MINUTE_MS))
    write_bucket(prefix, entry, used, now_ms)
    return used
  end

  local function read_budget(key)
    local used, since_ms, before = (text_of(key) or ''):match('^(%-?%d+) (%d+) (%S+)$')
    if not used then return nil end
    return { used = tonumber(used), since_ms = tonumber(since_ms), before = tonumber(before) }
  end

  local function write_budget(key, kind, budget)
    local before = budget.before and whole(budget.before) or '-'
    redis.call('SET', key, whole(budget.used) .. ' ' .. whole(budget.since_ms) .. ' ' .. before,
      'PX', BUDGET_TTL_MS[kind])
  end

  -- budget: as read_budget has just told, nil for a new one.
  local function spend(prefix, entry, budget, size, now_ms)
    local start_ms = window_of(entry.kind, now_ms)
    if not budget then
      budget = { used = 0, since_ms = now_ms }
      local unseeded = prefix .. 'limit:unseeded'
      local member = entry.kind .. ' ' .. whole(start_ms) .. ' ' .. whole(now_ms) .. ' ' .. entry.scope
      if type(redis.pcall('SADD', unseeded, member)) == 'table' then
        redis.call('DEL', unseeded)
        redis.call('SADD', unseeded, member)
      end
      redis.call('PEXPIRE', unseeded, BUDGET_TTL_MS.tokens_per_month)
    end
    budget.used = budget.used + size
    budget.since_ms = math.min(budget.since_ms, now_ms)
    write_budget(budget_key(prefix, entry, start_ms), entry.kind, budget)
    return budget
  end

  local function correct_budget(prefix, entry, charged, actual, is_over, taken_ms)
    local key = budget_key(prefix, entry, (window_of(entry.kind, taken_ms)))
    local budget = read_budget(key)
    if not budget then return end -- nothing was counted since: the ledger's sum will have it
    if taken_ms >= budget.since_ms then
      budget.used = budget.used + actual - charged
    elseif is_over and budget.before then -- what it was charged was lost, and when the ledger was asked it still ran
      budget.used = budget.used + actual
    end
    write_budget(key, entry.kind, budget)
  end

  local function running_of(prefix, entry) return tonumber(text_of(key_of(prefix, entry)) or '0') or 0 end

  local function write_running(prefix, entry, running)
    if running <= 0 then
      redis.call('DEL', key_of(prefix, entry))
    else
      redis.call('SET', key_of(prefix, entry), whole(running), 'PX', RUNNING_TTL_MS)
    end
    return running
  end

  -- What is counted: used (bucket), budget or nil, or requests that run.
  local function read(prefix, entry, now_ms)
    if IS_BUCKET[entry.kind] then return bucket_used(prefix, entry, now_ms) end
    if BUDGET_TTL_MS[entry.kind] then
      return read_budget(budget_key(prefix, entry, (window_of(entry.kind, now_ms))))
    end
    return running_of(prefix, entry)
  end

  -- Add to what `read` told; returns what `read` would tell now.
  local function add(prefix, entry, counted, size, now_ms)
    if IS_BUCKET[entry.kind] then return fill(prefix, entry, counted, size, now_ms) end
    if BUDGET_TTL_MS[entry.kind] then return spend(prefix, entry, counted, size, now_ms) end
    return write_running(prefix, entry, counted + size)
  end

  -- How a limit stands for a request of that size: { remaining, reset_ms }, wait_ms (0: fits, -1: never will).
  local function look(entry, counted, size, now_ms)
    if IS_BUCKET[entry.kind] then
      local used, room = counted, entry.most * MINUTE_MS
      local state = { math.max(0, math.floor((room - used) / MINUTE_MS)), math.ceil(used / entry.most) }
      return state, wait_of(entry, size, math.ceil((used + size * MINUTE_MS - room) / entry.most))
    end
    local used, reset_ms = counted, CONCURRENT_RETRY_MS
    if BUDGET_TTL_MS[entry.kind] then
      local _, end_ms = window_of(entry.kind, now_ms)
      used, reset_ms = 0, end_ms - now_ms
      if counted then used = math.max(0, counted.used + (counted.before or 0)) end
    end
    local left = entry.most - used
    local state = { math.max(0, left), used > 0 and reset_ms or 0 }
    return state, wait_of(entry, size, size > left and reset_ms or 0)
  end

  -- Take one request of so many tokens from all entries or from none.
  -- -> refusal ({ index of the entry, wait_ms or -1 }) or nil, states ({ remaining, reset_ms } for each entry)
  function limits.take(prefix, now_ms, entries, tokens)
    local states, counted, worst, worst_ms = {}, {}, nil, 0
    for i, entry in ipairs(entries) do
      local wait_ms
      counted[i] = read(prefix, entry, now_ms) or false
      states[i], wait_ms = look(entry, counted[i], size_of(entry, tokens), now_ms)
      if worst_ms ~= NEVER and (wait_ms == NEVER or wait_ms > worst_ms) then worst, worst_ms = i, wait_ms end
    end
    if worst then return { worst, worst_ms }, states end
    for i, entry in ipairs(entries) do
      states[i] = look(entry, add(prefix, entry, counted[i], size_of(entry, tokens), now_ms), 0, now_ms)
    end
    return nil, states
  end

  -- Correct what was charged to what was used so far. is_over: it does not run any more. taken_ms: when it was taken.
  function limits.settle(prefix, now_ms, entries, charged, actual, is_over, taken_ms)
    for _, entry in ipairs(entries) do
      if BUDGET_TTL_MS[entry.kind] then
        correct_budget(prefix, entry, charged, actual, is_over, taken_ms or now_ms)
      elseif entry.kind == 'tokens_per_minute' then
        fill(prefix, entry, bucket_used(prefix, entry, now_ms), actual - charged, now_ms)
      elseif entry.kind == 'concurrent_requests' and is_over then
        write_running(prefix, entry, running_of(prefix, entry) - 1)
      end
    end
  end

  -- A request that runs already, after its counters were lost: it counts among the concurrent ones again.
  function limits.restore(prefix, entries)
    for _, entry in ipairs(entries) do
      if entry.kind == 'concurrent_requests' then write_running(prefix, entry, running_of(prefix, entry) + 1) end
    end
  end

  -- How each stands; takes nothing.
  function limits.states(prefix, now_ms, entries)
    local states = {}
    for i, entry in ipairs(entries) do states[i] = look(entry, read(prefix, entry, now_ms), 0, now_ms) end
    return states
  end

  -- What the ledger knows of a budget from before SINCE; only the first time counts. member: as `unseeded` has it.
  function limits.seed(prefix, member, tokens)
    local kind, start_ms, scope = member:match('^(%S+) (%d+) %d+ (.+)$')
    local key = budget_key(prefix, { kind = kind, scope = scope }, tonumber(start_ms))
    local budget = read_budget(key)
    if budget and not budget.before then
      budget.before = tokens
      write_budget(key, kind, budget)
    end
    redis.call('SREM', prefix .. 'limit:unseeded', member)
  end
end
