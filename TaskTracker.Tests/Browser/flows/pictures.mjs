import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'

/** The README's pictures: node run.mjs pictures http://localhost:8000 /usr/bin/chromium ../../docs/images */
export default async ({ step, open, createUser, logIn, row, pictures }) => {
  await mkdir(pictures, { recursive: true })
  const at = (days, hour, minute = 0) => {
    const date = new Date()
    date.setDate(date.getDate() + days)
    date.setHours(hour, minute, 0, 0)
    return date.toISOString()
  }
  const seed = async (user, tasks) => {
    for (const [title, deadline, description, completed] of tasks) {
      const task = await user.ask('POST', '/tasks', { title, deadline, description })
      if (completed) {
        await user.ask('PUT', `/tasks/${task.id}`, { completed: true })
      }
    }
  }
  const english = [
    ['Send the invitations', null, '', true],
    ['Book the train to Lisbon', at(9, 12)],
    ['Return the library books', at(-1, 17)],
    ['Read “The Mezzanine”', null, 'Nicholson Baker; the one about the escalator.'],
    ['Call the dentist', at(1, 9, 30)],
    ['Buy a present for Clara', at(3, 18), 'She liked the ceramics at the market by the river.', false],
    ['Water the plants', null, '', true],
    ['Prepare the quarterly review', at(0, 23, 30), 'Numbers from Jonas, charts from last time.'],
  ]
  const russian = [
    ['Отправить приглашения', null, '', true],
    ['Вернуть книги в библиотеку', at(-1, 17)],
    ['Записаться к врачу', at(1, 9, 30)],
    ['Купить подарок Кларе', at(3, 18), 'Ей понравилась керамика на ярмарке у реки.'],
    ['Полить цветы', null, '', true],
    ['Билеты в Лиссабон', at(9, 12)],
  ]
  const zone = { timezoneId: Intl.DateTimeFormat().resolvedOptions().timeZone }

  for (const colorScheme of ['light', 'dark']) {
    await step(colorScheme, async () => {
      const user = await createUser()
      await seed(user, english)
      const page = await open({ ...zone, colorScheme, viewport: { width: 960, height: 800 } })
      await logIn(page, user)
      await page.locator('.filter', { hasText: 'All' }).click()
      await row(page, 'Water the plants').waitFor()
      await page.getByRole('textbox', { name: 'New task' }).fill('Lunch with Anna on Friday 12:30')
      await page.locator('.chip').waitFor()
      await page.screenshot({ path: join(pictures, `page-${colorScheme}.png`), animations: 'disabled', caret: 'hide' })
    })
  }

  await step('phone', async () => {
    const user = await createUser()
    await seed(user, russian)
    const page = await open({ ...zone, locale: 'ru-RU', viewport: { width: 390, height: 780 }, hasTouch: true, isMobile: true, deviceScaleFactor: 1 })
    await logIn(page, user)
    await page.locator('.filter', { hasText: 'Все' }).click()
    await row(page, 'Полить цветы').waitFor()
    await page.screenshot({ path: join(pictures, 'page-phone.png'), animations: 'disabled', caret: 'hide' })
  })
}
