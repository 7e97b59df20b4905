// What the demo's pages show live: the countdown and the audit table. Lapse needs none of this.

const clock = new Intl.DateTimeFormat(undefined, { timeStyle: 'medium', hourCycle: 'h23' })
const day = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short' })

const explanations = {
  idle_timeout: (row) =>
    `No activity for ${inShort(row.elapsedMs / 1000)}; the limit is ${inShort(row.idleTimeoutSeconds)}.`,
  ended_early: (row) => `Gone ${inShort(row.elapsedMs / 1000)} after the last access, before its time.`,
  absolute_timeout: () => 'The session reached its greatest age.',
  browser_closed: () => 'The browser was closed.',
  logout: () => 'The user signed out.',
  revoked: () => 'Someone ended it on the server.',
  displaced: () => 'Another sign-in took its place.',
  clock_anomaly: () => 'The times contradict each other.',
}

for (const time of document.querySelectorAll('time')) fillTime(time, time.dateTime)
for (const element of document.querySelectorAll('[data-countdown]')) startCountdown(element)
for (const element of document.querySelectorAll('[data-audit]')) followAudit(element)

function startCountdown(element) {
  const totalMs = Number(element.dataset.countdown)
  const left = element.querySelector('[data-left]')
  const bar = element.querySelector('progress')
  let endsAt = Date.now() + totalMs

  // A page opened in another tab renews the same session.
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
  let fault
  connect()

  // The server ends each answer and the browser asks again, so an error is a fault only if it lasts.
  function connect() {
    const source = new EventSource(panel.dataset.audit)
    source.onopen = () => {
      clearTimeout(fault)
      fault = undefined
      setLive(true)
    }
    source.onerror = () => {
      fault ??= setTimeout(setLive, 3000, false)
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
    const wanted = new Set(rows.map(({ id }) => String(id)))
    for (const [id, element] of shown) if (!wanted.has(id)) element.remove()
    for (const row of rows.toReversed()) if (!shown.has(String(row.id))) body.prepend(toElement(row))
    panel.querySelector('table').hidden = rows.length === 0
    panel.querySelector('[data-empty]').hidden = rows.length > 0
  }
}

function toElement(row) {
  const element = create('tr', { role: 'row', 'data-id': row.id })
  if (Date.now() - Date.parse(row.detectedAt) < 5000) element.classList.add('is-new')
  element.append(
    cell('Whose', create('code', { class: 'subject' }, row.subject ?? 'unknown'), detail(sessionOf(row))),
    cell(
      'Why it ended',
      create('span', { class: 'reason', 'data-reason': row.reason }, row.reason),
      detail(explanations[row.reason]?.(row) ?? ''),
    ),
    timeCell('Last seen', row.lastAccessAt),
    timeCell('Expired', row.expiredAt),
    timeCell('Noticed', row.detectedAt),
  )
  return element
}

function sessionOf({ session, evidence }) {
  return session ? `session ${session.slice(0, 8)} · ${evidence}` : evidence
}

function timeCell(label, iso) {
  if (!iso) return cell(label, create('span', { 'aria-label': 'did not expire' }, '–'))
  const time = create('time', { datetime: iso })
  fillTime(time, iso)
  const isToday = new Date(iso).toDateString() === new Date().toDateString()
  return cell(label, time, ...(isToday ? [] : [detail(day.format(new Date(iso)))]))
}

function fillTime(element, iso) {
  element.textContent = clock.format(new Date(iso))
  element.title = `${iso.slice(0, 19).replace('T', ' ')} UTC`
}

/** "18 s", "7 min 11 s", "1 h". */
function inShort(duration) {
  const seconds = Math.round(duration)
  const parts = [
    [Math.floor(seconds / 3600), 'h'],
    [Math.floor(seconds / 60) % 60, 'min'],
    [seconds % 60, 's'],
  ]
  const text = parts.flatMap(([count, unit]) => (count > 0 ? `${count}\u00a0${unit}` : []))
  return text.join(' ') || 'less than a second'
}

function cell(label, ...children) {
  const element = create('td', { role: 'cell', 'data-label': label })
  element.append(...children)
  return element
}

function detail(text) {
  return create('small', {}, text)
}

function create(name, attributes, text = '') {
  const element = document.createElement(name)
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value)
  element.textContent = text
  return element
}
