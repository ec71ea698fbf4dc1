import { computed } from '@preact/signals'
import { ask } from './api'
import { kept } from './kept'

type Entry = { id: string; method: string; path: string; body?: unknown }

/** Writes on their way, in the order they were made. They outlive a lost connection and a reload of the page. */
const waiting = kept<Entry[]>('outbox', [])

export const unsent = computed(() => waiting.value.length)

const promises = new Map<string, { resolve: (response: Response) => void; reject: (failure: unknown) => void }>()
let sending = false

/** Sends a write after those before it. */
export function post(method: string, path: string, body?: unknown): Promise<Response> {
  const entry: Entry = { id: newKey(), method, path, body }
  waiting.value = [...waiting.value, entry]
  const answered = new Promise<Response>((resolve, reject) => promises.set(entry.id, { resolve, reject }))
  void sendAll()

  return answered
}

/** Sends what an earlier life of the page has left, and resolves when there is nothing more. */
export async function sendAll() {
  if (sending) {
    return
  }

  sending = true
  try {
    for (let entry = waiting.value[0]; entry; entry = waiting.value[0]) {
      const promise = promises.get(entry.id)
      try {
        // Should the answer get lost, the key keeps a second attempt from adding a second task.
        const response = await ask(entry.method, entry.path, { body: entry.body, headers: { 'Idempotency-Key': entry.id } })
        promise?.resolve(response)
      } catch (failure) {
        if ((failure as { status?: number }).status === 401) {
          throw failure
        }
        promise?.reject(failure)
      }
      const { id } = entry
      waiting.value = waiting.value.filter((other) => other.id !== id)
      promises.delete(id)
    }
  } catch {
    // The session has ended: what is left goes out after the next login.
  } finally {
    sending = false
  }
}

// randomUUID is there on HTTPS only.
const newKey = () => [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, '0')).join('')

addEventListener('beforeunload', (event) => {
  if (unsent.value > 0) {
    event.preventDefault()
  }
})
