-- GET of one request after another, by ids as fill.sql makes them, in an order of chance. COUNT, TOKEN from the environment.
-- The requests are made beforehand, as pgbench's statements are: the driver's own work is not what is measured.
local count = tonumber(os.getenv("COUNT"))
local headers = { Authorization = "Bearer " .. os.getenv("TOKEN") }
local thread_seed = 0
function setup(thread)
  thread_seed = thread_seed + 1
  thread:set("seed", thread_seed)
end
local made, number = {}, 0
function init(args)
  math.randomseed(seed * 7919)
  for index = 1, 50000 do
    made[index] = wrk.format(
      "GET", string.format("/v1/requests/0193e000-0000-7000-8000-%012x", math.random(count)), headers)
  end
end
function request()
  number = number % #made + 1
  return made[number]
end
function done(summary, latency)
  local errors = summary.errors
  io.write(string.format("RESULT %.1f %.3f %.3f %d\n", summary.requests / summary.duration * 1e6,
    latency:percentile(50) / 1000, latency:percentile(99) / 1000,
    errors.status + errors.connect + errors.read + errors.write + errors.timeout))
end
