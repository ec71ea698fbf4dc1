import { useLayoutEffect, useRef } from 'preact/hooks'

type Props = {
  name: string
  label: string
  type?: 'text' | 'email' | 'password' | 'url'
  value?: string
  hint?: string
  error?: string
  autocomplete?: string
  autofocus?: boolean
  maxLength?: number
}

/** A field with its label, a hint, and what is wrong about it. */
export function Field({ name, label, type = 'text', value, hint, error, autocomplete, autofocus, maxLength }: Props) {
  const input = useRef<HTMLInputElement>(null)
  useLayoutEffect(() => {
    if (autofocus) {
      input.current?.focus()
    }
  }, [])

  return (
    <div class="field">
      <label for={`field-${name}`}>{label}</label>
      <input
        ref={input} id={`field-${name}`} name={name} type={type as 'text'} defaultValue={value} autocomplete={autocomplete} maxLength={maxLength}
        aria-invalid={error ? 'true' : undefined} aria-describedby={`about-${name}`}
        autocapitalize="none" spellcheck={false}
      />
      <p id={`about-${name}`} class={error ? 'error' : 'hint'}>{error ?? hint}</p>
    </div>
  )
}
