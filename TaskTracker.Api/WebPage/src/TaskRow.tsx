import { signal, useSignal } from '@preact/signals'
import { useLayoutEffect, useRef } from 'preact/hooks'
import type { TargetedSubmitEvent } from './events'
import { Pencil, Trash } from './icons'
import { kept } from './kept'
import { change, remove, selection, toggle, type Change, type Row } from './tasks'
import { text } from './text'
import { describe, describeFully, fromField, now, toField } from './time'

/** The task being edited, as far as somebody has typed. */
const draft = kept<{ id: number; title: string; description: string; deadline: string } | null>('edit', null)
/** Where the focus goes back to when editing ends: of which task, and to what of it. */
const returnTo = signal<{ id: number; control: '.task-check' | '.edit' } | null>(null)

export function TaskRow({ task }: { task: Row }) {
  return draft.value?.id === task.id ? <Editor task={task} /> : <Shown task={task} />
}

function Shown({ task }: { task: Row }) {
  const item = useRef<HTMLLIElement>(null)
  const selecting = selection.value !== null
  const onItsWay = task.id < 0
  const due = task.deadline ? new Date(task.deadline) : null
  const late = !task.completed && due !== null && due <= now.value
  useLayoutEffect(() => {
    if (returnTo.value?.id === task.id) {
      item.current?.querySelector<HTMLElement>(returnTo.value.control)?.focus()
      returnTo.value = null
    }
  }, [])

  function open(control: '.task-check' | '.edit') {
    returnTo.value = { id: task.id, control }
    draft.value = { id: task.id, title: task.title, description: task.description, deadline: toField(task.deadline) }
  }

  function removeIt() {
    // The focus goes on to the task that takes this one's place.
    const next = (item.current?.nextElementSibling ?? item.current?.previousElementSibling)?.querySelector<HTMLElement>('.task-check')
    remove(task)
    next?.focus()
  }

  return (
    <li ref={item} class={`task${task.completed ? ' done' : ''}${task.fresh ? ' fresh' : ''}`} aria-busy={onItsWay}>
      {selecting ? (
        <input type="checkbox" class="task-check square" aria-label={text.selectTask(task.title)} checked={selection.value!.has(task.id)} disabled={onItsWay} onChange={() => toggle(task.id)} />
      ) : (
        <input
          type="checkbox" class="task-check" aria-label={text.complete(task.title)} checked={task.completed} disabled={onItsWay}
          onChange={(event) => void change(task, { completed: event.currentTarget.checked })}
          onKeyDown={(event) => {
            if (event.key === 'Delete') {
              removeIt()
            } else if (event.key === 'Enter') {
              event.preventDefault()
              open('.task-check')
            }
          }}
        />
      )}
      <div class="task-text" onClick={() => (selecting ? toggle(task.id) : onItsWay || open('.edit'))}>
        <span class="task-title">{task.title}</span>
        {task.description && <span class="task-notes">{task.description}</span>}
        {onItsWay ? (
          <span class="task-due">{text.saving}</span>
        ) : (
          due && (
            <time class={late ? 'task-due late' : 'task-due'} dateTime={task.deadline!} title={describeFully(due)}>
              {late && `${text.overdue}: `}{describe(due)}
            </time>
          )
        )}
      </div>
      {!selecting && !onItsWay && (
        <div class="task-actions">
          <button class="quiet edit" aria-label={text.edit(task.title)} onClick={() => open('.edit')}><Pencil /></button>
          <button class="quiet" aria-label={text.delete(task.title)} onClick={removeIt}><Trash /></button>
        </div>
      )}
    </li>
  )
}

function Editor({ task }: { task: Row }) {
  const title = useRef<HTMLInputElement>(null)
  const missing = useSignal(false)
  // Before the browser paints: who types on at once types into the field.
  useLayoutEffect(() => title.current?.focus(), [])

  const type = (fields: Partial<NonNullable<typeof draft.value>>) => (draft.value = { ...draft.value!, ...fields })

  const close = () => (draft.value = null)

  function save(event?: TargetedSubmitEvent) {
    event?.preventDefault()
    const typed = draft.value!
    if (!typed.title.trim()) {
      missing.value = true
      title.current?.focus()
      return
    }

    const fields: Change = {
      ...(typed.title.trim() === task.title ? {} : { title: typed.title.trim() }),
      ...(typed.description === task.description ? {} : { description: typed.description }),
      ...(typed.deadline === toField(task.deadline) ? {} : { deadline: fromField(typed.deadline) }),
    }
    close()
    if (Object.keys(fields).length > 0) {
      void change(task, fields)
    }
  }

  return (
    <li class="task editing">
      <form
        aria-label={text.edit(task.title)} onSubmit={save}
        onKeyDown={(event) => {
          if (event.key === 'Escape') {
            close()
          } else if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) {
            save()
          }
        }}
      >
        <label>
          {text.title}
          <input
            ref={title} name="title" value={draft.value!.title} maxLength={200} autocomplete="off" aria-invalid={missing.value ? 'true' : undefined}
            onInput={(event) => type({ title: event.currentTarget.value })}
          />
        </label>
        {missing.value && <p class="error" role="alert">{text.required}</p>}
        <label>
          {text.description}
          <textarea name="description" rows={3} maxLength={10000} value={draft.value!.description} onInput={(event) => type({ description: event.currentTarget.value })} />
        </label>
        <div class="deadline-field">
          <label>
            {text.deadline}
            <input type="datetime-local" name="deadline" value={draft.value!.deadline} onInput={(event) => type({ deadline: event.currentTarget.value })} />
          </label>
          {draft.value!.deadline && <button type="button" class="link" onClick={() => type({ deadline: '' })}>{text.clearDeadline}</button>}
        </div>
        <div class="buttons">
          <button class="primary">{text.save}</button>
          <button type="button" onClick={close}>{text.cancel}</button>
        </div>
      </form>
    </li>
  )
}
