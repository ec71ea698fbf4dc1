import { useSignal } from '@preact/signals'
import { useRef } from 'preact/hooks'
import { Search } from './icons'
import { filter, filters, order, orders, search, selection } from './tasks'
import { text } from './text'

const typingPause = 250

/** Which tasks the list shows, and in what order. */
export function Toolbar() {
  const timer = useRef(0)
  const words = useSignal(search.value)

  return (
    <div class="toolbar">
      <div class="toolbar-line">
        <label class="search">
          <Search />
          <span class="unseen">{text.search}</span>
          <input
            type="search" value={words} placeholder={text.search} maxLength={190} autocomplete="off" enterkeyhint="search"
            onInput={(event) => {
              words.value = event.currentTarget.value
              clearTimeout(timer.current)
              timer.current = setTimeout(() => (search.value = words.value), typingPause)
            }}
          />
        </label>
        <label class="order">
          <span class="unseen">{text.order}</span>
          <select value={order.value} onChange={(event) => (order.value = event.currentTarget.value as (typeof orders)[number])}>
            {orders.map((name) => <option key={name} value={name}>{text.orders[name]}</option>)}
          </select>
        </label>
        <button class="quiet" aria-pressed={selection.value !== null} onClick={() => (selection.value = selection.value ? null : new Set())}>{text.select}</button>
      </div>
      <fieldset class="filters">
        <legend class="unseen">{text.filter}</legend>
        {filters.map((name) => (
          <label key={name} class="filter">
            <input type="radio" name="filter" checked={filter.value === name} onChange={() => (filter.value = name)} />
            <span>{text.filters[name]}</span>
          </label>
        ))}
      </fieldset>
    </div>
  )
}
