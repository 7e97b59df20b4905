-- Posts the report in LAPSE_BODY. Each request is about another session: `[id]` is replaced with a number of 12 digits,
-- and `[ticket]` with the next line of the file LAPSE_TICKETS. Needs a single thread.
local body = os.getenv('LAPSE_BODY')
local tickets = {}

function init()
  count, prefix = 0, string.format('%05d', os.time() % 100000)
  local file = os.getenv('LAPSE_TICKETS')
  if file then
    for line in io.lines(file) do table.insert(tickets, line) end
  end
  wrk.method = 'POST'
  wrk.headers['Content-Type'] = 'text/plain'
  wrk.headers['Origin'] = 'https://app.acme.com'
end

function request()
  count = count + 1
  local id = prefix .. string.format('%07d', count)
  local report = body:gsub('%[id%]', id):gsub('%[ticket%]', tickets[count] or '')
  return wrk.format(nil, nil, nil, report)
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format('\n{"requests":%d,"seconds":%f,"p50":%f,"p99":%f,"failed":%d}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
