import { useEffect, useRef } from 'preact/hooks'
import { Close } from './icons'
import { text } from './text'
import { dismiss, toasts, type Toast } from './toasts'

const shortTime = 5_000
const timeToUndo = 8_000

/** What is told in passing, read out by screen readers. */
export function ToastList() {
  return (
    <div class="toasts">
      <div role="status" aria-live="polite">{toasts.value.filter((toast) => !toast.alert).map((toast) => <Item key={toast.id} toast={toast} />)}</div>
      <div role="alert">{toasts.value.filter((toast) => toast.alert).map((toast) => <Item key={toast.id} toast={toast} />)}</div>
    </div>
  )
}

function Item({ toast }: { toast: Toast }) {
  const timer = useRef(0)
  // Who reads or reaches for it has all the time they need.
  const hold = () => clearTimeout(timer.current)
  const go = () => {
    hold()
    timer.current = setTimeout(() => dismiss(toast, false), toast.action ? timeToUndo : shortTime)
  }
  useEffect(() => {
    go()
    return hold
  }, [])

  return (
    <div class={toast.alert ? 'toast alert' : 'toast'} onMouseEnter={hold} onMouseLeave={go} onFocusCapture={hold} onBlurCapture={go}>
      <span>{toast.message}</span>
      {toast.action && <button class="link" onClick={() => dismiss(toast, true)}>{toast.action}</button>}
      <button class="quiet" aria-label={text.close} onClick={() => dismiss(toast, false)}><Close /></button>
    </div>
  )
}
