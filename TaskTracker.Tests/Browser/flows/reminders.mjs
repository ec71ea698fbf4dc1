export default async ({ step, open, createUser, logIn, until, equal }) => {
  const user = await createUser()
  const page = await open({ permissions: ['notifications'] })
  await page.context().addInitScript(() => {
    // A headless browser shows no notifications, and its pages always have the focus.
    globalThis.shown = []
    globalThis.Notification = class {
      static permission = 'granted'
      constructor(title, { body }) {
        globalThis.shown.push(`${title}: ${body}`)
      }
    }
    document.hasFocus = () => false
  })
  await page.reload()
  await logIn(page, user)
  const tab = await open({ context: page.context() })

  await step('a reminder arrives live, in every tab, with a badge and a notification', async () => {
    await tab.getByRole('textbox', { name: 'New task' }).waitFor()
    await user.ask('POST', '/tasks', { title: 'Take the cake out', deadline: new Date(Date.now() + 5_000).toISOString() })
    for (const each of [page, tab]) {
      await each.locator('.toast', { hasText: 'Reminder: “Take the cake out”' }).waitFor({ timeout: 30_000 })
      await each.getByRole('button', { name: 'Reminders, 1 new' }).waitFor()
      await until('the title counts it', async () => (await each.title()) === '(1) TaskTracker')
    }
    const shown = async () => (await Promise.all([page, tab].map((each) => each.evaluate(() => globalThis.shown)))).flat()
    await until('a notification was shown', async () => (await shown()).length > 0)
    equal((await shown()).map((text) => text.replace(/”.*/, '”')), ['TaskTracker: Reminder: “Take the cake out”'], 'what was shown outside of the page')
  })

  await step('reminders are listed, and read when somebody says so', async () => {
    await page.getByRole('button', { name: 'Reminders, 1 new' }).click()
    const dialog = page.getByRole('dialog', { name: 'Reminders' })
    await dialog.getByText('Reminder: “Take the cake out”').waitFor()
    await dialog.getByRole('button', { name: 'Mark all as read' }).click()
    await page.locator('.badge').waitFor({ state: 'detached' })
    await page.keyboard.press('Escape')
    await page.getByRole('button', { name: 'Reminders', exact: true }).waitFor()
    await tab.locator('.badge').waitFor({ state: 'detached' })
    equal((await user.ask('GET', '/notifications/unread')).unread, 0, 'what the service counts')
  })

  await step('when the tab with the stream is closed, another takes over', async () => {
    await page.close()
    await user.ask('POST', '/tasks', { title: 'Turn the oven off', deadline: new Date(Date.now() + 6_000).toISOString() })
    await tab.locator('.toast', { hasText: 'Reminder: “Turn the oven off”' }).waitFor({ timeout: 30_000 })
  })
}
