import { signal } from '@preact/signals'
import { locale } from './text'

/** The time, to the half minute, for what changes by itself. */
export const now = signal(new Date())
setInterval(() => (now.value = new Date()), 30_000)

const time = new Intl.DateTimeFormat(locale, { hour: '2-digit', minute: '2-digit' })
const weekday = new Intl.DateTimeFormat(locale, { weekday: 'short' })
const thisYear = new Intl.DateTimeFormat(locale, { day: 'numeric', month: 'short' })
const otherYear = new Intl.DateTimeFormat(locale, { day: 'numeric', month: 'short', year: 'numeric' })
const full = new Intl.DateTimeFormat(locale, { dateStyle: 'full', timeStyle: 'short' })
const nearby = new Intl.RelativeTimeFormat(locale, { numeric: 'auto' })
const shortDay = new Intl.DateTimeFormat(locale, { day: 'numeric', month: 'short', timeZone: 'UTC' })

const startOfDay = (date: Date) => new Date(date.getFullYear(), date.getMonth(), date.getDate())
const daysBetween = (from: Date, to: Date) => Math.round((startOfDay(to).getTime() - startOfDay(from).getTime()) / 86_400_000)

/** As one would say it: today, tomorrow, the weekday within a week, else the date; and the time. */
export function describe(date: Date) {
  const days = daysBetween(now.value, date)
  const day =
    Math.abs(days) <= 1 ? nearby.format(days, 'day')
    : days > 1 && days < 7 ? weekday.format(date)
    : date.getFullYear() === now.value.getFullYear() ? thisYear.format(date)
    : otherYear.format(date)

  return `${day}, ${time.format(date)}`
}

export const describeFully = (date: Date) => full.format(date)

/** A day without time or zone, such as 2030-01-31. */
export const describeDay = (date: string) => shortDay.format(new Date(`${date}T00:00:00Z`))

/** The value of a datetime-local field, in the user's zone. */
export function toField(date: string | null) {
  if (!date) {
    return ''
  }

  const local = new Date(date)
  const two = (n: number) => String(n).padStart(2, '0')
  return `${String(local.getFullYear()).padStart(4, '0')}-${two(local.getMonth() + 1)}-${two(local.getDate())}T${two(local.getHours())}:${two(local.getMinutes())}`
}

export const fromField = (value: string) => (value ? new Date(value).toISOString() : null)

/** The hour of a deadline that names only a day. */
const endOfWork = 18

const months = [/^(?:jan|янв)/, /^(?:feb|фев)/, /^(?:mar|мар)/, /^(?:apr|апр)/, /^(?:may|ма[йя])/, /^(?:jun|июн)/, /^(?:jul|июл)/, /^(?:aug|авг)/, /^(?:sep|сен)/, /^(?:oct|окт)/, /^(?:nov|ноя)/, /^(?:dec|дек)/]
const weekdays = [/^(?:sun|sunday|вс|воскресенье)$/, /^(?:mon|monday|пн|понедельник)$/, /^(?:tue|tuesday|вт|вторник)$/, /^(?:wed|wednesday|ср|среду|среда)$/, /^(?:thu|thursday|чт|четверг)$/, /^(?:fri|friday|пт|пятницу|пятница)$/, /^(?:sat|saturday|сб|субботу|суббота)$/]
const units: [RegExp, number][] = [[/^(?:min|мин)/, 1], [/^(?:h|час)/, 60], [/^(?:d|дн|ден)/, 1440], [/^(?:w|нед)/, 10_080]]

