// Answers pages and API from a cache, and asks the server only for what is not in the cache yet.
self.addEventListener('install', () => self.skipWaiting())
self.addEventListener('activate', (event) => event.waitUntil(self.clients.claim()))
self.addEventListener('fetch', (event) => {
  const { method, url } = event.request
  if (method === 'GET' && url.startsWith(`${location.origin}/`)) event.respondWith(respond(event.request))
})

async function respond(request) {
  const cache = await caches.open('responses')
  const cached = await cache.match(request)
  if (cached) return cached
  const response = await fetch(request)
  if (response.ok) await cache.put(request, response.clone())
  return response
}
