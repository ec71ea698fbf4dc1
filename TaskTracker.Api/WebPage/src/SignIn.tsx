import { useSignal } from '@preact/signals'
import type { TargetedSubmitEvent } from './events'
import { Refusal } from './api'
import { Field } from './Field'
import { logIn, register, sessionEnded } from './session'
import { text } from './text'

type Errors = Partial<Record<'username' | 'email' | 'password' | 'form', string>>

export function SignIn() {
  const isNew = useSignal(false)
  const busy = useSignal(false)
  const errors = useSignal<Errors>({})

  async function submit(event: TargetedSubmitEvent) {
    event.preventDefault()
    const form = event.currentTarget
    const { username = '', email = '', password = '' } = Object.fromEntries(new FormData(form)) as Record<string, string>
    errors.value = check({ username, email, password }, isNew.value)
    if (Object.keys(errors.value).length === 0) {
      busy.value = true
      try {
        await (isNew.value ? register(username.trim(), email.trim(), password) : logIn(username.trim(), password))
        return
      } catch (failure) {
        errors.value = explain(failure)
      } finally {
        busy.value = false
      }
    }
    requestAnimationFrame(() => form.querySelector<HTMLElement>('[aria-invalid=true]')?.focus())
  }

  return (
    <main class="sign-in">
      <h1 class="wordmark">TaskTracker</h1>
      <p class="tagline">{text.tagline}</p>
      <form class="card" noValidate onSubmit={submit} aria-labelledby="sign-in-title">
        <h2 id="sign-in-title">{isNew.value ? text.register : text.signIn}</h2>
        {sessionEnded.value && <p class="note">{text.sessionEnded}</p>}
        <Field name="username" label={isNew.value ? text.username : text.usernameOrEmail} autocomplete="username" error={errors.value.username} autofocus />
        {isNew.value && <Field name="email" type="email" label={text.email} autocomplete="email" error={errors.value.email} />}
        <Field
          name="password" type="password" label={text.password} hint={isNew.value ? text.passwordHint : undefined}
          autocomplete={isNew.value ? 'new-password' : 'current-password'} error={errors.value.password}
        />
        <p class="error" role="alert">{errors.value.form}</p>
        <button class="primary wide" disabled={busy.value}>{isNew.value ? text.register : text.signIn}</button>
        <button
          type="button" class="link wide"
          onClick={() => {
            isNew.value = !isNew.value
            errors.value = {}
          }}
        >
          {isNew.value ? text.toSignIn : text.toRegister}
        </button>
      </form>
    </main>
  )
}

function check({ username, email, password }: Record<'username' | 'email' | 'password', string>, isNew: boolean): Errors {
  return {
    ...(username.trim() ? {} : { username: text.required }),
    ...(isNew && !/^\S+@\S+$/.test(email.trim()) ? { email: email.trim() ? text.emailWrong : text.required } : {}),
    ...(!password ? { password: text.required } : isNew && [...password].length < 8 ? { password: text.passwordShort } : {}),
  }
}

function explain(failure: unknown): Errors {
  if (!(failure instanceof Refusal)) {
    throw failure
  }

  const field = (name: string) => failure.fields[name]?.[0]
  switch (failure.status) {
    case 401:
      return { form: text.wrongPassword }
    case 429:
      return { form: text.tooMany }
    case 400: {
      const username = field('username')
      return {
        username: username?.includes('already registered') ? text.taken : username,
        email: field('email'),
        password: field('password'),
        ...(Object.keys(failure.fields).length === 0 ? { form: failure.message } : {}),
      }
    }
    default:
      return { form: text.noConnection }
  }
}
