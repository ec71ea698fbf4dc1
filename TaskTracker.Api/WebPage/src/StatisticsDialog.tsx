import { useSignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { Dialog } from './Dialog'
import { statistics } from './tasks'
import { format, formatPercent, text } from './text'
import { describeDay } from './time'

type Day = { date: string; created: number; completed: number }

export function StatisticsDialog({ onClose }: { onClose: () => void }) {
  const found = useSignal<Awaited<ReturnType<typeof statistics>> | null>(null)
  useEffect(() => void statistics().then((numbers) => (found.value = numbers)), [])

  return (
    <Dialog title={text.statistics} onClose={onClose}>
      {found.value ? <Shown numbers={found.value[0]} days={found.value[1].days} /> : <p role="status">{text.loading}</p>}
    </Dialog>
  )
}

function Shown({ numbers, days }: { numbers: Awaited<ReturnType<typeof statistics>>[0]; days: Day[] }) {
  return (
    <>
      <dl class="numbers">
        <div><dt>{text.total}</dt><dd>{format(numbers.total_tasks)}</dd></div>
        <div><dt>{text.done}</dt><dd>{format(numbers.completed_tasks)}</dd></div>
        <div><dt>{text.overdueCount}</dt><dd>{format(numbers.overdue_tasks)}</dd></div>
        <div><dt>{text.rate}</dt><dd>{formatPercent(numbers.completion_rate)}</dd></div>
      </dl>
      <h3>{text.lastDays}</h3>
      <Chart days={days} />
      <details class="as-table">
        <summary>{text.asTable}</summary>
        <table>
          <thead><tr><th scope="col">{text.day}</th><th scope="col">{text.created}</th><th scope="col">{text.completed}</th></tr></thead>
          <tbody>
            {days.toReversed().map((day) => (
              <tr key={day.date}><th scope="row">{describeDay(day.date)}</th><td>{format(day.created)}</td><td>{format(day.completed)}</td></tr>
            ))}
          </tbody>
        </table>
      </details>
    </>
  )
}

const width = 480
const height = 120

/** Two bars a day: what was created, and what was completed. */
function Chart({ days }: { days: Day[] }) {
  const highest = Math.max(1, ...days.flatMap((day) => [day.created, day.completed]))
  const step = width / days.length
  const bar = (value: number) => (value / highest) * (height - 8)
  const sum = (key: 'created' | 'completed') => format(days.reduce((all, day) => all + day[key], 0))

  return (
    <figure class="chart">
      <svg viewBox={`0 0 ${width} ${height}`} role="img" aria-label={`${text.lastDays}: ${sum('created')} ${text.created}, ${sum('completed')} ${text.completed}`}>
        <line x1="0" x2={width} y1={height - 0.5} y2={height - 0.5} class="axis" />
        {days.map((day, i) => (
          <g key={day.date}>
            <title>{`${describeDay(day.date)}: ${format(day.created)} ${text.created}, ${format(day.completed)} ${text.completed}`}</title>
            <rect x={i * step} y="0" width={step} height={height} class="hit" />
            <rect x={i * step + step * 0.14} y={height - bar(day.created)} width={step * 0.34} height={bar(day.created)} rx="1.5" class="created" />
            <rect x={i * step + step * 0.52} y={height - bar(day.completed)} width={step * 0.34} height={bar(day.completed)} rx="1.5" class="completed" />
          </g>
        ))}
      </svg>
      <div class="chart-ends"><span>{describeDay(days[0]!.date)}</span><span>{describeDay(days.at(-1)!.date)}</span></div>
      <figcaption>
        <span class="key created">{sum('created')} {text.created}</span>
        <span class="key completed">{sum('completed')} {text.completed}</span>
      </figcaption>
    </figure>
  )
}
