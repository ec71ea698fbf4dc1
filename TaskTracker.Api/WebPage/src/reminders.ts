import { signal } from '@preact/signals'
import { ask, askFor } from './api'
import { accessToken } from './session'
import { channel } from './tabs'
import { text } from './text'
import { describe } from './time'
import { notify } from './toasts'

export type Reminder = { id: number; task_id: number; kind: 'reminder' | 'overdue'; title: string; deadline: string; created_at: string; read_at: string | null }

export const reminders = signal<Reminder[]>([])
export const unread = signal(0)

/** The service sends something every quarter of a minute; silence for longer means that the connection is gone. */
const silenceLimit = 40_000

export const say = (reminder: Reminder) =>
  (reminder.kind === 'overdue' ? text.overdueOf : text.reminderOf)(reminder.title, describe(new Date(reminder.deadline)))

export async function loadReminders() {
  const [page, counted] = await Promise.all([
    askFor<{ items: Reminder[] }>('GET', '/notifications?limit=50'),
    askFor<{ unread: number }>('GET', '/notifications/unread'),
  ])
  reminders.value = page.items
  unread.value = counted.unread
}

export async function markAllRead() {
  const told = new Date().toISOString()
  const fresh = (await askFor<{ items: Reminder[] }>('GET', '/notifications?unread=true&limit=200')).items
  for (const reminder of fresh) {
    await ask('POST', `/notifications/${reminder.id}/read`)
    reminders.value = reminders.value.map((other) => (other.id === reminder.id ? { ...other, read_at: told } : other))
  }
  await loadReminders()
  channel.postMessage({ kind: 'read' })
}

/** Keeps up with reminders until it is told to stop. Of all tabs one holds the stream and tells the others. */
export function keepUp() {
  const end = new AbortController()
  const hear = ({ data }: MessageEvent) => {
    if (data.kind === 'reminder') {
      receive(data.reminder as Reminder)
    } else if (data.kind === 'read') {
      void loadReminders()
    }
  }
  channel.addEventListener('message', hear)
  end.signal.addEventListener('abort', () => channel.removeEventListener('message', hear))

  const hold = () => follow(end.signal)
  const held = navigator.locks ? navigator.locks.request('reminders', { signal: end.signal }, hold) : hold()
  held.catch(() => {})
  void loadReminders().catch(() => {})

  return () => end.abort()
}

// EventSource cannot send a token, so the stream is read by hand.
async function follow(ended: AbortSignal) {
  let last = ''
  let pause = 1000
  while (!ended.aborted) {
    const silence = new AbortController()
    let timer = setTimeout(() => silence.abort(), silenceLimit)
    try {
      const response = await fetch('/notifications/stream', {
        headers: { Authorization: `Bearer ${await accessToken()}`, ...(last ? { 'Last-Event-ID': last } : {}) },
        signal: AbortSignal.any([ended, silence.signal]),
      })
      if (!response.ok || !response.body) {
        throw new Error(response.statusText)
      }

      pause = 1000
      let rest = ''
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader()
      if (!last) {
        // What came before the stream stood, the list has.
        await loadReminders()
        last = String(reminders.value[0]?.id ?? '')
      }
      for (let part = await reader.read(); !part.done; part = await reader.read()) {
        clearTimeout(timer)
        timer = setTimeout(() => silence.abort(), silenceLimit)
        const blocks = (rest + part.value).split('\n\n')
        rest = blocks.pop()!
        for (const block of blocks) {
          const lines = block.split('\n')
          const data = lines.find((line) => line.startsWith('data: '))?.slice(6)
          if (data) {
            last = lines.find((line) => line.startsWith('id: '))?.slice(4) ?? last
            const reminder = JSON.parse(data) as Reminder
            receive(reminder)
            channel.postMessage({ kind: 'reminder', reminder })
            showOutside(reminder)
          }
        }
      }
    } catch {
      // Ended, refused or silent: all the same, it begins again where it stopped.
    } finally {
      clearTimeout(timer)
    }
    await new Promise((resolve) => setTimeout(resolve, pause))
    pause = Math.min(15_000, pause * 2)
  }
}

function receive(reminder: Reminder) {
  if (!reminders.value.some((other) => other.id === reminder.id)) {
    reminders.value = [reminder, ...reminders.value]
    unread.value++
    notify(say(reminder))
  }
}

function showOutside(reminder: Reminder) {
  if (!('Notification' in window) || Notification.permission !== 'granted' || document.hasFocus()) {
    return
  }

  try {
    new Notification('TaskTracker', { body: say(reminder), tag: String(reminder.id) }).onclick = () => window.focus()
  } catch {
    // Some phones only let service workers show them.
  }
}
