import { useSignal } from '@preact/signals'
import { askFor, Refusal } from './api'
import { Dialog } from './Dialog'
import type { TargetedSubmitEvent } from './events'
import { follow, type Progress } from './operations'
import { download } from './tasks'
import { text } from './text'

const formats = ['csv', 'json', 'ndjson'] as const

export function ExportDialog({ onClose }: { onClose: () => void }) {
  const progress = useSignal<Progress | null>(null)
  const said = useSignal('')

  async function start(event: TargetedSubmitEvent) {
    event.preventDefault()
    const format = String(new FormData(event.currentTarget).get('format'))
    said.value = ''
    try {
      const started = await askFor<{ task_id: string }>('POST', `/tasks/export?export_format=${format}`)
      const { status, result, error } = await follow<{ download_url: string; task_count: number }>(started.task_id, progress)
      if (status === 'completed') {
        await download(result!.download_url)
        said.value = text.exported(result!.task_count)
      } else {
        said.value = status === 'cancelled' ? text.cancelled : text.failed(error ?? '')
      }
    } catch (failure) {
      if (!(failure instanceof Refusal)) {
        throw failure
      }
      said.value = text.failed(failure.message)
    } finally {
      progress.value = null
    }
  }

  return (
    <Dialog title={text.export} onClose={onClose}>
      <form onSubmit={start}>
        <p>{text.exportText}</p>
        <fieldset class="choices" disabled={progress.value !== null}>
          <legend class="unseen">{text.format}</legend>
          {formats.map((name, i) => (
            <label key={name}><input type="radio" name="format" value={name} defaultChecked={i === 0} />{text.formats[name]}</label>
          ))}
        </fieldset>
        {progress.value ? (
          <div class="bulk-line">
            <label class="progress">{text.exporting}<progress max={100} value={progress.value.percent} /></label>
            <button type="button" onClick={progress.value.cancel}>{text.cancel}</button>
          </div>
        ) : (
          <button class="primary">{text.startExport}</button>
        )}
        <p role="status">{said}</p>
      </form>
    </Dialog>
  )
}
