import { useSignal } from '@preact/signals'
import { useRef } from 'preact/hooks'
import { ExportDialog } from './ExportDialog'
import { Bell, Chart, Code, Download, Exit, Gear, More } from './icons'
import { unread } from './reminders'
import { RemindersDialog } from './RemindersDialog'
import { logOut, user } from './session'
import { SettingsDialog } from './SettingsDialog'
import { StatisticsDialog } from './StatisticsDialog'
import { text } from './text'

const dialogs = { reminders: RemindersDialog, statistics: StatisticsDialog, export: ExportDialog, settings: SettingsDialog }

export function Header() {
  const shown = useSignal<keyof typeof dialogs | null>(null)
  const menu = useRef<HTMLDetailsElement>(null)
  const Shown = shown.value && dialogs[shown.value]
  const open = (name: keyof typeof dialogs) => () => {
    shown.value = name
  }

  return (
    <header class="top">
      <h1 class="wordmark">TaskTracker</h1>
      <nav aria-label={text.menu}>
        <button class="quiet" onClick={open('statistics')}><Chart /><span class="label">{text.statistics}</span></button>
        <button class="quiet" onClick={open('export')}><Download /><span class="label">{text.export}</span></button>
        <button class="quiet bell" aria-label={unread.value ? text.unread(unread.value) : text.reminders} title={text.reminders} onClick={open('reminders')}>
          <Bell />
          {unread.value > 0 && <span class="badge">{unread.value > 99 ? '99+' : unread.value}</span>}
        </button>
        <details
          ref={menu} class="menu"
          onKeyDown={(event) => {
            if (event.key === 'Escape' && menu.current?.open) {
              menu.current.open = false
              menu.current.querySelector('summary')?.focus()
            }
          }}
          onFocusOut={(event) => {
            if (!menu.current?.contains(event.relatedTarget as Node)) {
              menu.current!.open = false
            }
          }}
          onClick={(event) => {
            if ((event.target as HTMLElement).closest('button, a')) {
              menu.current!.open = false
            }
          }}
        >
          <summary class="quiet" aria-label={text.menu} title={text.menu}><More /></summary>
          <div class="menu-items">
            <p>{user.value?.username}</p>
            <button onClick={open('settings')}><Gear />{text.settings}</button>
            <a href="/docs"><Code />{text.docs}</a>
            <button onClick={() => void logOut()}><Exit />{text.logOut}</button>
          </div>
        </details>
      </nav>
      {Shown && <Shown onClose={() => (shown.value = null)} />}
    </header>
  )
}
