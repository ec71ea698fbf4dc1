import type { Signal } from '@preact/signals'
import { ask, askFor } from './api'

/** How far work on demand is, in percent, and how to end it. */
export type Progress = { percent: number; cancel: () => void }

type Operation<T> = { status: 'pending' | 'completed' | 'failed' | 'cancelled'; progress: number; result: T | null; error: string | null }

/** Follows an operation to its end. */
export async function follow<T>(id: string, progress: Signal<Progress | null>): Promise<Operation<T>> {
  const cancel = () => void ask('DELETE', `/operations/${id}`).catch(() => {})
  progress.value = { percent: 0, cancel }
  for (let wait = 150; ; wait = Math.min(1000, wait * 1.5)) {
    const operation = await askFor<Operation<T>>('GET', `/operations/${id}`)
    progress.value = { percent: operation.progress, cancel }
    if (operation.status !== 'pending') {
      return operation
    }
    await new Promise((resolve) => setTimeout(resolve, wait))
  }
}
