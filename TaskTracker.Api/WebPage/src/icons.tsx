import type { ComponentChildren } from 'preact'

const icon = (content: ComponentChildren) => () => (
  <svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
    {content}
  </svg>
)

export const Bell = icon(<path d="M6 16.5V11a6 6 0 0 1 12 0v5.5l1.5 1.5h-15zM10 21h4" />)
export const Calendar = icon(<path d="M5 6.5h14v13H5zM5 10.5h14M9 4v4M15 4v4" />)
export const Chart = icon(<path d="M5 20v-7M12 20V5M19 20v-10" />)
export const Check = icon(<path d="m5 12.5 4.5 4.5L19 7" />)
export const Close = icon(<path d="m6 6 12 12M18 6 6 18" />)
export const Code = icon(<path d="m8.5 7.5-4.5 4.5 4.5 4.5M15.5 7.5l4.5 4.5-4.5 4.5" />)
export const Download = icon(<path d="M12 4v11M7 10.5l5 5 5-5M5 20h14" />)
export const Exit = icon(<path d="M10 5H5v14h5M10 12h10M16 8l4 4-4 4" />)
export const Gear = icon(<path d="M5 7h8M17 7h2M5 12h2M11 12h8M5 17h8M17 17h2M13 5v4M9 10v4M15 15v4" />)
export const More = icon(<path d="M6 12h.01M12 12h.01M18 12h.01" stroke-width="2.8" />)
export const Pencil = icon(<path d="m4.5 19.5.8-4L16 4.8l3.2 3.2L8.5 18.7z" />)
export const Plus = icon(<path d="M12 5v14M5 12h14" />)
export const Search = icon(<path d="M10.5 17a6.5 6.5 0 1 0 0-13 6.5 6.5 0 0 0 0 13M15.5 15.5 20 20" />)
export const Trash = icon(<path d="M5 7h14M10 7V4.5h4V7M7 7l.8 12.5h8.4L17 7M10.5 11v5M13.5 11v5" />)
