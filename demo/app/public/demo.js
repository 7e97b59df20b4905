// Updates the countdown and the audit table. Only the demo needs this script, not Lapse.

const clock = new Intl.DateTimeFormat(undefined, { timeStyle: 'medium', hourCycle: 'h23' })
const day = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short' })

const explanations = {
  idle_timeout: (row) =>
    `No activity for ${formatShort(row.elapsedMs / 1000)}; the limit is ${formatShort(row.idleTimeoutSeconds)}.`,
  ended_early: (row) =>
    `Ended ${formatShort(row.elapsedMs / 1000)} after the last access, before the timeout.`,
  absolute_timeout: () => 'The session reached its maximum age.',
  browser_closed: () => 'The browser was closed.',
  logout: () => 'The user signed out.',
  revoked: () => 'The server ended the session.',
  displaced: () => 'A new sign-in replaced the session.',
  clock_anomaly: () => 'The reported times contradict each other.',
}

for (const time of document.querySelectorAll('time')) fillTime(time, time.dateTime)
for (const element of document.querySelectorAll('[data-countdown]')) startCountdown(element)
for (const element of document.querySelectorAll('[data-audit]')) followAudit(element)

function startCountdown(element) {
  const totalMs = Number(element.dataset.countdown)
  const left = element.querySelector('[data-left]')
  const bar = element.querySelector('progress')
  let endsAt = Date.now() + totalMs

  // A page that is opened in another tab renews the same session.
  const tabs = new BroadcastChannel('demo-session')
  tabs.postMessage(endsAt)
  tabs.onmessage = ({ data }) => {
    endsAt = Math.max(endsAt, data)
    show()
  }

  function show() {
    const leftMs = Math.max(0, endsAt - Date.now())
    left.textContent = `in ${Math.ceil(leftMs / 1000)} s`
    bar.value = leftMs / totalMs
    element.classList.toggle('is-over', leftMs === 0)
    element.querySelector('[data-running]').hidden = leftMs === 0
    element.querySelector('[data-over]').hidden = leftMs > 0
  }
  show()
  setInterval(show, 200)
}

function followAudit(panel) {
  const live = panel.querySelector('[data-live]')
  const body = panel.querySelector('tbody')
  const { timeZone } = clock.resolvedOptions()
  panel.querySelector('[data-zone]').textContent =
    timeZone === 'UTC' ? 'Times in UTC.' : `Times in ${timeZone}; hover over one for UTC.`
  let disconnectTimer
  connect()

  // The server ends each response and the browser reconnects, so only an error that lasts means a lost connection.
  function connect() {
    const source = new EventSource(panel.dataset.audit)
    source.onopen = () => {
      clearTimeout(disconnectTimer)
      disconnectTimer = undefined
      setLive(true)
    }
    source.onerror = () => {
      disconnectTimer ??= setTimeout(setLive, 3000, false)
      if (source.readyState === EventSource.CLOSED) setTimeout(connect, 2000)
    }
    source.onmessage = ({ data }) => showRows(JSON.parse(data))
  }

  function setLive(isLive) {
    if (isLive === live.classList.contains('is-live')) return
    live.classList.toggle('is-live', isLive)
    live.textContent = isLive ? 'live' : 'not connected'
  }

  function showRows(rows) {
    const shown = new Map([...body.rows].map((element) => [element.dataset.id, element]))
    const newest = new Set(rows.map(({ id }) => String(id)))
    for (const [id, element] of shown) if (!newest.has(id)) element.remove()
    for (const row of rows.toReversed()) if (!shown.has(String(row.id))) body.prepend(createRow(row))
    panel.querySelector('table').hidden = rows.length === 0
    panel.querySelector('[data-empty]').hidden = rows.length > 0
  }
}

function createRow(row) {
  const element = createElement('tr', { role: 'row', 'data-id': row.id })
  if (Date.now() - Date.parse(row.detectedAt) < 5000) element.classList.add('is-new')
  element.append(
    createCell(
      'User',
      createElement('code', { class: 'subject' }, row.subject ?? 'unknown'),
      createDetail(describeSession(row)),
    ),
    createCell(
      'Why it ended',
      createElement('span', { class: 'reason', 'data-reason': row.reason }, row.reason),
      createDetail(explanations[row.reason]?.(row) ?? ''),
    ),
    createTimeCell('Last used', row.lastAccessAt),
    createTimeCell('Expired', row.expiredAt),
    createTimeCell('Detected', row.detectedAt),
  )
  return element
}

function describeSession({ session, evidence }) {
  return session ? `session ${session.slice(0, 8)} · ${evidence}` : evidence
}

function createTimeCell(label, iso) {
  if (!iso) return createCell(label, createElement('span', { 'aria-label': 'did not expire' }, '–'))
  const time = createElement('time', { datetime: iso })
  fillTime(time, iso)
  const isToday = new Date(iso).toDateString() === new Date().toDateString()
  return createCell(label, time, ...(isToday ? [] : [createDetail(day.format(new Date(iso)))]))
}

function fillTime(element, iso) {
  element.textContent = clock.format(new Date(iso))
  element.title = `${iso.slice(0, 19).replace('T', ' ')} UTC`
}

/** Formats seconds as "18 s", "7 min 11 s" or "1 h". */
function formatShort(duration) {
  const seconds = Math.round(duration)
  const parts = [
    [Math.floor(seconds / 3600), 'h'],
    [Math.floor(seconds / 60) % 60, 'min'],
    [seconds % 60, 's'],
  ]
  const text = parts.flatMap(([count, unit]) => (count > 0 ? `${count}\u00a0${unit}` : []))
  return text.join(' ') || 'less than a second'
}

function createCell(label, ...children) {
  const element = createElement('td', { role: 'cell', 'data-label': label })
  element.append(...children)
  return element
}

function createDetail(text) {
  return createElement('small', {}, text)
}

function createElement(name, attributes, text = '') {
  const element = document.createElement(name)
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value)
  element.textContent = text
  return element
}
