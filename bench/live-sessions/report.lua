-- Posts activity reports at a steady rate over keep-alive connections. The environment has the parameters:
-- RECORDS     a file with a record of fixed length for each session: alias, marker and ticket
-- RECORD_SIZE, MARKER_AT, TICKET_AT   the length of a record, and where the marker and the ticket start in it
-- SESSIONS    how many of the sessions are live already and report again and again; the others sign in
-- FIRST_NEW   the number of the first session that signs in
-- NEW_EVERY   every how many reports another session signs in
-- RATE        reports per second
-- STARTED_AT  when all sessions started, in epoch milliseconds
local ffi = require('ffi')
ffi.cdef('typedef struct { long s; long ns; } lapse_time; int clock_gettime(int clock, lapse_time *time);')

local function getNow()
  local time = ffi.new('lapse_time')
  ffi.C.clock_gettime(0, time)
  return tonumber(time.s) * 1000 + math.floor(tonumber(time.ns) / 1e6)
end

local function getNumber(name) return tonumber(os.getenv(name)) end

function init()
  local file = assert(io.open(os.getenv('RECORDS'), 'rb'))
  records = file:read('*a')
  file:close()
  size, markerAt, ticketAt = getNumber('RECORD_SIZE'), getNumber('MARKER_AT'), getNumber('TICKET_AT')
  sessions, newEvery, rate = getNumber('SESSIONS'), getNumber('NEW_EVERY'), getNumber('RATE')
  count = #records / size
  sent, slots, live, new = 0, 0, 0, getNumber('FIRST_NEW')
  startedAt = string.format('%.0f', getNumber('STARTED_AT'))
  wrk.method = 'POST'
  wrk.headers['Content-Type'] = 'text/plain'
  wrk.headers['Origin'] = 'https://app.acme.com'
  firstAt = getNow()
end

-- How long a connection waits for its turn, in milliseconds.
function delay()
  slots = slots + 1
  return math.max(0, math.floor(firstAt + slots / rate * 1000 - getNow()))
end

function request()
  sent = sent + 1
  local index
  if sent % newEvery == 0 and new < count then
    index, new = new, new + 1
  else
    index, live = live, (live + 1) % sessions
  end
  local record = records:sub(index * size + 1, (index + 1) * size)
  local now = string.format('%.0f', getNow())
  return wrk.format(nil, nil, nil, '{"site":"acme","session":"' .. record:sub(1, markerAt) .. '","marker":"'
    .. record:sub(markerAt + 1, ticketAt) .. '","subject":"u_42","ticket":"' .. record:sub(ticketAt + 1)
    .. '","startedAt":' .. startedAt .. ',"lastAccessAt":' .. now .. ',"sentAt":' .. now
    .. ',"heartbeatSeconds":300,"client":"1.0.0"}')
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format('\n{"requests":%d,"seconds":%f,"p50":%f,"p99":%f,"failed":%d}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
    errors.connect + errors.read + errors.write + errors.timeout))
end
