-- Posts the report in LAPSE_BODY. Each request is about another session: `[id]` is replaced with a unique number.
local body = os.getenv('LAPSE_BODY')
local threads = 0

function setup(thread)
  thread:set('prefix', os.time() .. '-' .. threads .. '-')
  threads = threads + 1
end

function init()
  local from, to = body:find('[id]', 1, true)
  head, tail, count = body:sub(1, from - 1) .. prefix, body:sub(to + 1), 0
  wrk.method = 'POST'
  wrk.headers['Content-Type'] = 'text/plain'
  wrk.headers['Origin'] = 'https://app.acme.com'
end

function request()
  count = count + 1
  return wrk.format(nil, nil, nil, head .. count .. tail)
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format('\n{"requests":%d,"seconds":%f,"p50":%f,"p99":%f,"failed":%d}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
