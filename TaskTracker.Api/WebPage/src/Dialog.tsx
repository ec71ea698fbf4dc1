import type { ComponentChildren } from 'preact'
import { useLayoutEffect, useRef } from 'preact/hooks'
import { Close } from './icons'
import { text } from './text'

type Props = { title: string; onClose: () => void; children: ComponentChildren }

/** A dialog over the page: the browser keeps the focus in it and gives it back. */
export function Dialog({ title, onClose, children }: Props) {
  const dialog = useRef<HTMLDialogElement>(null)
  useLayoutEffect(() => {
    const opener = document.activeElement as HTMLElement | null
    dialog.current?.showModal()
    return () => opener?.focus()
  }, [])

  return (
    <dialog
      ref={dialog} aria-labelledby="dialog-title" onClose={onClose}
      onClick={(event) => event.target === dialog.current && dialog.current?.close()}
    >
      <div class="dialog">
        <div class="dialog-top">
          <h2 id="dialog-title">{title}</h2>
          <button class="quiet" aria-label={text.close} onClick={() => dialog.current?.close()}><Close /></button>
        </div>
        {children}
      </div>
    </dialog>
  )
}
