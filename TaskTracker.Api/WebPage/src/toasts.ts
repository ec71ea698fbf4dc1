import { signal } from '@preact/signals'

export type Toast = { id: number; message: string; alert?: boolean; action?: string; onAction?: () => void; onEnd?: () => void }

export const toasts = signal<Toast[]>([])

let last = 0

/** Tells something in passing. Where there is something to do about it, `onEnd` follows when the time for that is over. */
export function notify(message: string, options: Omit<Toast, 'id' | 'message'> = {}) {
  toasts.value = [...toasts.value, { id: ++last, message, ...options }]
}

export function dismiss(toast: Toast, acted: boolean) {
  if (!toasts.value.includes(toast)) {
    return
  }

  toasts.value = toasts.value.filter((other) => other !== toast)
  if (acted) {
    toast.onAction?.()
  } else {
    toast.onEnd?.()
  }
}
