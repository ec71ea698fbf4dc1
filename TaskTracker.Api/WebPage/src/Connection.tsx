import { disconnected, tryNow } from './api'
import { unsent } from './outbox'
import { text } from './text'

/** Says that the connection is lost, while it is. */
export function Connection() {
  return (
    <div class="connection" role="status">
      {disconnected.value && (
        <div class="banner">
          <span>{text.disconnected}{unsent.value > 0 && <strong> {text.unsent(unsent.value)}</strong>}</span>
          <button class="link" onClick={tryNow}>{text.tryNow}</button>
        </div>
      )}
    </div>
  )
}
