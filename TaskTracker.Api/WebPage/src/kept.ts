import { effect, signal, type Signal } from '@preact/signals'

/** A value that outlives a reload of its tab: what is typed is not lost with the page. */
export function kept<T>(name: string, initial: T): Signal<T> {
  const stored = sessionStorage.getItem(name)
  const value = signal<T>(stored === null ? initial : (JSON.parse(stored) as T))
  let first = true
  effect(() => {
    const text = JSON.stringify(value.value)
    if (!first) {
      sessionStorage.setItem(name, text)
    }
    first = false
  })

  return value
}
