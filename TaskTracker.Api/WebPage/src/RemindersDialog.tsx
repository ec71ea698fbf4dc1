import { useSignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { Dialog } from './Dialog'
import { loadReminders, markAllRead, reminders, say, unread } from './reminders'
import { text } from './text'
import { describe } from './time'

export function RemindersDialog({ onClose }: { onClose: () => void }) {
  const permission = useSignal('Notification' in window && isSecureContext ? Notification.permission : 'none')
  useEffect(() => void loadReminders().catch(() => {}), [])

  return (
    <Dialog title={text.reminders} onClose={onClose}>
      {reminders.value.length === 0 ? (
        <p>{text.noReminders}</p>
      ) : (
        <ul class="reminders">
          {reminders.value.map((reminder) => (
            <li key={reminder.id} class={reminder.read_at ? '' : 'fresh'}>
              <span>{!reminder.read_at && <span class="unseen">{text.isNew}: </span>}{say(reminder)}</span>
              <time dateTime={reminder.created_at}>{describe(new Date(reminder.created_at))}</time>
            </li>
          ))}
        </ul>
      )}
      <div class="buttons">
        {unread.value > 0 && <button class="primary" onClick={() => void markAllRead().catch(() => {})}>{text.markRead}</button>}
        {permission.value === 'default' && (
          <button onClick={() => void Notification.requestPermission().then((answer) => (permission.value = answer))}>{text.allowNotifications}</button>
        )}
      </div>
      {permission.value === 'denied' && <p class="hint">{text.notificationsBlocked}</p>}
    </Dialog>
  )
}
