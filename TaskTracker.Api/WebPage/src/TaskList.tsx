import { useSignal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import { filter, hasMore, loading, loadMore, rows, search } from './tasks'
import { TaskRow } from './TaskRow'
import { text } from './text'

/** The tasks, and more of them where the list comes to an end. */
export function TaskList() {
  const end = useRef<HTMLDivElement>(null)
  const isNear = useSignal(false)
  useEffect(() => {
    const watch = new IntersectionObserver(([entry]) => (isNear.value = entry!.isIntersecting), { rootMargin: '600px' })
    watch.observe(end.current!)
    return () => watch.disconnect()
  }, [])
  useEffect(() => {
    if (isNear.value && !loading.value) {
      void loadMore()
    }
  }, [isNear.value, loading.value, rows.value.length])

  return (
    <section aria-labelledby="tasks-title" aria-busy={loading.value}>
      <h2 id="tasks-title" class="unseen">{text.tasks}</h2>
      <ul class="tasks" onKeyDown={move}>
        {rows.value.map((row) => <TaskRow key={row.id} task={row} />)}
      </ul>
      {!loading.value && rows.value.length === 0 && <Empty />}
      <div ref={end} class="end">
        {loading.value ? <p class="loading" role="status">{text.loading}</p> : hasMore.value && <button onClick={() => void loadMore()}>{text.more}</button>}
      </div>
    </section>
  )
}

function Empty() {
  if (search.value.trim()) {
    return (
      <div class="empty" role="status">
        <p>{text.emptySearch(search.value.trim())}</p>
        {filter.value !== 'all' && <button onClick={() => (filter.value = 'all')}>{text.searchAll}</button>}
      </div>
    )
  }

  const words = { open: text.emptyOpen, soon: text.emptySoon, overdue: text.emptyOverdue, done: text.emptyDone, all: text.emptyAll }
  return <div class="empty" role="status"><p>{words[filter.value]}</p></div>
}

/** Arrow keys go from task to task. */
function move(event: KeyboardEvent) {
  const from = event.target as HTMLElement
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key]
  if (!step || !from.matches('.task-check')) {
    return
  }

  const all = [...(event.currentTarget as HTMLElement).querySelectorAll<HTMLElement>('.task-check')]
  all[all.indexOf(from) + step]?.focus()
  event.preventDefault()
}
