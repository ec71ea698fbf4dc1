import { signal } from '@preact/signals'
import { ask, askFor, Refusal } from './api'
import { channel } from './tabs'

export type User = { id: number; username: string; email: string }

type Tokens = { access_token: string; expires_in: number }

/** Who uses the page: null for nobody, undefined while that is not known yet. */
export const user = signal<User | null | undefined>(undefined)

/** True when a session ended by itself, so that the page can say why it asks for the password again. */
export const sessionEnded = signal(false)

// The refresh token is a cookie that no script can read. The header is what other sites cannot send along: see docs/security.md.
const inCookie = { 'Refresh-Token': 'cookie' }

// Says only that there is such a cookie, so that a first visit asks for nothing.
const hint = 'signed-in'

const early = 60_000

// The access token lives in this variable alone, and ends with the tab.
let access: { token: string; until: number } | null = null
let renewal: Promise<void> | null = null

/** A token that is good for the next minute at least. */
export async function accessToken() {
  await renewAccess(false)
  return access!.token
}

/** Gets a new token where the one at hand ends soon, or anyway. A refresh token is good once: one tab at a time uses it. */
export function renewAccess(anyway: boolean): Promise<void> {
  if (access && access.until - early > Date.now() && !anyway) {
    return Promise.resolve()
  }

  const renew = async () => {
    try {
      keep(await askFor<Tokens>('POST', '/auth/refresh', { open: true, headers: inCookie }))
    } catch (failure) {
      if (failure instanceof Refusal && failure.status === 401) {
        forget()
        sessionEnded.value = true
      }
      throw failure
    }
  }

  renewal ??= (navigator.locks ? navigator.locks.request('refresh', renew) : renew()).finally(() => (renewal = null))
  return renewal
}

/** Goes on with the session of an earlier visit, if there is one. */
export async function resume() {
  if (!localStorage.getItem(hint)) {
    user.value = null
    return
  }

  try {
    await enter()
  } catch {
    user.value = null
  }
}

export async function logIn(username: string, password: string) {
  keep(await askFor<Tokens>('POST', '/auth/login', { form: { username, password }, headers: inCookie, open: true, once: true }))
  localStorage.setItem(hint, '1')
  await enter()
  channel.postMessage({ kind: 'session' })
}

export async function register(username: string, email: string, password: string) {
  await ask('POST', '/auth/register', { body: { username, email, password }, open: true, once: true })
  await logIn(username, password)
}

export async function logOut() {
  // Without a connection it waits for one: a session that only looks ended would be worse.
  await ask('POST', '/auth/logout', { headers: inCookie }).catch(() => {})
  sessionStorage.clear()
  forget()
  channel.postMessage({ kind: 'session' })
  location.reload()
}

async function enter() {
  const me = await askFor<User>('GET', '/auth/me')
  const owner = sessionStorage.getItem('owner')
  if (owner !== String(me.id)) {
    sessionStorage.clear()
    sessionStorage.setItem('owner', String(me.id))
    if (owner) {
      // What somebody else has typed or seen here is not theirs.
      location.reload()
      return
    }
  }
  sessionEnded.value = false
  user.value = me
}

function keep(tokens: Tokens) {
  access = { token: tokens.access_token, until: Date.now() + tokens.expires_in * 1000 }
}

function forget() {
  access = null
  localStorage.removeItem(hint)
  user.value = null
}

// Another tab logged in or out, perhaps as somebody else: this one begins anew.
channel.addEventListener('message', ({ data }) => {
  if (data.kind === 'session') {
    location.reload()
  }
})