const clock = /(?:^|[\s,])(?:(?:at|в)\s+)?(?:(\d{1,2})[:.](\d{2})\s*(am|pm)?|(\d{1,2})\s*(am|pm)|(?:at|в)\s+(\d{1,2}))$/i
const span = /(?:^|\s)(?:in|через)\s+(?:(\d{1,3})\s*)?([a-zа-яё]+)$/i
const dates: [RegExp, (match: RegExpMatchArray, today: Date) => Date | null][] = [
  [/(\d{4})-(\d{1,2})-(\d{1,2})$/, ([, year, month, day]) => calendar(Number(year), Number(month), Number(day))],
  [/(\d{1,2})\.(\d{1,2})\.?(\d{4})?$/, ([, day, month, year], today) => ahead(Number(day), Number(month), year, today)],
  [/(\d{1,2})\s+([a-zа-яё]{3,})(?:\s+(\d{4}))?$/i, ([, day, name, year], today) => ahead(Number(day), monthOf(name!), year, today)],
  [/([a-z]{3,})\s+(\d{1,2})(?:,?\s+(\d{4}))?$/i, ([, name, day, year], today) => ahead(Number(day), monthOf(name!), year, today)],
  [/(today|tonight|tomorrow|сегодня|завтра|послезавтра)$/i, ([, word], today) => after(today, { tomorrow: 1, завтра: 1, послезавтра: 2 }[word!.toLowerCase()] ?? 0)],
  [/([a-zа-я]+)$/i, ([, word], today) => {
    const day = weekdays.findIndex((name) => name.test(word!.toLowerCase()))
    return day < 0 ? null : after(today, (day - today.getDay() + 7) % 7 || 7)
  }],
]

const after = (today: Date, days: number) => new Date(today.getFullYear(), today.getMonth(), today.getDate() + days)
const monthOf = (name: string) => months.findIndex((month) => month.test(name.toLowerCase())) + 1

function calendar(year: number, month: number, day: number) {
  const date = new Date(year, month - 1, day)
  return date.getMonth() === month - 1 && date.getDate() === day ? date : null
}

// Without a year it is the next such day.
function ahead(day: number, month: number, year: string | undefined, today: Date) {
  const date = calendar(year ? Number(year) : today.getFullYear(), month, day)
  return date && !year && date < startOfDay(today) ? calendar(today.getFullYear() + 1, month, day) : date
}

/** Finds a deadline at the end of a line, in English or Russian: 'Call Anna tomorrow 15:00', 'Отчёт через 2 часа'. */
export function findDeadline(line: string, today: Date): { title: string; deadline: Date } | null {
  const whole = line.trimEnd()
  const inSome = span.exec(whole)
  const unit = inSome && units.find(([name]) => name.test(inSome[2]!.toLowerCase()))
  if (inSome && unit) {
    return found(whole.slice(0, inSome.index), new Date(today.getTime() + Number(inSome[1] ?? 1) * unit[1] * 60_000))
  }

  let rest = whole
  let minutes: number | null = null
  const timed = clock.exec(rest)
  if (timed) {
    const half = (timed[3] ?? timed[5])?.toLowerCase()
    const hour = Number(timed[1] ?? timed[4] ?? timed[6])
    minutes = (half ? (hour % 12) + (half === 'pm' ? 12 : 0) : hour) * 60 + Number(timed[2] ?? 0)
    if (hour > 23 || minutes >= 1440 || Number(timed[2] ?? 0) > 59) {
      return null
    }
    rest = rest.slice(0, timed.index).replace(/[\s,]+$/, '')
  }

  for (const [pattern, read] of dates) {
    const dated = pattern.exec(rest)
    const day = dated && (dated.index === 0 || /[\s,]/.test(rest[dated.index - 1]!)) ? read(dated, today) : null
    if (dated && day) {
      const at = minutes ?? endOfWork * 60
      const deadline = new Date(day.getFullYear(), day.getMonth(), day.getDate(), Math.floor(at / 60), at % 60)
      // 'Today' said in the evening means what is left of it.
      if (minutes === null && deadline <= today) {
        deadline.setHours(23, 59)
      }
      return found(rest.slice(0, dated.index), deadline)
    }
  }

  if (minutes === null) {
    return null
  }

  const deadline = new Date(today.getFullYear(), today.getMonth(), today.getDate(), Math.floor(minutes / 60), minutes % 60)
  return found(rest, deadline > today ? deadline : new Date(deadline.getFullYear(), deadline.getMonth(), deadline.getDate() + 1, deadline.getHours(), deadline.getMinutes()))

  function found(before: string, deadline: Date) {
    const title = before.replace(/[\s,]+(?:(?:due\s+)?(?:by|on|until|till)|due|до|к|в|во)?[\s,]*$/i, '').trim()
    return title ? { title, deadline } : null
  }
}
