import { signal } from '@preact/signals'
import { accessToken, renewAccess } from './session'

/** The service said no: with what was wrong about which field, where it was about fields. */
export class Refusal extends Error {
  constructor(
    readonly status: number,
    detail: string,
    readonly fields: Record<string, string[]>,
  ) {
    super(detail)
  }
}

/** True while nothing reaches the service; what was asked for is tried again until something does. */
export const disconnected = signal(false)

type Options = { body?: unknown; form?: Record<string, string>; headers?: Record<string, string>; signal?: AbortSignal; open?: boolean; once?: boolean }

const answerLimit = 20_000
const longestPause = 15_000

const sleepers = new Set<() => void>()

/** Ends the pauses before the next attempts. */
export const tryNow = () => [...sleepers].forEach((go) => go())

addEventListener('offline', () => (disconnected.value = true))
addEventListener('online', () => {
  disconnected.value = false
  tryNow()
})

/**
 * Asks the service. A lost connection is no failure, only a delay, unless the request says `once`: it is asked again until
 * there is an answer, so whatever is sent this way must be safe to send twice.
 */
export async function ask(method: string, path: string, options: Options = {}): Promise<Response> {
  let renewed = false
  for (let attempt = 0; ; attempt++) {
    const response = await send(method, path, options)
    if (response?.ok) {
      disconnected.value = false
      return response
    }

    if (response?.status === 401 && !options.open && !renewed) {
      renewed = true
      await renewAccess(true)
      continue
    }

    if (response && ![429, 502, 503, 504].includes(response.status)) {
      disconnected.value = false
      throw await refusalOf(response)
    }

    if (options.once) {
      throw new Refusal(response?.status ?? 0, '', {})
    }

    // Too many requests is an answer; anything else here is none.
    disconnected.value = response?.status !== 429
    await pause(Math.min(longestPause, 1000 * 2 ** attempt), options.signal)
  }
}

/** Asks the service for JSON. */
export async function askFor<T>(method: string, path: string, options: Options = {}): Promise<T> {
  return (await (await ask(method, path, options)).json()) as T
}

async function send(method: string, path: string, { body, form, headers, signal: ended, open }: Options) {
  const token = open ? null : await accessToken()
  try {
    return await fetch(path, {
      method,
      headers: {
        ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
        ...(token ? { Authorization: `Bearer ${token}` } : {}),
        ...headers,
      },
      body: form ? new URLSearchParams(form) : body === undefined ? undefined : JSON.stringify(body),
      // A deletion is sent when the page goes, too.
      keepalive: method === 'DELETE',
      signal: ended ? AbortSignal.any([ended, AbortSignal.timeout(answerLimit)]) : AbortSignal.timeout(answerLimit),
    })
  } catch (failure) {
    if (ended?.aborted) {
      throw failure
    }
    return null
  }
}

async function refusalOf(response: Response) {
  const problem = (await response.json().catch(() => ({}))) as { detail?: string; title?: string; errors?: Record<string, string[]> }
  return new Refusal(response.status, problem.detail ?? problem.title ?? response.statusText, problem.errors ?? {})
}

function pause(milliseconds: number, ended?: AbortSignal) {
  return new Promise<void>((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer)
      sleepers.delete(go)
      ended?.removeEventListener('abort', abort)
    }
    const go = () => {
      stop()
      resolve()
    }
    const abort = () => {
      stop()
      reject(ended!.reason as Error)
    }
    const timer = setTimeout(go, milliseconds)
    sleepers.add(go)
    ended?.addEventListener('abort', abort)
  })
}
