export default async ({ step, open, createUser, logIn, addTask, row, until, equal }) => {
  const user = await createUser()
  const page = await open()
  const input = page.getByRole('textbox', { name: 'New task' })
  const titles = () => page.locator('.task-title').allTextContents()
  const filter = (name) => page.locator('.filter', { hasText: name }).click()
  const stored = async (title) => (await user.ask('GET', '/tasks?limit=200')).items.find((task) => task.title === title)

  await step('a user logs in', () => logIn(page, user))

  await step('one line adds a task', async () => {
    await addTask(page, 'Water the plants')
    equal((await stored('Water the plants')).deadline, null, 'the deadline')
    equal(await input.inputValue(), '', 'the line afterwards')
  })

  await step('a deadline typed behind the title is understood', async () => {
    const lines = [
      ['Call Anna tomorrow 15:00', 'Call Anna', 1, '15:00'],
      ['Buy bread today at 11pm', 'Buy bread', 0, '23:00'],
      ['Позвонить маме завтра в 9:30', 'Позвонить маме', 1, '09:30'],
    ]
    for (const [line, title, days, time] of lines) {
      await input.fill(line)
      await page.locator('.chip').waitFor()
      await addTask(page, line, title)
      const local = new Intl.DateTimeFormat('sv', { timeZone: 'Europe/Berlin', dateStyle: 'short', timeStyle: 'short' }).format(new Date((await stored(title)).deadline))
      const day = new Intl.DateTimeFormat('sv', { timeZone: 'Europe/Berlin', dateStyle: 'short' }).format(new Date(Date.now() + days * 86_400_000))
      equal(local, `${day} ${time}`, line)
    }
    await addTask(page, 'Pay the rent 2031-02-03 08:15', 'Pay the rent')
    equal((await stored('Pay the rent')).deadline, '2031-02-03T07:15:00.000000Z', 'a date in winter, in the user’s zone')
  })

  await step('what only looks like a deadline can stay text', async () => {
    await input.fill('Watch the film of tomorrow')
    await page.getByRole('button', { name: 'Without this deadline' }).click()
    await input.press('Enter')
    await row(page, 'Watch the film of tomorrow').waitFor()
    await until('it is stored so', async () => (await stored('Watch the film of tomorrow'))?.deadline === null)
  })

  await step('a deadline can be picked', async () => {
    await input.fill('Renew the passport')
    await page.getByRole('button', { name: 'Pick a deadline' }).click()
    await page.getByLabel('Deadline', { exact: true }).fill('2031-07-01T12:30')
    await page.getByText('Due 1 Jul 2031, 12:30').waitFor()
    await page.getByRole('button', { name: 'Add', exact: true }).click()
    await until('it is stored so', async () => (await stored('Renew the passport'))?.deadline === '2031-07-01T10:30:00.000000Z')
  })

  await step('a task is edited in place', async () => {
    await page.getByRole('button', { name: 'Edit: Water the plants' }).click()
    await page.getByLabel('Title', { exact: true }).fill('Water the roses')
    await page.getByLabel('Notes').fill('The red ones, too')
    await page.getByRole('button', { name: 'Save' }).click()
    await row(page, 'Water the roses').getByText('The red ones, too').waitFor()
    await until('it is stored', async () => (await stored('Water the roses'))?.description === 'The red ones, too')
    equal(await page.evaluate(() => document.activeElement.getAttribute('aria-label')), 'Edit: Water the roses', 'where the focus is')
  })

  await step('Escape leaves a task as it was', async () => {
    await page.getByRole('button', { name: 'Edit: Water the roses' }).click()
    await page.getByLabel('Title', { exact: true }).fill('Something else')
    await page.keyboard.press('Escape')
    await row(page, 'Water the roses').waitFor()
  })

  await step('a task is completed by one click, and by one key', async () => {
    await page.getByRole('checkbox', { name: 'Done: Water the roses' }).click()
    await page.getByRole('checkbox', { name: 'Done: Buy bread' }).focus()
    await page.keyboard.press('Space')
    await until('both are stored', async () => (await stored('Water the roses')).completed && (await stored('Buy bread')).completed)
  })

  await step('arrow keys go from task to task', async () => {
    const all = page.locator('.task-check')
    await all.first().focus()
    await page.keyboard.press('ArrowDown')
    equal(await all.nth(1).evaluate((element) => element === document.activeElement), true, 'the focus on the second task')
  })

  await step('a deleted task comes back by undo, with its number', async () => {
    const { id } = await stored('Pay the rent')
    const before = await titles()
    await page.getByRole('button', { name: 'Delete: Pay the rent' }).click()
    await row(page, 'Pay the rent').waitFor({ state: 'detached' })
    await page.getByRole('button', { name: 'Undo' }).click()
    await row(page, 'Pay the rent').waitFor()
    equal(await titles(), before, 'the list')
    equal((await stored('Pay the rent')).id, id, 'its number')
  })

  await step('a task deleted by a key is gone when nobody undoes it', async () => {
    await page.getByRole('checkbox', { name: 'Done: Call Anna' }).focus()
    await page.keyboard.press('Delete')
    await row(page, 'Call Anna').waitFor({ state: 'detached' })
    await page.locator('.toast', { hasText: 'Deleted' }).getByRole('button', { name: 'Close' }).click()
    await until('it is gone', async () => !(await stored('Call Anna')))
  })

  await step('a task deleted right before the page is closed is gone, too', async () => {
    const tab = await open({ context: page.context() })
    await tab.getByRole('button', { name: 'Delete: Renew the passport' }).click()
    await row(tab, 'Renew the passport').waitFor({ state: 'detached' })
    await tab.close({ runBeforeUnload: true })
    await until('it is gone', async () => !(await stored('Renew the passport')))
  })

  await step('filters show what they say', async () => {
    await user.ask('POST', '/tasks', { title: 'Long overdue', deadline: '2020-01-01T00:00:00Z' })
    await filter('Done')
    await until('done ones', async () => (await titles()).sort().join() === ['Buy bread', 'Water the roses'].join())
    await filter('Overdue')
    await until('overdue ones', async () => (await titles()).join() === 'Long overdue')
    await row(page, 'Long overdue').getByText('Overdue:').waitFor()
    await filter('Due soon')
    await until('those due soon', async () => (await titles()).join() === 'Позвонить маме')
    await filter('All')
    await until('all', async () => (await titles()).length === 6)
  })

  await step('the list is sorted as asked', async () => {
    await page.getByLabel('Sort by').selectOption('Deadline')
    await until('by deadline', async () => (await titles())[0] === 'Long overdue')
    await page.getByLabel('Sort by').selectOption('Title')
    await until('by title', async () => (await titles())[0] === 'Buy bread')
    await page.getByLabel('Sort by').selectOption('Newest first')
  })

  await step('the search finds words while they are typed', async () => {
    await page.getByRole('searchbox', { name: 'Search' }).fill('ros')
    await until('a beginning is enough', async () => (await titles()).join() === 'Water the roses')
    await page.getByRole('searchbox', { name: 'Search' }).fill('red water')
    await until('in any order, in notes, too', async () => (await titles()).join() === 'Water the roses')
    await page.getByRole('searchbox', { name: 'Search' }).fill('МАМ')
    await until('in any language', async () => (await titles()).join() === 'Позвонить маме')
    await page.getByRole('searchbox', { name: 'Search' }).fill('"unclosed *** (')
    await page.getByText('Nothing found for').waitFor()
    await filter('Open')
    await page.getByRole('searchbox', { name: 'Search' }).fill('roses')
    await page.getByRole('button', { name: 'Search all tasks' }).click()
    await row(page, 'Water the roses').waitFor()
    await page.getByRole('searchbox', { name: 'Search' }).fill('')
  })

  await step('a long list goes on while it is scrolled', async () => {
    for (let i = 0; i < 130; i += 10) {
      await Promise.all(Array.from({ length: 10 }, (_, j) => user.ask('POST', '/tasks', { title: `Page ${i + j}` })))
    }
    await page.reload()
    await until('the first page', async () => (await titles()).length >= 50)
    await until('the end', async () => {
      await page.mouse.wheel(0, 4000)
      return (await titles()).length === 136
    })
    equal(new Set(await titles()).size, 136, 'how many different ones there are')
  })

  await step('markup in a title is text', async () => {
    await addTask(page, '<img src=x onerror=alert(1)> & <b>bold</b>')
    equal(await page.locator('.tasks img, .tasks b').count(), 0, 'elements made of it')
  })
}
