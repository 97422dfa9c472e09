-- GET of one request after another, by ids as fill.sql makes them. COUNT, TOKEN from the environment.
local count = tonumber(os.getenv("COUNT"))
local headers = { Authorization = "Bearer " .. os.getenv("TOKEN") }
local thread_seed = 0
function setup(thread)
  thread_seed = thread_seed + 1
  thread:set("seed", thread_seed)
end
function init(args) math.randomseed(seed * 7919) end
function request()
  return wrk.format("GET", string.format("/v1/requests/0193e000-0000-7000-8000-%012x", math.random(count)), headers)
end
function done(summary, latency)
  local errors = summary.errors
  io.write(string.format("RESULT %.1f %.3f %.3f %d\n", summary.requests / summary.duration * 1e6,
    latency:percentile(50) / 1000, latency:percentile(99) / 1000,
    errors.status + errors.connect + errors.read + errors.write + errors.timeout))
end
