import { batch, computed, effect, signal } from '@preact/signals'
import { ask, askFor, Refusal } from './api'
import { kept } from './kept'
import { post, sendAll } from './outbox'
import { text } from './text'
import { notify } from './toasts'
import { channel } from './tabs'
import { follow, type Progress } from './operations'

export type Task = { id: number; title: string; description: string; completed: boolean; deadline: string | null; created_at: string; updated_at: string }
/** A row of the list: a task, or one on its way, whose number is negative until the service has given it one. */
export type Row = Task & { fresh?: boolean }
export type Change = Partial<Pick<Task, 'title' | 'description' | 'completed' | 'deadline'>>

type Listed = { items: Task[]; next_cursor: string | null }

export const filters = ['open', 'soon', 'overdue', 'done', 'all'] as const
export const orders = ['-created_at', 'deadline', '-updated_at', 'title'] as const
/** How far ahead 'due soon' looks, in days. */
const soonDays = 7

export const filter = kept<(typeof filters)[number]>('filter', 'open')
export const order = kept<(typeof orders)[number]>('order', '-created_at')
export const search = kept('search', '')

export const rows = signal<Row[]>([])
export const loading = signal(true)
const cursor = signal<string | null>(null)
export const hasMore = computed(() => cursor.value !== null)

let current = new AbortController()

/** Reads the list anew; what a former question still brings is not wanted any more. */
export async function load() {
  current.abort()
  current = new AbortController()
  const ended = current.signal
  loading.value = true
  try {
    const page = await askFor<Listed>('GET', address(null), { signal: ended })
    batch(() => {
      const onTheirWay = rows.value.filter((row) => row.id < 0)
      rows.value = [...onTheirWay, ...page.items.filter((task) => !leaving.has(task.id))]
      cursor.value = page.next_cursor
      loading.value = false
    })
  } catch (failure) {
    tell(failure, ended)
  }
}

/** Reads the next page. */
export async function loadMore() {
  if (loading.value || cursor.value === null) {
    return
  }

  const ended = current.signal
  loading.value = true
  try {
    const page = await askFor<Listed>('GET', address(cursor.value), { signal: ended })
    batch(() => {
      const known = new Set(rows.value.map((row) => row.id))
      rows.value = [...rows.value, ...page.items.filter((task) => !known.has(task.id) && !leaving.has(task.id))]
      cursor.value = page.next_cursor
      loading.value = false
    })
  } catch (failure) {
    tell(failure, ended)
  }
}

function address(after: string | null) {
  const minute = Math.floor(Date.now() / 60_000) * 60_000
  const query = new URLSearchParams({ sort: order.value })
  const words = search.value.trim()
  if (words) {
    // The last word may be unfinished.
    query.set('q', `${words}*`)
  }
  if (filter.value === 'done' || filter.value === 'open' || filter.value === 'soon') {
    query.set('completed', String(filter.value === 'done'))
  }
  if (filter.value === 'overdue') {
    query.set('overdue', 'true')
  }
  if (filter.value === 'soon') {
    query.set('due_after', new Date(minute).toISOString())
    query.set('due_before', new Date(minute + soonDays * 86_400_000).toISOString())
  }
  if (after) {
    query.set('cursor', after)
  }

  return `/tasks?${query}`
}

let placeholder = -1

/** Adds a task. It stands in the list at once. */
export async function add(title: string, deadline: string | null) {
  const id = placeholder--
  const now = new Date().toISOString()
  rows.value = [{ id, title, description: '', completed: false, deadline, created_at: now, updated_at: now, fresh: true }, ...rows.value]
  try {
    const task = (await (await post('POST', '/tasks', { title, deadline })).json()) as Task
    // A list read meanwhile may hold it already.
    rows.value = rows.value.filter((row) => row.id !== task.id).map((row) => (row.id === id ? task : row))
    changed()
    return true
  } catch (failure) {
    rows.value = rows.value.filter((row) => row.id !== id)
    tell(failure)
    return false
  }
}

/** Changes a task. The list shows it at once, and takes it back should the service refuse. */
export async function change(task: Row, fields: Change) {
  show(task.id, fields)
  try {
    const saved = (await (await post('PUT', `/tasks/${task.id}`, fields)).json()) as Task
    show(task.id, { updated_at: saved.updated_at })
    changed()
  } catch (failure) {
    if (failure instanceof Refusal && failure.status === 404) {
      rows.value = rows.value.filter((row) => row.id !== task.id)
    } else {
      show(task.id, task)
    }
    tell(failure)
  }
}

