-- POST of a request of a new district each time. TOKEN and RUN (a name no run had before) from the environment.
local headers = { Authorization = "Bearer " .. os.getenv("TOKEN"), ["Content-Type"] = "application/json" }
local run, number, thread_number = os.getenv("RUN"), 0, 0
function setup(thread)
  thread_number = thread_number + 1
  thread:set("id", thread_number)
end
function request()
  number = number + 1
  return wrk.format("POST", "/v1/requests", headers, string.format(
    '{"kind":"sso","district":{"clever_id":"%s-%d-%d","name":"Load District %d","state":"CA"},'
      .. '"requester":{"name":"Lee Park","email":"lee@demo.k12.ca.us"},"launch_date":null}', run, id, number, number))
end
function done(summary, latency)
  local errors = summary.errors
  io.write(string.format("RESULT %.1f %.3f %.3f %d\n", summary.requests / summary.duration * 1e6,
    latency:percentile(50) / 1000, latency:percentile(99) / 1000,
    errors.status + errors.connect + errors.read + errors.write + errors.timeout))
end
