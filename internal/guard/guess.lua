-- Counts a guess of a client, unless it has had too many: then it returns for how many milliseconds to wait.
--   KEYS[1]  when it guessed, the newest first, in milliseconds
--   ARGV     how many guesses within how many milliseconds, now (where the server does not tell the time)
local clock = redis.pcall('TIME')
local now = tonumber(ARGV[3])
if clock and not clock.err then
  now = clock[1] * 1000 + math.floor(clock[2] / 1000)
end
local most, within = tonumber(ARGV[1]), tonumber(ARGV[2])
local oldest = redis.call('LINDEX', KEYS[1], most - 1)
if oldest then
  local wait = tonumber(oldest) + within - now
  if wait > within then -- the clock went back
    redis.call('DEL', KEYS[1])
  elseif wait > 0 then
    return wait
  end
end
redis.call('LPUSH', KEYS[1], string.format('%.0f', now))
redis.call('LTRIM', KEYS[1], 0, most - 1)
redis.call('PEXPIRE', KEYS[1], within)
return 0
