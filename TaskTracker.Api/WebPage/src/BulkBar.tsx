import { useSignal } from '@preact/signals'
import { bulk, changeSelected, rows, selection } from './tasks'
import { text } from './text'
import { fromField } from './time'

/** What to do with the selected tasks, and how far it is. */
export function BulkBar() {
  const deadline = useSignal<string | null>(null)
  if (selection.value === null) {
    return null
  }

  const count = selection.value.size
  const all = rows.value.filter((row) => row.id > 0)
  return (
    <div class="bulk" role="region" aria-label={text.select}>
      {bulk.value ? (
        <div class="bulk-line">
          <label class="progress">
            {text.changing}
            <progress max={100} value={bulk.value.percent} />
          </label>
          <button onClick={bulk.value.cancel}>{text.cancel}</button>
        </div>
      ) : (
        <>
          <div class="bulk-line">
            <strong role="status">{text.selected(count)}</strong>
            <button class="link" disabled={count === all.length} onClick={() => (selection.value = new Set(all.map((row) => row.id)))}>{text.selectAll}</button>
            <button class="link" onClick={() => (selection.value = null)}>{text.cancel}</button>
          </div>
          <div class="bulk-line">
            <button class="primary" disabled={count === 0} onClick={() => void changeSelected({ completed: true })}>{text.markDone}</button>
            <button disabled={count === 0} onClick={() => void changeSelected({ completed: false })}>{text.markOpen}</button>
            <button disabled={count === 0} aria-expanded={deadline.value !== null} onClick={() => (deadline.value = deadline.value === null ? '' : null)}>{text.setDeadline}</button>
            <button disabled={count === 0} onClick={() => void changeSelected({ deadline: null })}>{text.clearDeadline}</button>
          </div>
          {deadline.value !== null && (
            <form
              class="bulk-line"
              onSubmit={(event) => {
                event.preventDefault()
                if (deadline.value) {
                  void changeSelected({ deadline: fromField(deadline.value) })
                  deadline.value = null
                }
              }}
            >
              <label class="inline-field">
                {text.deadline}
                <input type="datetime-local" required value={deadline.value} onInput={(event) => (deadline.value = event.currentTarget.value)} />
              </label>
              <button class="primary" disabled={!deadline.value || count === 0}>{text.save}</button>
            </form>
          )}
        </>
      )}
    </div>
  )
}
