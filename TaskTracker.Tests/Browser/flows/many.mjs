import { readFile } from 'node:fs/promises'

export default async ({ step, open, createUser, logIn, row, until, equal }) => {
  const user = await createUser()
  for (let i = 0; i < 12; i++) {
    await user.ask('POST', '/tasks', { title: `Task ${i}`, deadline: i === 0 ? '2020-01-01T00:00:00Z' : null })
  }
  const page = await open()
  await logIn(page, user)
  const completed = async () => (await user.ask('GET', '/tasks?completed=true')).items.length

  await step('several tasks are selected and completed at once, with progress', async () => {
    await page.getByRole('button', { name: 'Select', exact: true }).click()
    for (const i of [1, 2, 3]) {
      await page.getByRole('checkbox', { name: `Select: Task ${i}`, exact: true }).check()
    }
    await page.getByText('3 tasks selected').waitFor()
    // Three tasks may be done before anybody looks: what was shown in between is noted by the page itself.
    const progress = await page.evaluateHandle(() => {
      const seen = { shown: false }
      new MutationObserver(() => (seen.shown ||= document.querySelector('.bulk progress') !== null)).observe(document.body, { childList: true, subtree: true })
      return seen
    })
    await page.getByRole('button', { name: 'Mark done' }).click()
    await page.getByText('3 tasks changed').waitFor()
    equal((await progress.jsonValue()).shown, true, 'that the progress was shown')
    equal(await completed(), 3, 'how many are done')
  })

  await step('all shown tasks get a deadline at once', async () => {
    await page.getByRole('button', { name: 'Select', exact: true }).click()
    await page.getByRole('button', { name: 'Select all shown' }).click()
    await page.getByText('9 tasks selected').waitFor()
    await page.getByRole('button', { name: 'Set deadline' }).click()
    await page.getByLabel('Deadline', { exact: true }).last().fill('2031-01-01T10:00')
    await page.getByRole('region', { name: 'Select' }).getByRole('button', { name: 'Save' }).click()
    await page.getByText('9 tasks changed').waitFor()
    equal((await user.ask('GET', '/tasks?due_after=2031-01-01T00:00:00Z')).items.length, 9, 'how many have it')
    await row(page, 'Task 4').getByText('1 Jan 2031, 10:00').waitFor()
  })

  for (const [format, check] of [
    ['CSV, for spreadsheets', (text) => text.split('\r\n').length >= 13 && text.includes('Task 11')],
    ['JSON', (text) => JSON.parse(text).length === 12],
    ['NDJSON, one task a line', (text) => text.trim().split('\n').map((line) => JSON.parse(line)).length === 12],
  ]) {
    await step(`all tasks are exported and downloaded: ${format}`, async () => {
      await page.getByRole('button', { name: 'Export' }).click()
      const dialog = page.getByRole('dialog', { name: 'Export' })
      await dialog.getByLabel(format, { exact: true }).check()
      const downloads = page.waitForEvent('download')
      await dialog.getByRole('button', { name: 'Export and download' }).click()
      const download = await downloads
      await dialog.getByText('12 tasks exported').waitFor()
      if (!/^tasks-.*\.(csv|json|ndjson)$/.test(download.suggestedFilename()) || !check(await readFile(await download.path(), 'utf8'))) {
        throw new Error(`${download.suggestedFilename()} does not hold what it should`)
      }
      await page.keyboard.press('Escape')
      await dialog.waitFor({ state: 'detached' })
      equal(await page.evaluate(() => document.activeElement.textContent), 'Export', 'where the focus is')
    })
  }

  await step('statistics show numbers and the last days', async () => {
    await page.getByRole('button', { name: 'Statistics' }).click()
    const dialog = page.getByRole('dialog', { name: 'Statistics' })
    await dialog.getByRole('img', { name: 'The last 30 days: 12 created, 3 completed' }).waitFor()
    equal(await dialog.locator('dd').allTextContents(), ['12', '3', '0', '25%'], 'the numbers')
    await dialog.getByText('As a table').click()
    equal(await dialog.locator('tbody tr').count(), 30, 'days')
    equal(await dialog.locator('tbody tr').first().locator('td').allTextContents(), ['12', '3'], 'today')
    await page.keyboard.press('Escape')
  })
}