function show(id: number, fields: Partial<Row>) {
  rows.value = rows.value.map((row) => (row.id === id ? { ...row, ...fields } : row))
}

// Deleted on the page, but not sent yet: as long as it can be undone.
const leaving = new Map<number, () => void>()

/** Takes a task off the list, and deletes it once that is no longer undone. */
export function remove(task: Row) {
  const index = rows.value.findIndex((row) => row.id === task.id)
  rows.value = rows.value.filter((row) => row.id !== task.id)
  const send = async () => {
    try {
      await post('DELETE', `/tasks/${task.id}`)
    } catch (failure) {
      if (!(failure instanceof Refusal && failure.status === 404)) {
        tell(failure)
        void load()
      }
    }
    leaving.delete(task.id)
    changed()
  }
  leaving.set(task.id, () => void send())
  notify(text.deleted(task.title), {
    action: text.undo,
    onAction: () => {
      leaving.delete(task.id)
      rows.value = [...rows.value.slice(0, index), task, ...rows.value.slice(index)]
    },
    onEnd: () => void send(),
  })
}

// The page goes, and with it the chance to undo: the outbox keeps what cannot be sent any more.
addEventListener('pagehide', () => {
  for (const send of leaving.values()) {
    send()
  }
})

/** The tasks selected for a change of many, while that is being chosen. */
export const selection = signal<ReadonlySet<number> | null>(null)
export const bulk = signal<Progress | null>(null)

export function toggle(id: number) {
  const chosen = new Set(selection.value)
  selection.value = chosen.delete(id) ? chosen : chosen.add(id)
}

/** Changes all selected tasks at once. */
export async function changeSelected(fields: Change) {
  const ids = [...(selection.value ?? [])]
  const known = rows.value
  try {
    const started = await askFor<{ task_id: string }>('POST', '/tasks/bulk-update', { body: { task_ids: ids, update_data: fields } })
    const { status, result, error } = await follow<{ updated: number; not_found: number[] }>(started.task_id, bulk)
    if (status === 'completed') {
      const chosen = new Set(ids)
      batch(() => {
        selection.value = null
        rows.value = known.map((row) => (chosen.has(row.id) ? { ...row, ...fields } : row))
      })
      notify(text.changedMany(result!.updated))
      changed()
    } else {
      notify(status === 'cancelled' ? text.cancelled : text.failed(error ?? ''), { alert: status === 'failed' })
    }
    void load()
  } catch (failure) {
    tell(failure)
  } finally {
    bulk.value = null
  }
}

function tell(failure: unknown, ended?: AbortSignal) {
  if (ended?.aborted) {
    return
  }

  loading.value = false
  if (failure instanceof Refusal && failure.status !== 401) {
    notify(text.failed(Object.values(failure.fields).flat()[0] ?? failure.message), { alert: true })
  } else if (!(failure instanceof Refusal)) {
    throw failure
  }
}

const changed = () => channel.postMessage({ kind: 'tasks' })

// Where much has been scrolled through, a fresh first page would take the place away that somebody looks at.
const isShort = () => !loading.value && rows.value.length <= 60

/** Keeps the list up to date until it is told to stop. */
export function keepUpToDate() {
  const stops = [
    effect(() => {
      // What the question is made of.
      void [filter.value, order.value, search.value]
      void load()
    }),
    listen(channel, 'message', (event) => (event as MessageEvent).data.kind === 'tasks' && isShort() && void load()),
    listen(document, 'visibilitychange', () => document.visibilityState === 'visible' && isShort() && void load()),
  ]
  void sendAll()

  return () => stops.forEach((stop) => stop())
}

function listen(target: EventTarget, kind: string, handler: (event: Event) => void) {
  target.addEventListener(kind, handler)
  return () => target.removeEventListener(kind, handler)
}

export const statistics = () => Promise.all([
  askFor<{ total_tasks: number; completed_tasks: number; overdue_tasks: number; completion_rate: number }>('GET', '/tasks/statistics'),
  askFor<{ days: { date: string; created: number; completed: number }[] }>(
    'GET', `/tasks/statistics/history?days=30&time_zone=${encodeURIComponent(Intl.DateTimeFormat().resolvedOptions().timeZone)}`),
])

/** Downloads what an export has made. */
export async function download(url: string) {
  const response = await ask('GET', url)
  const name = /filename="?([^";]+)/.exec(response.headers.get('Content-Disposition') ?? '')?.[1] ?? 'tasks'
  const link = document.createElement('a')
  link.href = URL.createObjectURL(await response.blob())
  link.download = name
  link.click()
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000)
}
