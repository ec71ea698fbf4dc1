import { useSignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { askFor, Refusal } from './api'
import { Dialog } from './Dialog'
import type { TargetedSubmitEvent } from './events'
import { Field } from './Field'
import { user } from './session'
import { text } from './text'

type Settings = { email_enabled: boolean; webhook_url: string | null; webhook_secret_set: boolean; webhook_secret: string | null }
type Delivery = { id: number; channel: 'email' | 'webhook'; status: 'pending' | 'sent' | 'failed' | 'cancelled'; last_error: string | null }

/** A test message is followed for so long, in seconds. */
const patience = 30

export function SettingsDialog({ onClose }: { onClose: () => void }) {
  const settings = useSignal<Settings | null>(null)
  const secret = useSignal<string | null>(null)
  const said = useSignal('')
  const problem = useSignal<string | undefined>(undefined)
  const tests = useSignal<Delivery[]>([])
  useEffect(() => void askFor<Settings>('GET', '/notifications/settings').then((found) => (settings.value = found), tell), [])

  function tell(failure: unknown) {
    if (!(failure instanceof Refusal)) {
      throw failure
    }
    said.value = failure.status === 429 ? text.tooMany : text.failed(failure.message)
  }

  async function save(event: TargetedSubmitEvent) {
    event.preventDefault()
    const form = new FormData(event.currentTarget)
    problem.value = undefined
    said.value = ''
    try {
      const saved = await askFor<Settings>('PUT', '/notifications/settings', {
        body: { email_enabled: form.has('email'), webhook_url: String(form.get('webhook')).trim() || null },
      })
      settings.value = saved
      secret.value = saved.webhook_secret ?? secret.value
      said.value = text.saved
    } catch (failure) {
      if (failure instanceof Refusal && failure.fields.webhook_url) {
        problem.value = failure.fields.webhook_url[0]
      } else {
        tell(failure)
      }
    }
  }

  async function test() {
    said.value = ''
    tests.value = []
    try {
      tests.value = await askFor<Delivery[]>('POST', '/notifications/settings/test', { once: true })
      for (let i = 0; i < patience && tests.value.some((delivery) => delivery.status === 'pending'); i++) {
        await new Promise((resolve) => setTimeout(resolve, 1000))
        const { items } = await askFor<{ items: Delivery[] }>('GET', '/notifications/deliveries?limit=20')
        tests.value = tests.value.map((delivery) => items.find((other) => other.id === delivery.id) ?? delivery)
      }
    } catch (failure) {
      tell(failure)
    }
  }

  const isOn = settings.value && (settings.value.email_enabled || settings.value.webhook_url)
  return (
    <Dialog title={text.settings} onClose={onClose}>
      {settings.value ? (
        <form onSubmit={save} noValidate>
          <p>{text.settingsText}</p>
          <label class="choice">
            <input type="checkbox" name="email" defaultChecked={settings.value.email_enabled} />
            {text.byEmail(user.value?.email ?? '')}
          </label>
          <Field name="webhook" type="url" label={text.webhook} value={settings.value.webhook_url ?? ''} hint={text.webhookHint} error={problem.value} autocomplete="off" maxLength={2000} />
          {secret.value && (
            <p class="secret">
              {text.webhookSecret}
              <code>{secret.value}</code>
            </p>
          )}
          <div class="buttons">
            <button class="primary">{text.save}</button>
            {isOn && <button type="button" onClick={() => void test()}>{text.sendTest}</button>}
          </div>
        </form>
      ) : (
        !said.value && <p role="status">{text.loading}</p>
      )}
      <div role="status">
        <p>{said}</p>
        {tests.value.map((delivery) => (
          <p key={delivery.id}>{text.channels[delivery.channel]}: {text.deliveries[delivery.status]}{delivery.last_error && ` (${delivery.last_error})`}</p>
        ))}
      </div>
    </Dialog>
  )
}
