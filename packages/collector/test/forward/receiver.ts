import { appendFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { text } from 'node:stream/consumers'

// A receiver of webhooks that runs as a process of its own, so that tests can kill it. It appends each message to a file
// before it confirms it. Arguments: the port and the file.

const [port, file = ''] = process.argv.slice(2)

createServer(async (request, response) => {
  const { session, revision } = JSON.parse(await text(request)).data
  appendFileSync(file, `${JSON.stringify({ session, revision })}\n`)
  response.writeHead(204).end()
}).listen(Number(port), '127.0.0.1')
