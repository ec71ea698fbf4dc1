import { useComputed, useSignal } from '@preact/signals'
import { useRef } from 'preact/hooks'
import type { TargetedSubmitEvent } from './events'
import { Calendar, Close, Plus } from './icons'
import { kept } from './kept'
import { add } from './tasks'
import { text } from './text'
import { describe, describeFully, findDeadline, fromField, now, toField } from './time'

const line = kept('new-task', '')
const picked = kept<string | null>('new-deadline', null)

/** One line makes a task; a deadline is written at its end, or picked. */
export function AddLine() {
  const input = useRef<HTMLInputElement>(null)
  const picker = useRef<HTMLInputElement>(null)
  const picking = useSignal(false)
  // What somebody says is no deadline stays text until the line is another.
  const declined = useSignal('')
  const announced = useSignal('')
  const written = useComputed(() => (picked.value || line.value === declined.value ? null : findDeadline(line.value, now.value)))
  const deadline = useComputed(() => (picked.value ? new Date(picked.value) : written.value?.deadline ?? null))

  function submit(event: TargetedSubmitEvent) {
    event.preventDefault()
    const title = (written.value?.title ?? line.value).trim()
    if (!title) {
      input.current?.focus()
      return
    }

    const typed = line.value
    const chosen = picked.value
    const due = deadline.value
    line.value = ''
    picked.value = null
    picking.value = false
    announced.value = text.added(title)
    input.current?.focus()
    void add(title, due?.toISOString() ?? null).then((added) => {
      if (!added && !line.value) {
        line.value = typed
        picked.value = chosen
      }
    })
  }

  function pick() {
    picking.value = !picking.value
    requestAnimationFrame(() => {
      picker.current?.focus()
      try {
        picker.current?.showPicker()
      } catch {
        // The field is there to be typed in.
      }
    })
  }

  return (
    <form class="add" onSubmit={submit}>
      <div class="add-line">
        <input
          ref={input} class="add-input" value={line} onInput={(event) => (line.value = event.currentTarget.value)}
          aria-label={text.newTask} placeholder={text.newTaskPlaceholder} maxLength={200} autocomplete="off" enterkeyhint="done"
        />
        <button type="button" class="quiet" aria-label={text.pickDeadline} title={text.pickDeadline} aria-expanded={picking.value} onClick={pick}><Calendar /></button>
        <button class="primary add-button" aria-label={text.add}><Plus /><span>{text.add}</span></button>
      </div>
      {(picking.value || deadline.value) && (
        <div class="add-deadline">
          {picking.value && (
            <label class="inline-field">
              {text.deadline}
              <input
                ref={picker} type="datetime-local" value={toField(deadline.value?.toISOString() ?? null)}
                onInput={(event) => (picked.value = fromField(event.currentTarget.value))}
              />
            </label>
          )}
          {deadline.value && (
            <span class="chip" title={describeFully(deadline.value)}>
              {text.due(describe(deadline.value))}
              <button
                type="button" class="quiet" aria-label={text.noDeadline} title={text.noDeadline}
                onClick={() => {
                  picked.value = null
                  picking.value = false
                  declined.value = line.value
                  input.current?.focus()
                }}
              >
                <Close />
              </button>
            </span>
          )}
        </div>
      )}
      <p class="unseen" role="status">{announced}</p>
    </form>
  )
}
