-- Spends units of a client's limits, all of them or none.
--   KEYS[1]  the times at which its limits are whole again: minute, hour, bytes
--   ARGV     now, 1 if the server's clock counts instead, units wanted, units to grant in advance, units to settle and since how
--            long (for the minute, for the hour), bytes to settle, then for minute, hour and bytes: time per unit (0: no limit),
--            time it may be ahead
-- All times are microseconds, counted from 2026. It returns the units granted, and how far each limit is from being whole.
local now
local clock = ARGV[2] == '1' and redis.pcall('TIME')
if clock and not clock.err then
  now = (clock[1] - 1767225600) * 1000000 + clock[2]
else
  now = tonumber(ARGV[1]) -- an older list of what our user may do has no TIME
end
local units, extra, bytes = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[9])
local every, burst, whole = {}, {}, {0, 0, 0}
for i = 1, 3 do
  every[i], burst[i] = tonumber(ARGV[8 + 2 * i]), tonumber(ARGV[9 + 2 * i])
end
local kept = redis.call('GET', KEYS[1])
if kept then
  local i = 0
  for v in string.gmatch(kept, '%S+') do
    i = i + 1
    whole[i] = tonumber(v)
  end
end
local settled = bytes ~= 0
for i = 1, 2 do
  local units, age = tonumber(ARGV[3 + 2 * i]), tonumber(ARGV[4 + 2 * i])
  if units > 0 then -- as if they had been counted when they were spent
    whole[i] = math.max(whole[i], now - age)
  end
  whole[i] = math.max(now, whole[i] + units * every[i])
  settled = settled or units ~= 0
end
whole[3] = math.max(whole[3], now) + bytes * every[3]
-- Debts are bounded, also if the clock went back.
for i = 1, 3 do
  whole[i] = math.min(whole[i], now + 2 * burst[i])
end

local room = math.huge
for i = 1, 2 do
  room = math.min(room, math.floor((burst[i] - (whole[i] - now)) / every[i] + 0.000001))
end
local granted = 0
if units <= room and (every[3] == 0 or whole[3] - now < burst[3]) then
  -- In advance, a quarter of what is left at most: the last units of a limit are counted one by one.
  granted = units + math.min(extra, math.floor((room - units) / 4))
end
for i = 1, 2 do
  whole[i] = whole[i] + granted * every[i]
end
local last = math.max(whole[1], whole[2], whole[3])
if (granted > 0 or settled) and last > now then
  redis.call('SET', KEYS[1], string.format('%.3f %.3f %.3f', whole[1], whole[2], whole[3]), 'PX', math.ceil((last - now) / 1000))
end
return {granted, math.floor(whole[1] - now), math.floor(whole[2] - now), math.floor(whole[3] - now)}
