-- One attempt to sign in: either it has to wait, or it is counted as failed until `forgive` takes that back.
-- Counting before the password is checked keeps a burst of parallel attempts from slipping through together.
-- KEYS: count and block of the account, count and block of the address.
-- ARGV: free attempts of the account, of the address, seconds a count is kept, longest delay in seconds.
-- Returns milliseconds to wait, 0: go ahead.
local wait = math.max(redis.call('PTTL', KEYS[2]), redis.call('PTTL', KEYS[4]))
if wait > 0 then
    return wait
end
for i = 1, 2 do
    local count = redis.call('INCR', KEYS[2 * i - 1])
    redis.call('EXPIRE', KEYS[2 * i - 1], ARGV[3])
    local over = count - tonumber(ARGV[i])
    if over >= 0 then
        local delay = math.min(2 ^ math.min(over, 20), tonumber(ARGV[4]))
        redis.call('SET', KEYS[2 * i], '1', 'PX', math.floor(delay * 1000))
    end
end
return 0
